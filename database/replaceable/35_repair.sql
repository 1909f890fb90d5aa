-- Counting again what the triggers count: for a restored backup, a bulk load that went past them, a new formula.
-- Safe while people use the service: each row is counted by a statement that begins when the row is locked, so what
-- was written before is seen, and what is written after is added by its own trigger.

-- Count a video's figures anew from its rows; return what was changed, or null.
CREATE FUNCTION logic.repair_video(p_video_id uuid) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_before videos;
    v_after videos;
BEGIN
    PERFORM set_config('instaveo.repairing', 'on', true);
    SELECT * INTO v_before FROM videos WHERE id = p_video_id AND status = 'completed' FOR NO KEY UPDATE;
    WITH counted AS (
        SELECT count(*) FILTER (WHERE reaction = 'like') AS likes, count(*) FILTER (WHERE reaction = 'dislike') AS dislikes,
            (SELECT count(*) FROM video_views WHERE video_id = v_before.id) AS views,
            logic.heat_from_rows(v_before.id, v_before.published_at) AS heat
        FROM video_reactions WHERE video_id = v_before.id
    )
    UPDATE videos SET
        likes_count = likes, dislikes_count = dislikes, views_count = views,
        heat = counted.heat, heat_peak = counted.heat, ranking_score = logic.score(counted.heat, likes, dislikes)
    FROM counted WHERE id = v_before.id
    RETURNING videos.* INTO v_after;
    PERFORM set_config('instaveo.repairing', '', true);
    RETURN nullif(concat_ws(', ',
        logic.change_text('likes', v_before.likes_count, v_after.likes_count),
        logic.change_text('dislikes', v_before.dislikes_count, v_after.dislikes_count),
        logic.change_text('views', v_before.views_count, v_after.views_count),
        logic.change_text('score', round(v_before.ranking_score::numeric, 6), round(v_after.ranking_score::numeric, 6))), '');
END $$;

-- Bring a creator's row to the sums over their videos, making it when it is missing; return what was changed, or null.
CREATE FUNCTION logic.repair_creator(p_user_id uuid) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_before creator_stats;
    v_after creator_stats;
BEGIN
    PERFORM set_config('instaveo.repairing', 'on', true);
    INSERT INTO creator_stats (user_id) SELECT id FROM profiles WHERE id = p_user_id ON CONFLICT DO NOTHING;
    SELECT * INTO v_before FROM creator_stats WHERE user_id = p_user_id FOR NO KEY UPDATE;
    UPDATE creator_stats SET videos_created = videos, total_likes = likes, total_dislikes = dislikes
    FROM (
        SELECT count(*) AS videos, coalesce(sum(likes_count), 0) AS likes, coalesce(sum(dislikes_count), 0) AS dislikes
        FROM videos WHERE user_id = p_user_id AND status = 'completed'
    ) AS summed
    WHERE user_id = p_user_id
    RETURNING creator_stats.* INTO v_after;
    PERFORM set_config('instaveo.repairing', '', true);
    RETURN nullif(concat_ws(', ',
        logic.change_text('videos', v_before.videos_created, v_after.videos_created),
        logic.change_text('likes', v_before.total_likes, v_after.total_likes),
        logic.change_text('dislikes', v_before.total_dislikes, v_after.total_dislikes)), '');
END $$;

-- Bring last_active_at to the newest thing the person did; return what was changed, or null.
CREATE FUNCTION logic.repair_activity(p_user_id uuid) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_before timestamptz;
    v_after timestamptz;
BEGIN
    SELECT last_active_at INTO v_before FROM profiles WHERE id = p_user_id FOR NO KEY UPDATE;
    UPDATE profiles SET last_active_at = greatest(last_active_at, logic.newest_activity(p_user_id))
    WHERE id = p_user_id RETURNING last_active_at INTO v_after;
    RETURN logic.change_text('last active', v_before, v_after);
END $$;

CREATE FUNCTION logic.newest_activity(p_user_id uuid) RETURNS timestamptz
LANGUAGE sql STABLE AS $$
    SELECT least(now(), greatest(
        (SELECT max(created_at) FROM videos WHERE user_id = p_user_id),
        (SELECT max(created_at) FROM video_reactions WHERE user_id = p_user_id),
        (SELECT max(created_at) FROM video_views WHERE user_id = p_user_id)))
$$;

CREATE FUNCTION logic.change_text(name text, before anyelement, after anyelement) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN before IS DISTINCT FROM after
        THEN format('%s %s -> %s', name, coalesce(before::text, 'none'), coalesce(after::text, 'none')) END
$$;
