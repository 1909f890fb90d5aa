-- Creating a video: every rule and the rows themselves, in one turn.

-- `p_source_video_id` set: recreate that video's prompt; `p_prompt` is then ignored.
CREATE FUNCTION logic.create_video(
    p_user_id uuid, p_email text, p_username text, p_prompt text, p_source_video_id uuid,
    p_idempotency_key text, p_request_hash text,
    p_cooldown_seconds double precision, p_queue_maxsize integer, p_deadline_seconds double precision
) RETURNS logic.answer
LANGUAGE plpgsql AS $$
DECLARE
    -- Every try is one, whatever comes of it: what is refused below costs the database something too.
    v_answer logic.answer := logic.spend(p_user_id::text, 'create_attempts', 60, 60);
    v_prompt text := p_prompt;
    v_video_id uuid;
    v_cooled_since timestamptz;
    v_wait_seconds double precision;
    v_created_at timestamptz;
BEGIN
    IF v_answer.error IS NOT NULL THEN
        RETURN v_answer;
    END IF;
    PERFORM logic.ensure_profile(p_user_id, p_email, p_username);
    -- One creation of a user at a time: what is read below stays true until this one is committed.
    PERFORM FROM profiles WHERE id = p_user_id FOR NO KEY UPDATE;

    IF p_idempotency_key IS NOT NULL THEN
        SELECT replay.* INTO v_answer
        FROM idempotency_keys AS seen, logic.replay(p_request_hash, seen.request_hash, seen.video_id) AS replay
        WHERE seen.user_id = p_user_id AND seen.key = p_idempotency_key;
        IF FOUND THEN
            RETURN v_answer;
        END IF;
    END IF;

    IF p_source_video_id IS NOT NULL THEN
        SELECT prompt INTO v_prompt FROM videos
        WHERE id = p_source_video_id AND (status = 'completed' OR user_id = p_user_id)
        -- The foreign key's lock, before anything that others wait for: a source deleted meanwhile is not found.
        FOR KEY SHARE;
        IF NOT FOUND THEN
            v_answer.error := 'video_not_found';
            RETURN v_answer;
        END IF;
    END IF;

    -- A creation that failed through no fault of the prompt does not count.
    v_cooled_since := clock_timestamp() - make_interval(secs => p_cooldown_seconds);
    SELECT extract(epoch FROM max(video.created_at) - v_cooled_since) INTO v_wait_seconds
    FROM videos AS video JOIN video_jobs AS job ON job.video_id = video.id
    WHERE video.user_id = p_user_id AND video.created_at > v_cooled_since
        AND (video.status <> 'failed' OR job.failure_blames_prompt);
    IF v_wait_seconds > 0 THEN
        v_answer.error := 'cooldown';
        v_answer.retry_after_seconds := ceil(v_wait_seconds);
        RETURN v_answer;
    END IF;

    -- One creation at a time for everybody from here on, so that simultaneous ones cannot share the last free place.
    PERFORM pg_advisory_xact_lock(hashtextextended('instaveo.video_queue', 0));
    IF (SELECT count(*) FROM video_jobs WHERE status = 'queued') >= p_queue_maxsize THEN
        v_answer.error := 'queue_full';
        v_answer.retry_after_seconds := 60;
        RETURN v_answer;
    END IF;

    -- Last, so that what was refused for another reason costs nothing of the hour.
    v_answer := logic.spend(p_user_id::text, 'create', 30, 3600);
    IF v_answer.error IS NOT NULL THEN
        RETURN v_answer;
    END IF;

    -- The clock's time, since now() is when this call began to wait for the ones before it.
    v_created_at := clock_timestamp();
    INSERT INTO videos (user_id, prompt, source_video_id, created_at, updated_at)
    VALUES (p_user_id, v_prompt, p_source_video_id, v_created_at, v_created_at) RETURNING id INTO v_video_id;
    INSERT INTO video_jobs (video_id, prompt, created_at, deadline_at)
    VALUES (v_video_id, v_prompt, v_created_at, v_created_at + make_interval(secs => p_deadline_seconds))
    RETURNING id INTO v_answer.job_id;
    PERFORM logic.note_job_event(v_answer.job_id, 'queued', '{}');
    IF p_idempotency_key IS NOT NULL THEN
        INSERT INTO idempotency_keys (user_id, key, request_hash, video_id)
        VALUES (p_user_id, p_idempotency_key, p_request_hash, v_video_id);
    END IF;
    v_answer.body := logic.own_video(v_video_id);
    RETURN v_answer;
END $$;

-- The answer to a key seen before: the same video again, or a refusal when the request was another one.
CREATE FUNCTION logic.replay(p_request_hash text, p_stored_hash text, p_video_id uuid) RETURNS logic.answer
LANGUAGE plpgsql AS $$
DECLARE
    v_answer logic.answer;
BEGIN
    IF p_request_hash <> p_stored_hash THEN
        v_answer.error := 'idempotency_key_reused';
    ELSE
        v_answer.replayed := true;
        v_answer.body := logic.own_video(p_video_id);
    END IF;
    RETURN v_answer;
END $$;

-- A video as its owner sees it.
CREATE FUNCTION logic.own_video(p_video_id uuid) RETURNS text
LANGUAGE sql AS $$
    SELECT logic.with_reaction(shape.open_shape, shape.user_id, reaction.reaction)
    FROM logic.video_shapes AS shape
    LEFT JOIN video_reactions AS reaction ON reaction.video_id = shape.id AND reaction.user_id = shape.user_id
    WHERE shape.id = p_video_id
$$;
