-- The JSON the API answers with, built here once. A route selects from these views; what it does not select costs nothing.

CREATE FUNCTION logic.with_field(object json, name text, value json) RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- The object with one more field at its end, a null one too: json_strip_nulls leaves no other way to send a null.
    SELECT (left(object::text, -1) || ',' || to_json(name)::text || ':' || coalesce(value::text, 'null') || '}')::json
$$;

-- Close the JSON of a video: a signed-in viewer is told their own reaction, null for none; nobody else gets the field.
-- STABLE as concat is, and each parameter used once: else Postgres would call it for every video and not inline it.
CREATE FUNCTION logic.with_reaction(open_shape text, viewer uuid, reaction reaction_kind) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT concat(open_shape,
        CASE WHEN viewer IS NOT NULL THEN ', "viewerReaction": ' || coalesce('"' || reaction || '"', 'null') END, '}')
$$;

CREATE FUNCTION logic.cursor(list text, sort_value text, id uuid) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- Opaque to clients, read by shared/cursors.py: base64url of version, list, the last row's sort value and its id.
    SELECT translate(encode(convert_to(concat_ws('|', 'v1', list, sort_value, id), 'UTF8'), 'base64'), E'+/=\n', '-_')
$$;

-- The JSON of a video, as text and put together by hand: half the work of json_build_object and json_strip_nulls, which
-- was most of what the database did for a page (ADR 6). Whatever may hold any character goes through to_json. An absent
-- value takes its name with it, since a text || null is null, and concat leaves that out. The object is left open:
-- logic.with_reaction closes it.
CREATE VIEW logic.video_shapes AS
SELECT
    video.id, video.user_id, video.status, video.ranking_score, video.published_at, video.created_at, video.likes_count,
    concat(
        '{"id": "', video.id, '"',
        ', "prompt": ', to_json(video.prompt),
        ', "videoUrl": ', to_json(video.video_url),
        ', "thumbnailUrl": ' || to_json(video.thumbnail_url)::text,
        ', "userId": "', video.user_id, '"',
        ', "username": ', to_json(profile.username),
        ', "likes": ', video.likes_count,
        ', "dislikes": ', video.dislikes_count,
        ', "views": ', video.views_count,
        ', "createdAt": ', to_json(video.created_at),
        ', "updatedAt": ', to_json(video.updated_at),
        ', "status": "', video.status, '"',
        ', "ranking_score": ' || video.ranking_score,
        ', "sourceVideoId": "' || video.source_video_id || '"',
        ', "durationSeconds": ' || video.duration_seconds,
        ', "assets": [', (
            SELECT string_agg(concat(
                '{"assetType": "', asset.asset_type, '"',
                ', "storageBackend": ', to_json(asset.storage_backend),
                ', "publicUrl": ', to_json(asset.public_url),
                ', "filePath": ', to_json(asset.file_path),
                ', "storageKey": ', to_json(asset.storage_key),
                ', "sourceUrl": ' || to_json(asset.source_url)::text,
                ', "durationSeconds": ' || asset.duration_seconds,
                '}'), ', ' ORDER BY asset.asset_type)
            FROM video_assets AS asset WHERE asset.video_id = video.id), ']',
        -- One is the next to be rendered.
        ', "queuePosition": ' || CASE WHEN video.status = 'pending' THEN (
            SELECT count(*) FROM video_jobs AS ahead
            WHERE ahead.status = 'queued' AND (ahead.created_at, ahead.id) <= (job.created_at, job.id)) END,
        ', "progress": ' || CASE WHEN video.status IN ('pending', 'processing') THEN job.progress END,
        ', "pollAfterSeconds": ' || CASE WHEN video.status IN ('pending', 'processing') THEN 5 END,
        ', "failure": ' || CASE WHEN video.status = 'failed' THEN json_strip_nulls(json_build_object(
            'code', job.failure_code, 'message', job.failure_reason, 'retryable', job.failure_retryable))::text END,
        ', "failureReason": ' || CASE WHEN video.status = 'failed' THEN to_json(job.failure_reason)::text END
    ) AS open_shape
FROM videos AS video
JOIN profiles AS profile ON profile.id = video.user_id
LEFT JOIN video_jobs AS job ON job.video_id = video.id AND video.status <> 'completed';
