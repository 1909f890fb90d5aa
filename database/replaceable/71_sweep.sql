-- What the sweep repairs every minute. Each function does a bounded piece of work, in one statement of its caller, and
-- may run beside workers and beside itself: rows that somebody has locked are left for the next time. What is bounded is
-- chosen in a MATERIALIZED step: in a plain sub-select a plan may evaluate the LIMIT again for every row.

-- Fail jobs in the line whose deadline has passed, those with a bought clip `p_grace_seconds` later: there is somebody to
-- ask it for once more. A running one is its worker's; when that died, its lease ends first. Each fails with the code of
-- its last attempt, if that is a key of `p_failures`, else with 'timed_out'; there it has "message", "retryable" and
-- "blamesPrompt".
CREATE FUNCTION logic.fail_overdue(p_failures jsonb, p_grace_seconds double precision, p_limit integer)
RETURNS TABLE (job_id uuid, code text)
LANGUAGE plpgsql AS $$
DECLARE
    v_job record;
    v_failure jsonb;
BEGIN
    FOR v_job IN
        SELECT id, fence, failure_code FROM video_jobs
        WHERE status = 'queued' AND deadline_at < clock_timestamp() - make_interval(
            secs => CASE WHEN operation_name IS NULL THEN 0 ELSE p_grace_seconds END)
        ORDER BY created_at, id LIMIT p_limit FOR NO KEY UPDATE SKIP LOCKED
    LOOP
        job_id := v_job.id;
        code := CASE WHEN p_failures ? v_job.failure_code THEN v_job.failure_code ELSE 'timed_out' END;
        v_failure := p_failures -> code;
        PERFORM logic.fail_job(v_job.id, v_job.fence, code, v_failure ->> 'message',
            (v_failure ->> 'retryable')::boolean, (v_failure ->> 'blamesPrompt')::boolean);
        RETURN NEXT;
    END LOOP;
END $$;

-- Jobs that could run and that nobody has taken, each with a number for the name of its next task. With the lane free, a
-- minute of waiting means that the task is lost; with another job running, waiting is the rule.
CREATE FUNCTION logic.jobs_to_enqueue(
    p_idle_seconds double precision, p_busy_seconds double precision, p_limit integer
) RETURNS TABLE (job_id uuid, attempt bigint)
LANGUAGE sql AS $$
    WITH lost AS MATERIALIZED (
        SELECT id FROM video_jobs
        WHERE status = 'queued'
            AND greatest(available_at, coalesce(enqueued_at, created_at)) < clock_timestamp() - make_interval(
                secs => CASE WHEN EXISTS (SELECT FROM video_jobs WHERE status = 'running')
                    THEN p_busy_seconds ELSE p_idle_seconds END)
        ORDER BY created_at, id LIMIT p_limit FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE video_jobs SET enqueued_at = clock_timestamp() WHERE id IN (SELECT id FROM lost)
    RETURNING id, (extract(epoch FROM enqueued_at) * 1000)::bigint
$$;

-- Of these storage keys, the ones nobody will ask for: no asset has them, and no job that could still write them is open.
CREATE FUNCTION logic.keys_without_rows(p_keys text[]) RETURNS SETOF text
LANGUAGE sql STABLE AS $$
    SELECT named.key
    FROM (
        SELECT key, substring(key FROM '/([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})[.]')::uuid AS video_id
        FROM unnest(p_keys) AS key) AS named
    WHERE named.video_id IS NOT NULL
        AND NOT EXISTS (
            SELECT FROM video_assets AS asset WHERE asset.video_id = named.video_id AND asset.storage_key = named.key)
        AND NOT EXISTS (
            SELECT FROM video_jobs AS job WHERE job.video_id = named.video_id AND job.status IN ('queued', 'running'))
$$;

-- Allowances that are whole again say nothing.
CREATE FUNCTION logic.remove_whole_allowances(p_limit integer) RETURNS bigint
LANGUAGE sql AS $$
    WITH whole AS MATERIALIZED (
        SELECT subject, bucket FROM rate_limits WHERE full_at < clock_timestamp() LIMIT p_limit FOR UPDATE SKIP LOCKED
    ), removed AS (
        DELETE FROM rate_limits WHERE (subject, bucket) IN (SELECT subject, bucket FROM whole) RETURNING 1)
    SELECT count(*) FROM removed
$$;

CREATE FUNCTION logic.remove_old_keys(p_age_seconds double precision, p_limit integer) RETURNS bigint
LANGUAGE sql AS $$
    WITH old AS MATERIALIZED (
        SELECT user_id, key FROM idempotency_keys
        WHERE created_at < clock_timestamp() - make_interval(secs => p_age_seconds)
        ORDER BY created_at LIMIT p_limit FOR UPDATE SKIP LOCKED
    ), removed AS (
        DELETE FROM idempotency_keys WHERE (user_id, key) IN (SELECT user_id, key FROM old) RETURNING 1)
    SELECT count(*) FROM removed
$$;

-- Ids grow with time: the oldest events are found without an index on their moment.
CREATE FUNCTION logic.remove_old_events(p_age_seconds double precision, p_limit integer) RETURNS bigint
LANGUAGE sql AS $$
    WITH oldest AS MATERIALIZED (
        SELECT id, created_at FROM job_events ORDER BY id LIMIT p_limit
    ), old AS MATERIALIZED (
        -- Locked only now, since a lock writes to the row. By arrays: for those the planner takes the index, whatever
        -- number it imagines p_limit to be.
        SELECT id FROM job_events WHERE id = ANY (ARRAY(
            SELECT id FROM oldest WHERE created_at < clock_timestamp() - make_interval(secs => p_age_seconds)))
        FOR UPDATE SKIP LOCKED
    ), removed AS (
        DELETE FROM job_events WHERE id = ANY (ARRAY(SELECT id FROM old)) RETURNING 1)
    SELECT count(*) FROM removed
$$;
