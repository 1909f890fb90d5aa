-- The feed's order; docs/ranking.md explains it with a plot. A video's heat is a sum of events, each worth half as much
-- after twelve hours:
--     heat(now) = sum of weight * 2^((moment - now) / half-life)
-- All videos cool by the same factor, so their order never changes between events and needs no clock: kept is
--     R = log2 of the sum of weight * 2^((moment - start) / half-life)
-- for a fixed start, and the score adds the share of approval: R + log2((likes + 2) / (likes + dislikes + 2)).
-- The constants of the ranking stand in the next two functions and nowhere else. Whoever changes one runs
-- `python -m database.repair` after the migration, which brings every stored score to the new formula.

CREATE FUNCTION logic.half_lives(moment timestamptz) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- Half-lives of 12 hours since the start of 2026. An event of weight one has this as the log2 of its share.
    SELECT extract(epoch FROM moment - timestamptz '2026-01-01 00:00:00+00')::double precision / 43200
$$;

CREATE FUNCTION logic.publish_heat(published_at timestamptz) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- Being published weighs as much as four likes (log2 4 = 2): enough to be seen, little enough to be overtaken.
    SELECT logic.half_lives(published_at) + 2
$$;

CREATE FUNCTION logic.log2(x double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT ln(x) / 0.6931471805599453094::double precision $$;

CREATE FUNCTION logic.heat_add(a double precision, b double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- log2(2^a + 2^b) without leaving the range of a double; below 2^-60 the smaller one is lost in rounding anyway.
    SELECT CASE WHEN a IS NULL OR b IS NULL THEN coalesce(a, b)
        ELSE greatest(a, b) + logic.log2(1 + power(2::double precision, greatest(-abs(a - b), -60))) END
$$;

CREATE FUNCTION logic.heat_subtract(a double precision, b double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- log2(2^a - 2^b), or null when less than a millionth would be left: then the rounding error is as large as the
    -- rest, and the caller must add up the rows anew.
    SELECT CASE WHEN b IS NULL THEN a
        WHEN b - a > -1.4e-6 THEN NULL
        ELSE a + logic.log2(1 - power(2::double precision, greatest(b - a, -60))) END
$$;

CREATE FUNCTION logic.may_be_inexact(heat double precision, heat_peak double precision) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    -- A sum keeps the rounding error of the largest value it ever had. Unlike the newest likes of an old video one
    -- after the other, and each step looks harmless while together they leave nothing but that error. A fall of 20
    -- (to a millionth) lets it grow from 1e-13 to 1e-7: two likes half a millisecond apart still stand in their order.
    SELECT heat IS NULL OR heat < heat_peak - 20
$$;

CREATE FUNCTION logic.heat_sum(terms double precision[]) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    -- The usual case, a like, costs no query.
    IF cardinality(terms) = 1 THEN
        RETURN terms[1];
    END IF;
    RETURN (
        SELECT highest + logic.log2(sum(power(2::double precision, greatest(term - highest, -60))))
        FROM unnest(terms) AS term, (SELECT max(each) AS highest FROM unnest(terms) AS each) AS top
        GROUP BY highest);
END $$;

-- A video's heat from its rows: the definition, used when the running sum cannot be, and by the checks.
CREATE FUNCTION logic.heat_from_rows(p_video_id uuid, p_published_at timestamptz) RETURNS double precision
LANGUAGE sql STABLE AS $$
    SELECT logic.heat_sum(array_append(
        ARRAY(SELECT logic.half_lives(created_at) FROM video_reactions WHERE video_id = p_video_id AND reaction = 'like'),
        logic.publish_heat(p_published_at)))
$$;

CREATE FUNCTION logic.score(heat double precision, likes bigint, dislikes bigint) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT heat + logic.log2((likes + 2)::double precision / (likes + dislikes + 2))
$$;
