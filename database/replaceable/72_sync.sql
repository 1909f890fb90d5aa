-- The owner's look at a video that is being made, and what the owner may correct.

-- Give the video's job the operation it lacks: it was bought at `p_provider`, and its name got lost. Returns the code of the rule that
-- stopped it, or null. An operation that is known is never replaced, and a job that a worker has is left alone; then
-- nothing changes.
CREATE FUNCTION logic.attach_operation(p_video_id uuid, p_operation_name text, p_scene_id uuid, p_provider text)
RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_job_id uuid;
BEGIN
    IF EXISTS (SELECT FROM video_jobs WHERE operation_name = p_operation_name AND video_id <> p_video_id) THEN
        RETURN 'operation_in_use';
    END IF;
    UPDATE video_jobs SET
        operation_name = p_operation_name, scene_id = coalesce(p_scene_id, scene_id), provider = p_provider,
        provider_status = NULL,
        status = 'queued', polls = 0, polled_at = NULL, available_at = clock_timestamp(), updated_at = now(),
        -- An unconfirmed submission is the one failure that this can heal.
        finished_at = NULL, failure_code = NULL, failure_reason = NULL, failure_retryable = NULL,
        failure_blames_prompt = NULL,
        deadline_at = greatest(deadline_at, clock_timestamp() + interval '15 minutes')
    WHERE video_id = p_video_id AND operation_name IS NULL
        AND (status = 'queued' OR (status = 'failed' AND failure_code = 'submission_unconfirmed'))
    RETURNING id INTO v_job_id;
    IF FOUND THEN
        UPDATE videos SET status = 'processing', updated_at = now() WHERE id = p_video_id;
        PERFORM logic.note_job_event(v_job_id, 'attached', jsonb_build_object('operation', p_operation_name));
    END IF;
    RETURN NULL;
EXCEPTION WHEN unique_violation THEN
    RETURN 'operation_in_use';
END $$;

-- A video's state for its owner, who asks every few seconds. `job_id` is set when the provider may be asked now.
CREATE FUNCTION logic.sync_status(
    p_user_id uuid, p_video_id uuid, p_operation_name text, p_scene_id uuid, p_provider text,
    p_poll_seconds double precision
) RETURNS logic.answer
LANGUAGE plpgsql AS $$
DECLARE
    v_answer logic.answer := logic.spend(p_user_id::text, 'sync', 240, 60);
    v_status video_status;
    v_owner uuid;
BEGIN
    IF v_answer.error IS NOT NULL THEN
        RETURN v_answer;
    END IF;
    SELECT status, user_id INTO v_status, v_owner FROM videos WHERE id = p_video_id;
    IF v_owner IS DISTINCT FROM p_user_id THEN
        -- A video that others may see is no secret; any other one does not exist for them.
        v_answer.error := CASE WHEN v_status = 'completed' THEN 'not_owner' ELSE 'video_not_found' END;
        RETURN v_answer;
    END IF;
    IF p_operation_name IS NOT NULL THEN
        v_answer.error := logic.attach_operation(p_video_id, p_operation_name, p_scene_id, p_provider);
        IF v_answer.error IS NOT NULL THEN
            RETURN v_answer;
        END IF;
    END IF;
    v_answer.body := logic.own_video(p_video_id);
    SELECT id INTO v_answer.job_id FROM video_jobs AS job
    WHERE video_id = p_video_id AND logic.may_be_polled(job, p_poll_seconds);
    RETURN v_answer;
END $$;
