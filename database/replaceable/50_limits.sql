-- What a write may answer besides its result: which rule stopped it, and what the caller may do when.

-- `error` is a code of shared/errors.py, null for success; `body` is the JSON of the answer.
CREATE TYPE logic.answer AS (
    error text, body text, retry_after_seconds integer,
    allowance integer, period_seconds integer, remaining integer, reset_seconds integer,
    replayed boolean, job_id uuid, bucket text);

-- Spend one of `p_allowance` actions in `p_period_seconds`, as GCRA does: one row a subject and bucket, one conditional
-- update, so that simultaneous calls cannot spend the same one. Sets the bucket and the four rate fields, and `error`
-- when none is left.
CREATE FUNCTION logic.spend(p_subject text, p_bucket text, p_allowance integer, p_period_seconds integer)
RETURNS logic.answer
LANGUAGE plpgsql AS $$
DECLARE
    v_period interval := make_interval(secs => p_period_seconds);
    v_cost interval := v_period / p_allowance;
    v_now timestamptz := clock_timestamp();
    v_full_at timestamptz;
    v_answer logic.answer;
BEGIN
    INSERT INTO rate_limits AS bucket (subject, bucket, full_at) VALUES (p_subject, p_bucket, v_now + v_cost)
    ON CONFLICT (subject, bucket) DO UPDATE SET full_at = greatest(bucket.full_at, v_now) + v_cost
        WHERE greatest(bucket.full_at, v_now) + v_cost <= v_now + v_period
    RETURNING full_at INTO v_full_at;
    IF v_full_at IS NULL THEN
        SELECT full_at INTO v_full_at FROM rate_limits WHERE subject = p_subject AND bucket = p_bucket;
        v_answer.error := 'rate_limited';
        v_answer.retry_after_seconds :=
            greatest(1, ceil(extract(epoch FROM v_full_at + v_cost - v_period - clock_timestamp())));
    END IF;
    v_answer.bucket := p_bucket;
    v_answer.allowance := p_allowance;
    v_answer.period_seconds := p_period_seconds;
    v_answer.remaining := greatest(0, floor(extract(epoch FROM v_now + v_period - v_full_at) / extract(epoch FROM v_cost)));
    v_answer.reset_seconds := greatest(0, ceil(extract(epoch FROM v_full_at - v_now)));
    RETURN v_answer;
END $$;
