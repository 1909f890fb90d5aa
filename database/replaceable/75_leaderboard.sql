-- The leaderboard: a score for every creator with a finished video, and their place. The frontend has the same formula.

CREATE FUNCTION logic.creator_score(
    idle interval, videos bigint, likes bigint, dislikes bigint
) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT round((
        0.4 * greatest(0, least(100, 100 - extract(epoch FROM idle)::double precision / 86400 / 30 * 100))
        + 0.3 * least(100, videos / 50.0::double precision * 100)
        + 0.2 * least(100, log(likes + 1) / log(1001::double precision) * 100)
        + 0.1 * least(100, dislikes / 100.0::double precision * 100))::numeric, 1)
$$;

-- Bring score and place up to date, and return the answer of the route. Counters are only read: a like that arrives
-- meanwhile waits for its creator's row at most, loses nothing, and moves the score the next time.
CREATE FUNCTION logic.recompute_leaderboard() RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_creators bigint;
    v_changed bigint;
BEGIN
    -- Not while somebody is being deleted, who holds creators' rows in another order (37_deletion.sql), and not twice at
    -- once: the second would only wait for the first's rows, and then find nothing to change.
    PERFORM logic.take_turns();
    WITH scored AS (
        SELECT stats.user_id, profile.last_active_at, logic.creator_score(
            now() - profile.last_active_at, stats.videos_created, stats.total_likes, stats.total_dislikes) AS score
        FROM creator_stats AS stats JOIN profiles AS profile ON profile.id = stats.user_id
        WHERE stats.videos_created > 0
    ), placed AS MATERIALIZED (
        SELECT user_id, last_active_at, score, rank() OVER (ORDER BY score DESC)::integer AS place, now() AS moment FROM scored
    ), wanted AS (
        SELECT * FROM placed
        UNION ALL
        -- Their last video is gone.
        SELECT user_id, NULL, 0, NULL, NULL FROM creator_stats WHERE videos_created = 0 AND recomputed_at IS NOT NULL
    ), changed AS MATERIALIZED (
        SELECT wanted.* FROM wanted JOIN creator_stats AS stats ON stats.user_id = wanted.user_id
        WHERE (stats.creator_score, stats.rank, stats.last_active_at, stats.recomputed_at IS NULL)
            IS DISTINCT FROM (wanted.score, wanted.place, wanted.last_active_at, wanted.moment IS NULL)
    ), locked AS MATERIALIZED (
        -- By id, as the counters lock them.
        SELECT user_id FROM creator_stats WHERE user_id IN (SELECT user_id FROM changed) ORDER BY user_id FOR NO KEY UPDATE
    ), written AS (
        UPDATE creator_stats AS stats SET
            creator_score = changed.score, rank = changed.place, last_active_at = changed.last_active_at,
            recomputed_at = changed.moment
        FROM changed JOIN locked ON locked.user_id = changed.user_id
        WHERE stats.user_id = changed.user_id
        RETURNING stats.user_id
    )
    SELECT (SELECT count(*) FROM placed), (SELECT count(*) FROM written) INTO v_creators, v_changed;
    RETURN json_build_object('creators', v_creators, 'changed', v_changed,
        'milliseconds', round(extract(epoch FROM clock_timestamp() - statement_timestamp()) * 1000));
END $$;
