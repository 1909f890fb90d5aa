-- The JSON the API answers with, built here once. A route selects from these views; what it does not select costs nothing.

CREATE FUNCTION logic.with_field(object json, name text, value json) RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- The object with one more field at its end, a null one too: json_strip_nulls leaves no other way to send a null.
    SELECT (left(object::text, -1) || ',' || to_json(name)::text || ':' || coalesce(value::text, 'null') || '}')::json
$$;

CREATE FUNCTION logic.with_reaction(shape json, viewer uuid, reaction reaction_kind) RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- A signed-in viewer is told their own reaction, null for none; nobody else gets the field.
    SELECT CASE WHEN viewer IS NULL THEN shape ELSE logic.with_field(shape, 'viewerReaction', to_json(reaction)) END
$$;

CREATE FUNCTION logic.cursor(list text, sort_value text, id uuid) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- Opaque to clients, read by shared/cursors.py: base64url of version, list, the last row's sort value and its id.
    SELECT translate(encode(convert_to(concat_ws('|', 'v1', list, sort_value, id), 'UTF8'), 'base64'), E'+/=\n', '-_')
$$;

CREATE VIEW logic.video_shapes AS
SELECT
    video.id, video.user_id, video.status, video.ranking_score, video.published_at, video.created_at, video.likes_count,
    json_strip_nulls(json_build_object(
        'id', video.id,
        'prompt', video.prompt,
        'videoUrl', video.video_url,
        'thumbnailUrl', video.thumbnail_url,
        'userId', video.user_id,
        'username', profile.username,
        'likes', video.likes_count,
        'dislikes', video.dislikes_count,
        'views', video.views_count,
        'createdAt', video.created_at,
        'updatedAt', video.updated_at,
        'status', video.status,
        'ranking_score', video.ranking_score,
        'sourceVideoId', video.source_video_id,
        'durationSeconds', video.duration_seconds,
        'assets', coalesce((
            SELECT json_agg(json_build_object(
                'assetType', asset.asset_type,
                'storageBackend', asset.storage_backend,
                'publicUrl', asset.public_url,
                'filePath', asset.file_path,
                'storageKey', asset.storage_key,
                'sourceUrl', asset.source_url,
                'durationSeconds', asset.duration_seconds) ORDER BY asset.asset_type)
            FROM video_assets AS asset WHERE asset.video_id = video.id), '[]'),
        -- One is the next to be rendered.
        'queuePosition', CASE WHEN video.status = 'pending' THEN (
            SELECT count(*) FROM video_jobs AS ahead
            WHERE ahead.status = 'queued' AND (ahead.created_at, ahead.id) <= (job.created_at, job.id)) END,
        'progress', CASE WHEN video.status IN ('pending', 'processing') THEN job.progress END,
        'pollAfterSeconds', CASE WHEN video.status IN ('pending', 'processing') THEN 5 END,
        'failure', CASE WHEN video.status = 'failed' THEN json_build_object(
            'code', job.failure_code, 'message', job.failure_reason, 'retryable', job.failure_retryable) END,
        'failureReason', CASE WHEN video.status = 'failed' THEN job.failure_reason END
    )) AS shape
FROM videos AS video
JOIN profiles AS profile ON profile.id = video.user_id
LEFT JOIN video_jobs AS job ON job.video_id = video.id AND video.status <> 'completed';
