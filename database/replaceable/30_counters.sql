-- Counters, kept by triggers so that every writer is bound by them: one trigger call for a whole statement, one update by
-- primary key for each row that changes. Loops and not one update joined to all changes: that one would be planned anew
-- for every like (4 ms instead of 0.1), or once for all, for a bulk load perhaps, and then read whole tables for a like.
--
-- Lock order. Every statement of the API takes its locks in the order
--     rate_limits, profiles, video_jobs, videos, video_reactions or video_views, creator_stats,
-- and of one table by their id, of rate_limits the caller's own row before one that many share,
-- so two of them never wait for each other in a circle:
-- - A reaction or a view is written under a KEY SHARE lock on its video (65_reactions.sql), which a deletion respects and
--   nobody else minds. The trigger then raises it to the lock of an update; Postgres lets a holder pass those who queue.
-- - Only the creator's row comes after that, and whoever holds it waits for nothing more. That is why a person's
--   last_active_at is on profiles: on creator_stats it would be locked by the liker before, and by the liked after, the
--   video between them.
-- - Whoever needs many creators' rows goes by their id (a bulk insert, the leaderboard); deletions, which cannot, take
--   turns with each other and with the leaderboard (37_deletion.sql).
-- - Whoever acts has their own profile locked before (logic.ensure_profile), also KEY SHARE.
-- - A creation spends its hour's allowance late, after the advisory lock under which the queue is counted
--   (60_creation.sql): nobody waits for that row, since whoever wants it has the same person's tries locked before. And
--   who has the advisory lock waits for nothing more, but writes new rows and what hangs on rows it has.
-- - A statement that writes about many videos first locks people and videos so, by id (docs/data.md has an example).
-- What is left is what an operator may write by hand without that, at the moment of a deletion of the same videos or of
-- a worker that finishes one of them. Postgres ends one of the two, nothing is counted wrong, and it may be sent again.

CREATE FUNCTION logic.start_video() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    -- Whatever the writer says: a new video has no likes, and its score begins when it is published.
    IF TG_OP = 'INSERT' THEN
        NEW.likes_count := 0;
        NEW.dislikes_count := 0;
        NEW.views_count := 0;
        NEW.heat := NULL;
        NEW.heat_peak := NULL;
        NEW.ranking_score := NULL;
    END IF;
    IF NEW.status = 'completed' AND NEW.heat IS NULL THEN
        NEW.published_at := coalesce(NEW.published_at, now());
        NEW.heat := logic.publish_heat(NEW.published_at);
        NEW.heat_peak := NEW.heat;
        NEW.ranking_score := logic.score(NEW.heat, 0, 0);
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER start_video BEFORE INSERT OR UPDATE OF status ON videos
FOR EACH ROW EXECUTE FUNCTION logic.start_video();

-- Something a person did, and when: what their last_active_at follows.
CREATE TYPE logic.activity AS (user_id uuid, moment timestamptz);

CREATE FUNCTION logic.note_activity(activities logic.activity[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_latest logic.activity;
BEGIN
    -- An upsert fires the triggers of both INSERT and UPDATE, one of them for no rows.
    IF cardinality(activities) = 0 THEN
        RETURN;
    END IF;
    -- Once a minute at most: a row that everything a person does would lock is a bottleneck. After the API's own
    -- statements nothing is left to do here, since they begin with logic.ensure_profile, which does the same.
    FOR v_latest IN
        SELECT user_id, least(max(moment), now()) FROM unnest(activities) WHERE user_id IS NOT NULL
        GROUP BY user_id ORDER BY user_id
    LOOP
        UPDATE profiles SET last_active_at = v_latest.moment
        WHERE id = v_latest.user_id AND last_active_at < v_latest.moment - interval '1 minute';
    END LOOP;
END $$;

CREATE TYPE logic.creator_change AS (user_id uuid, videos bigint, likes bigint, dislikes bigint);

CREATE FUNCTION logic.apply_creator_changes(changes logic.creator_change[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_change logic.creator_change;
BEGIN
    FOR v_change IN
        SELECT user_id, sum(videos), sum(likes), sum(dislikes) FROM unnest(changes) GROUP BY user_id ORDER BY user_id
    LOOP
        UPDATE creator_stats SET
            videos_created = videos_created + v_change.videos,
            total_likes = total_likes + v_change.likes,
            total_dislikes = total_dislikes + v_change.dislikes
        WHERE user_id = v_change.user_id;
    END LOOP;
END $$;

CREATE FUNCTION logic.count_new_videos() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM logic.note_activity(ARRAY(SELECT (user_id, created_at)::logic.activity FROM new_rows));
    PERFORM logic.apply_creator_changes(ARRAY(
        SELECT (user_id, count(*), 0, 0)::logic.creator_change
        FROM new_rows WHERE status = 'completed' GROUP BY user_id));
    RETURN NULL;
END $$;
CREATE TRIGGER count_new_videos AFTER INSERT ON videos
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION logic.count_new_videos();

-- By row, since Postgres gives no transition tables to a trigger on one column, and without the column every like
-- would pass through here. A status changes one video at a time, to completed only once, and then nobody has reacted.
CREATE FUNCTION logic.count_finished_video() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM logic.apply_creator_changes(ARRAY[(NEW.user_id, 1, 0, 0)::logic.creator_change]);
    RETURN NULL;
END $$;
CREATE TRIGGER count_finished_video AFTER UPDATE OF status ON videos
FOR EACH ROW WHEN (OLD.status <> 'completed' AND NEW.status = 'completed')
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
DECLARE
    v_change record;
    v_creators logic.creator_change[];
BEGIN
    IF cardinality(events) = 0 THEN
        RETURN;
    END IF;
    FOR v_change IN
        SELECT video_id,
            coalesce(sum(change) FILTER (WHERE reaction = 'like'), 0) AS likes,
            coalesce(sum(change) FILTER (WHERE reaction = 'dislike'), 0) AS dislikes,
            logic.heat_sum(array_agg(logic.half_lives(created_at)) FILTER (WHERE reaction = 'like' AND change = 1)) AS added,
            logic.heat_sum(array_agg(logic.half_lives(created_at)) FILTER (WHERE reaction = 'like' AND change = -1)) AS removed
        FROM unnest(events) GROUP BY video_id ORDER BY video_id
    LOOP
        v_creators := v_creators || logic.change_video(
            v_change.video_id, v_change.likes, v_change.dislikes, v_change.added, v_change.removed);
    END LOOP;
    PERFORM logic.apply_creator_changes(v_creators);
END $$;

-- Change one video's counters and heat; return what that means for its creator.
CREATE FUNCTION logic.change_video(
    p_video_id uuid, p_likes bigint, p_dislikes bigint, p_added double precision, p_removed double precision
) RETURNS logic.creator_change
LANGUAGE plpgsql AS $$
DECLARE
    v_video videos;
    v_heat double precision;
    v_heat_peak double precision;
BEGIN
    -- A statement of its own: what follows must see what those wrote who had the lock before.
    SELECT * INTO v_video FROM videos WHERE id = p_video_id FOR NO KEY UPDATE;
    -- Deleted by this very statement. What its creator loses is counted with the video.
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    v_heat := logic.heat_add(v_video.heat, p_added);
    v_heat_peak := greatest(v_video.heat_peak, v_heat);
    v_heat := logic.heat_subtract(v_heat, p_removed);
    IF logic.may_be_inexact(v_heat, v_heat_peak) THEN
        v_heat := logic.heat_from_rows(p_video_id, v_video.published_at);
        v_heat_peak := v_heat;
    END IF;
    UPDATE videos SET
        likes_count = likes_count + p_likes,
        dislikes_count = dislikes_count + p_dislikes,
        heat = v_heat,
        heat_peak = v_heat_peak,
        ranking_score = logic.score(v_heat, likes_count + p_likes, dislikes_count + p_dislikes)
    WHERE id = p_video_id;
    RETURN (v_video.user_id, 0, p_likes, p_dislikes)::logic.creator_change;
END $$;

CREATE FUNCTION logic.count_new_reactions() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM logic.note_activity(ARRAY(SELECT (user_id, created_at)::logic.activity FROM new_rows));
    PERFORM logic.apply_reactions(ARRAY(
        SELECT (video_id, reaction, created_at, 1)::logic.reaction_event FROM new_rows));
    RETURN NULL;
END $$;
CREATE TRIGGER count_new_reactions AFTER INSERT ON video_reactions
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION logic.count_new_reactions();

CREATE FUNCTION logic.count_changed_reactions() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM logic.note_activity(ARRAY(SELECT (user_id, created_at)::logic.activity FROM new_rows));
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

CREATE FUNCTION logic.apply_views(video_ids uuid[], sign integer) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_change record;
BEGIN
    FOR v_change IN
        SELECT video_id, count(*) AS views FROM unnest(video_ids) AS video_id GROUP BY video_id ORDER BY video_id
    LOOP
        UPDATE videos SET views_count = views_count + sign * v_change.views WHERE id = v_change.video_id;
    END LOOP;
END $$;

CREATE FUNCTION logic.count_new_views() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM logic.note_activity(ARRAY(SELECT (user_id, created_at)::logic.activity FROM new_rows WHERE user_id IS NOT NULL));
    PERFORM logic.apply_views(ARRAY(SELECT video_id FROM new_rows), 1);
    RETURN NULL;
END $$;
CREATE TRIGGER count_new_views AFTER INSERT ON video_views
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION logic.count_new_views();

CREATE FUNCTION logic.count_lost_views() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM logic.apply_views(ARRAY(SELECT video_id FROM old_rows), -1);
    RETURN NULL;
END $$;
CREATE TRIGGER count_lost_views AFTER DELETE ON video_views
REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION logic.count_lost_views();
