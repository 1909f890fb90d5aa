-- The JSON of a UserProfile. An e-mail address is for its owner alone, so it is put in last, when it is known who looks.

CREATE VIEW logic.profile_shapes AS
SELECT
    profile.id, profile.email, stats.rank, stats.videos_created,
    json_strip_nulls(json_build_object(
        'id', profile.id,
        'username', profile.username,
        'avatarUrl', profile.avatar_url,
        'videosCreated', stats.videos_created,
        'totalLikes', stats.total_likes,
        'totalDislikes', stats.total_dislikes,
        'lastActiveAt', profile.last_active_at,
        'createdAt', profile.created_at,
        'rank', stats.rank,
        -- Left out until the first recompute, so that a client falls back to its own formula and not to zero.
        'creatorScore', CASE WHEN stats.recomputed_at IS NOT NULL THEN stats.creator_score END
    )) AS shape
FROM profiles AS profile
JOIN creator_stats AS stats ON stats.user_id = profile.id;

CREATE FUNCTION logic.with_email(shape json, email text, profile_id uuid, viewer uuid) RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT logic.with_field(shape, 'email', to_json(CASE WHEN profile_id = viewer THEN email ELSE '' END))
$$;

-- A profile as its owner sees it.
CREATE FUNCTION logic.own_profile(p_user_id uuid) RETURNS text
LANGUAGE sql AS $$
    SELECT logic.with_email(shape, email, id, p_user_id)::text FROM logic.profile_shapes WHERE id = p_user_id
$$;

-- The owner's profile at the first sight of them.
CREATE FUNCTION logic.first_profile(p_user_id uuid, p_email text, p_username text) RETURNS text
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM logic.ensure_profile(p_user_id, p_email, p_username);
    RETURN logic.own_profile(p_user_id);
END $$;
