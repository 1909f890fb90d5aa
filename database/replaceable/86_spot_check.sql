-- For the sweeper, each minute: the rules of database/invariants.sql over the part of all ids whose minute of the day it
-- is. Of a million videos that is seven hundred, and after a day everything has been looked at once.

-- Return an array of {rule, id, found}, twenty at most; empty when all is well.
CREATE FUNCTION logic.spot_check() RETURNS json
LANGUAGE plpgsql STABLE AS $$
DECLARE
    v_minute integer := extract(hour FROM now() AT TIME ZONE 'UTC') * 60 + extract(minute FROM now());
BEGIN
    RETURN (
        -- All of the slice, and then twenty: with a limit inside, the planner would rather read whole tables, hoping to
        -- meet twenty soon.
        WITH broken AS MATERIALIZED (
            SELECT * FROM logic.violations(
                logic.id_at(v_minute * 65536 / 1440, '0'), logic.id_at((v_minute + 1) * 65536 / 1440 - 1, 'f'))
        )
        SELECT coalesce(json_agg(first_ones), '[]') FROM (SELECT * FROM broken LIMIT 20) AS first_ones);
END $$;

-- The id that begins with the 16 bits of `prefix` and goes on with one digit.
CREATE FUNCTION logic.id_at(prefix integer, digit text) RETURNS uuid
LANGUAGE sql IMMUTABLE AS $$ SELECT (lpad(to_hex(prefix), 4, '0') || repeat(digit, 28))::uuid $$;
