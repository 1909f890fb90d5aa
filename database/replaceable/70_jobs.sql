-- A job's life: queued, claimed, submitted, polled, stored, completed or failed. Whoever holds the newest fence may write.

CREATE FUNCTION logic.note_job_event(p_job_id uuid, p_event text, p_detail jsonb) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO job_events (job_id, event, attempt, detail)
    SELECT id, p_event, attempts, p_detail FROM video_jobs WHERE id = p_job_id
$$;

-- A worker that died leaves the lane blocked: when its lease is over, its job goes back to the line. Returns the job.
CREATE FUNCTION logic.take_back_expired() RETURNS SETOF uuid
LANGUAGE sql AS $$
    WITH taken AS (
        UPDATE video_jobs SET
            -- `attempts` counts those that failed: a worker that died is one, a worker that ran out of time is none.
            status = 'queued', fence = fence + 1, attempts = attempts + 1, lease_expires_at = NULL, updated_at = now(),
            -- It may have bought a clip and be waiting for the database, to write that down: it goes first.
            available_at = CASE WHEN operation_name IS NULL AND submissions > 0
                THEN clock_timestamp() + interval '30 seconds' ELSE available_at END
        WHERE status = 'running' AND lease_expires_at < clock_timestamp()
        RETURNING id, attempts
    ), noted AS (
        INSERT INTO job_events (job_id, event, attempt) SELECT id, 'lease_expired', attempts FROM taken
    )
    SELECT id FROM taken
$$;

-- Whether the provider may be asked about the job by somebody who only looks: no worker has it, no delay runs, it has an
-- operation, and nobody asked within `p_poll_seconds`.
CREATE FUNCTION logic.may_be_polled(p_job video_jobs, p_poll_seconds double precision) RETURNS boolean
LANGUAGE sql AS $$
    SELECT p_job.operation_name IS NOT NULL
        AND CASE p_job.status
            WHEN 'queued' THEN p_job.available_at <= clock_timestamp()
            WHEN 'running' THEN p_job.lease_expires_at < clock_timestamp()
            ELSE false END
        AND coalesce(p_job.polled_at <= clock_timestamp() - make_interval(secs => p_poll_seconds), true)
$$;

-- Take the job for `p_lease_seconds`. The outcome is 'claimed', 'done' (nothing to do), 'busy' (another job, or another
-- worker with this one, is at it) or 'later' (it waits out a delay); only with 'claimed' is the rest set.
-- `p_poll_seconds` is set by who wants no more than to ask the provider once; that leaves no event.
CREATE TYPE logic.claim AS (
    outcome text, fence bigint, video_id uuid, prompt text, scene_id uuid, provider text, operation_name text,
    provider_status text, failure_code text, attempts integer, submissions integer, polls integer, seconds_to_deadline double precision);

CREATE FUNCTION logic.claim_job(p_job_id uuid, p_lease_seconds double precision, p_poll_seconds double precision)
RETURNS logic.claim
LANGUAGE plpgsql AS $$
DECLARE
    v_claim logic.claim;
    v_job video_jobs;
BEGIN
    PERFORM logic.take_back_expired();
    UPDATE video_jobs SET
        status = 'running', fence = fence + 1,
        lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds),
        polled_at = CASE WHEN p_poll_seconds IS NULL THEN polled_at ELSE clock_timestamp() END,
        started_at = coalesce(started_at, now()), updated_at = now()
    WHERE id = p_job_id AND status = 'queued' AND available_at <= clock_timestamp()
        AND (p_poll_seconds IS NULL OR logic.may_be_polled(video_jobs, p_poll_seconds))
    RETURNING * INTO v_job;
    IF NOT FOUND THEN
        SELECT CASE WHEN status IN ('succeeded', 'failed') THEN 'done' WHEN status = 'running' THEN 'busy' ELSE 'later' END
        INTO v_claim.outcome FROM video_jobs WHERE id = p_job_id;
        v_claim.outcome := coalesce(v_claim.outcome, 'done');
        RETURN v_claim;
    END IF;
    UPDATE videos SET status = 'processing', updated_at = now() WHERE id = v_job.video_id AND status = 'pending';
    IF p_poll_seconds IS NULL THEN
        PERFORM logic.note_job_event(p_job_id, 'claimed', jsonb_build_object('fence', v_job.fence));
    END IF;
    v_claim := ('claimed', v_job.fence, v_job.video_id, v_job.prompt, v_job.scene_id, v_job.provider,
        v_job.operation_name, v_job.provider_status, v_job.failure_code, v_job.attempts, v_job.submissions, v_job.polls,
        extract(epoch FROM v_job.deadline_at - clock_timestamp()));
    RETURN v_claim;
EXCEPTION WHEN unique_violation THEN
    -- The index that allows one running job.
    v_claim := NULL;
    v_claim.outcome := 'busy';
    RETURN v_claim;
END $$;

-- The writes below return whether the fence still held; one that did not has changed nothing. Each may be repeated
-- by a worker that never saw the answer to it.

CREATE FUNCTION logic.job_submitting(p_job_id uuid, p_fence bigint, p_provider text, p_lease_seconds double precision)
RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    -- Counted before the provider is asked: a crash in between leaves a trace of what may have been bought.
    UPDATE video_jobs SET
        submissions = submissions + 1, provider = p_provider, updated_at = now(),
        lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds)
    WHERE id = p_job_id AND fence = p_fence AND status = 'running';
    IF FOUND THEN
        PERFORM logic.note_job_event(p_job_id, 'submitting', jsonb_build_object('provider', p_provider));
    END IF;
    RETURN FOUND;
END $$;

CREATE FUNCTION logic.job_submitted(
    p_job_id uuid, p_fence bigint, p_operation_name text, p_lease_seconds double precision
) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    -- What was bought is written down even by a worker that is so late that its job went back to the line.
    UPDATE video_jobs SET
        operation_name = p_operation_name, provider_status = NULL, updated_at = now(),
        available_at = least(available_at, clock_timestamp()),
        -- What failed before the purchase is not held against the clip. `submissions` bounds the purchases.
        attempts = 0, failure_code = NULL,
        lease_expires_at = CASE WHEN status = 'running' THEN clock_timestamp() + make_interval(secs => p_lease_seconds) END
    WHERE id = p_job_id AND operation_name IS NULL AND ((fence = p_fence AND status = 'running') OR status = 'queued');
    IF FOUND THEN
        PERFORM logic.note_job_event(p_job_id, 'submitted', jsonb_build_object('operation', p_operation_name));
    END IF;
    RETURN EXISTS (
        SELECT FROM video_jobs
        WHERE id = p_job_id AND fence = p_fence AND status = 'running' AND operation_name = p_operation_name);
END $$;

-- A sign of life; `p_is_poll` when the provider has just said so.
CREATE FUNCTION logic.job_progressed(
    p_job_id uuid, p_fence bigint, p_provider_status text, p_progress integer, p_is_poll boolean,
    p_lease_seconds double precision
) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_before video_jobs;
BEGIN
    SELECT * INTO v_before FROM video_jobs WHERE id = p_job_id AND fence = p_fence AND status = 'running' FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE video_jobs SET
        provider_status = p_provider_status,
        polls = polls + CASE WHEN p_is_poll THEN 1 ELSE 0 END,
        -- Whatever kept us from asking is over.
        failure_code = CASE WHEN p_is_poll THEN NULL ELSE failure_code END,
        polled_at = CASE WHEN p_is_poll THEN clock_timestamp() ELSE polled_at END, updated_at = now(),
        -- Never backwards, and never 100: that is what a readable file is.
        progress = greatest(progress, least(p_progress, 99)),
        lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds)
    WHERE id = p_job_id;
    IF p_provider_status IS DISTINCT FROM v_before.provider_status THEN
        PERFORM logic.note_job_event(p_job_id, 'progress', jsonb_build_object('status', p_provider_status));
    END IF;
    RETURN true;
END $$;

-- The clip is in the storage and can be read.
CREATE FUNCTION logic.job_stored(
    p_job_id uuid, p_fence bigint, p_size_bytes bigint, p_sha256 text, p_lease_seconds double precision
) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE video_jobs SET
        progress = 99, lease_expires_at = clock_timestamp() + make_interval(secs => p_lease_seconds), updated_at = now()
    WHERE id = p_job_id AND fence = p_fence AND status = 'running';
    IF FOUND THEN
        PERFORM logic.note_job_event(p_job_id, 'stored',
            jsonb_build_object('sizeBytes', p_size_bytes, 'sha256', p_sha256));
    END IF;
    RETURN FOUND;
END $$;

-- Give the job back, to be tried again after a delay. `p_failed`: this attempt counts against the limit;
-- `p_forget_operation`: the provider's operation is of no more use; no `p_code`: nothing to remember. The code stays in
-- the row: should the job's time end before the next try, it is what the person is told.
CREATE FUNCTION logic.release_job(
    p_job_id uuid, p_fence bigint, p_delay_seconds double precision, p_code text, p_failed boolean,
    p_forget_operation boolean
) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    UPDATE video_jobs SET
        status = 'queued', lease_expires_at = NULL, updated_at = now(), failure_code = coalesce(p_code, failure_code),
        attempts = attempts + CASE WHEN p_failed THEN 1 ELSE 0 END,
        polls = CASE WHEN p_forget_operation THEN 0 ELSE polls END,
        -- A clip that is bought is asked for once more when the job's time is over, whatever the delay.
        available_at = least(
            clock_timestamp() + make_interval(secs => p_delay_seconds),
            CASE WHEN operation_name IS NOT NULL AND NOT p_forget_operation
                THEN greatest(deadline_at, clock_timestamp()) END),
        operation_name = CASE WHEN p_forget_operation THEN NULL ELSE operation_name END,
        provider_status = CASE WHEN p_forget_operation THEN NULL ELSE provider_status END
    WHERE id = p_job_id AND fence = p_fence AND status = 'running';
    IF NOT FOUND THEN
        RETURN EXISTS (SELECT FROM video_jobs WHERE id = p_job_id AND fence = p_fence AND status = 'queued');
    END IF;
    IF p_code IS NOT NULL THEN
        PERFORM logic.note_job_event(p_job_id, 'released',
            jsonb_build_object('code', p_code, 'delaySeconds', p_delay_seconds, 'forgotten', p_forget_operation));
    END IF;
    RETURN true;
END $$;

CREATE FUNCTION logic.fail_job(
    p_job_id uuid, p_fence bigint, p_code text, p_message text, p_retryable boolean, p_blames_prompt boolean
) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_video_id uuid;
BEGIN
    UPDATE video_jobs SET
        status = 'failed', lease_expires_at = NULL, finished_at = now(), updated_at = now(), failure_code = p_code,
        failure_reason = p_message, failure_retryable = p_retryable, failure_blames_prompt = p_blames_prompt
    WHERE id = p_job_id AND fence = p_fence AND status IN ('running', 'queued')
    RETURNING video_id INTO v_video_id;
    IF NOT FOUND THEN
        RETURN EXISTS (SELECT FROM video_jobs WHERE id = p_job_id AND fence = p_fence AND status = 'failed');
    END IF;
    UPDATE videos SET status = 'failed', updated_at = now() WHERE id = v_video_id;
    PERFORM logic.note_job_event(p_job_id, 'failed', jsonb_build_object('code', p_code));
    RETURN true;
END $$;

-- The last step, in one statement: assets, video and job together or not at all.
-- `p_assets` is an array of objects with the columns of video_assets as keys.
CREATE FUNCTION logic.finish_job(
    p_job_id uuid, p_fence bigint, p_duration_seconds double precision, p_assets jsonb
) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    v_video_id uuid;
    v_video_url text;
    v_thumbnail_url text;
BEGIN
    SELECT public_url INTO v_video_url FROM jsonb_populate_recordset(NULL::video_assets, p_assets) WHERE asset_type = 'video';
    SELECT public_url INTO v_thumbnail_url
    FROM jsonb_populate_recordset(NULL::video_assets, p_assets) WHERE asset_type = 'thumbnail';

    UPDATE video_jobs SET
        status = 'succeeded', lease_expires_at = NULL, finished_at = now(), updated_at = now(), progress = 100,
        output_url = v_video_url
    WHERE id = p_job_id AND fence = p_fence AND status = 'running'
    RETURNING video_id INTO v_video_id;
    IF NOT FOUND THEN
        RETURN EXISTS (SELECT FROM video_jobs WHERE id = p_job_id AND fence = p_fence AND status = 'succeeded');
    END IF;

    INSERT INTO video_assets (video_id, asset_type, storage_backend, storage_key, file_path, public_url, source_url,
        duration_seconds, content_type, size_bytes, sha256, width, height)
    SELECT v_video_id, asset_type, storage_backend, storage_key, file_path, public_url, source_url,
        duration_seconds, content_type, size_bytes, sha256, width, height
    FROM jsonb_populate_recordset(NULL::video_assets, p_assets);

    UPDATE videos SET
        status = 'completed', video_url = v_video_url, thumbnail_url = v_thumbnail_url,
        duration_seconds = p_duration_seconds, published_at = now(), updated_at = now()
    WHERE id = v_video_id;
    PERFORM logic.note_job_event(p_job_id, 'completed', '{}');
    RETURN true;
END $$;
