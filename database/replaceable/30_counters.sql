-- Counters, kept by triggers so that every writer is bound by them, one update for a whole statement's rows.
--
-- Lock order. Every statement takes its locks in the order rate_limits, profiles, video_reactions or video_views,
-- videos, creator_stats, and rows of one table by their id. Two transactions then never wait for each other in a circle.
-- That is also why a user's last_active_at is on profiles: kept on creator_stats it would be locked by the liker
-- before, and by the liked after, the video between them.

CREATE FUNCTION logic.start_video() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    -- Whatever the writer says: a new video has no likes, and its score begins when it is published.
    IF TG_OP = 'INSERT' THEN
        NEW.likes_count := 0;
        NEW.dislikes_count := 0;
        NEW.views_count := 0;
        NEW.heat := NULL;
        NEW.ranking_score := NULL;
    END IF;
    IF NEW.status = 'completed' AND NEW.heat IS NULL THEN
        NEW.published_at := coalesce(NEW.published_at, now());
        NEW.heat := logic.publish_heat(NEW.published_at);
        NEW.ranking_score := logic.score(NEW.heat, 0, 0);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER start_video BEFORE INSERT OR UPDATE OF status ON videos
FOR EACH ROW EXECUTE FUNCTION logic.start_video();

CREATE TYPE logic.creator_change AS (user_id uuid, videos integer, likes bigint, dislikes bigint);

CREATE FUNCTION logic.apply_creator_changes(changes logic.creator_change[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM creator_stats WHERE user_id IN (SELECT user_id FROM unnest(changes)) ORDER BY user_id FOR NO KEY UPDATE;
    UPDATE creator_stats AS stats SET
        videos_created = stats.videos_created + change.videos,
        total_likes = stats.total_likes + change.likes,
        total_dislikes = stats.total_dislikes + change.dislikes
    FROM (
        SELECT user_id, sum(videos) AS videos, sum(likes) AS likes, sum(dislikes) AS dislikes
        FROM unnest(changes) GROUP BY user_id
    ) AS change
    WHERE stats.user_id = change.user_id;
END $$;

CREATE FUNCTION logic.count_new_videos() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM logic.apply_creator_changes(ARRAY(
        SELECT (user_id, count(*), 0, 0)::logic.creator_change
        FROM new_rows WHERE status = 'completed' GROUP BY user_id));
    RETURN NULL;
END $$;
CREATE TRIGGER count_new_videos AFTER INSERT ON videos
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION logic.count_new_videos();

-- By row, since Postgres gives no transition tables to a trigger on one column, and without the column every like
-- would pass through here. A status changes one video at a time.
CREATE FUNCTION logic.count_finished_video() RETURNS trigger
LANGUAGE plpgsql AS $$
DECLARE
    v_sign integer := CASE WHEN NEW.status = 'completed' THEN 1 ELSE -1 END;
BEGIN
    PERFORM logic.apply_creator_changes(
        ARRAY[(NEW.user_id, v_sign, v_sign * NEW.likes_count, v_sign * NEW.dislikes_count)::logic.creator_change]);
    RETURN NULL;
END $$;
CREATE TRIGGER count_finished_video AFTER UPDATE OF status ON videos
FOR EACH ROW WHEN ((OLD.status = 'completed') IS DISTINCT FROM (NEW.status = 'completed'))
EXECUTE FUNCTION logic.count_finished_video();

CREATE FUNCTION logic.count_deleted_videos() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM logic.apply_creator_changes(ARRAY(
        SELECT (user_id, -count(*), -sum(likes_count), -sum(dislikes_count))::logic.creator_change
        FROM old_rows WHERE status = 'completed' GROUP BY user_id));
    RETURN NULL;
END $$;
CREATE TRIGGER count_deleted_videos AFTER DELETE ON videos
REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION logic.count_deleted_videos();

-- One reaction that came (change 1) or went (change -1).
CREATE TYPE logic.reaction_event AS (video_id uuid, reaction reaction_kind, created_at timestamptz, change integer);

CREATE FUNCTION logic.apply_reactions(events logic.reaction_event[]) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(events) = 0 THEN
        RETURN;
    END IF;
    PERFORM FROM videos WHERE id IN (SELECT video_id FROM unnest(events)) ORDER BY id FOR NO KEY UPDATE;
    WITH change AS (
        SELECT video_id,
            coalesce(sum(change) FILTER (WHERE reaction = 'like'), 0) AS likes,
            coalesce(sum(change) FILTER (WHERE reaction = 'dislike'), 0) AS dislikes,
            logic.heat_sum(array_agg(logic.half_lives(created_at)) FILTER (WHERE reaction = 'like' AND change = 1)) AS added,
            logic.heat_sum(array_agg(logic.half_lives(created_at)) FILTER (WHERE reaction = 'like' AND change = -1)) AS removed
        FROM unnest(events) GROUP BY video_id
    ), heated AS (
        SELECT video.id, change.likes, change.dislikes, coalesce(
            logic.heat_subtract(logic.heat_add(video.heat, change.added), change.removed),
            logic.heat_from_rows(video.id, video.published_at)) AS heat
        FROM change JOIN videos AS video ON video.id = change.video_id
    )
    UPDATE videos AS video SET
        likes_count = video.likes_count + heated.likes,
        dislikes_count = video.dislikes_count + heated.dislikes,
        heat = heated.heat,
        ranking_score = logic.score(
            heated.heat, video.likes_count + heated.likes, video.dislikes_count + heated.dislikes)
    FROM heated WHERE video.id = heated.id;
    PERFORM logic.apply_creator_changes(ARRAY(
        SELECT (video.user_id, 0,
            coalesce(sum(event.change) FILTER (WHERE event.reaction = 'like'), 0),
            coalesce(sum(event.change) FILTER (WHERE event.reaction = 'dislike'), 0))::logic.creator_change
        FROM unnest(events) AS event JOIN videos AS video ON video.id = event.video_id
        GROUP BY video.user_id));
END $$;

CREATE FUNCTION logic.count_new_reactions() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM logic.apply_reactions(ARRAY(
        SELECT (video_id, reaction, created_at, 1)::logic.reaction_event FROM new_rows));
    RETURN NULL;
END $$;
CREATE TRIGGER count_new_reactions AFTER INSERT ON video_reactions
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION logic.count_new_reactions();

CREATE FUNCTION logic.count_changed_reactions() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM logic.apply_reactions(ARRAY(
        SELECT (video_id, reaction, created_at, 1)::logic.reaction_event FROM new_rows
        UNION ALL
        SELECT (video_id, reaction, created_at, -1)::logic.reaction_event FROM old_rows));
    RETURN NULL;
END $$;
CREATE TRIGGER count_changed_reactions AFTER UPDATE ON video_reactions
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION logic.count_changed_reactions();

CREATE FUNCTION logic.count_lost_reactions() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM logic.apply_reactions(ARRAY(
        SELECT (video_id, reaction, created_at, -1)::logic.reaction_event FROM old_rows));
    RETURN NULL;
END $$;
CREATE TRIGGER count_lost_reactions AFTER DELETE ON video_reactions
REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION logic.count_lost_reactions();

CREATE FUNCTION logic.count_views() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM videos WHERE id IN (SELECT video_id FROM changed_rows) ORDER BY id FOR NO KEY UPDATE;
    UPDATE videos AS video SET
        views_count = video.views_count + change.views * CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END
    FROM (SELECT video_id, count(*) AS views FROM changed_rows GROUP BY video_id) AS change
    WHERE video.id = change.video_id;
    RETURN NULL;
END $$;
CREATE TRIGGER count_new_views AFTER INSERT ON video_views
REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION logic.count_views();
CREATE TRIGGER count_lost_views AFTER DELETE ON video_views
REFERENCING OLD TABLE AS changed_rows FOR EACH STATEMENT EXECUTE FUNCTION logic.count_views();
