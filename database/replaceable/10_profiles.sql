-- Profiles: made at the first sight of a user, by whichever statement needs them first.

CREATE FUNCTION logic.username_from(wish text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    -- What is left of a name or an e-mail's local part when only a-z 0-9 _ . may stay, made three characters at least;
    -- null when nothing is left, as of a name in another script.
    SELECT rpad(name, greatest(3, length(name)), '_')
    FROM left(regexp_replace(lower(split_part(wish, '@', 1)), '[^a-z0-9_.]+', '', 'g'), 24) AS name
    WHERE name <> ''
$$;

-- Make the profile when there is none. A name that is taken gets five random digits, and after some tries twelve digits
-- of the person's id: of the former there are only 100,000 for a name, and many people are called 'creator'.
CREATE FUNCTION logic.ensure_profile(p_user_id uuid, p_email text, p_username text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    v_base text;
    v_name text;
    v_taken integer := 0;
BEGIN
    -- Touched at most once a minute, and first of all, before any video is locked (30_counters.sql). The triggers touch
    -- it too, for writers that do not begin here.
    -- An e-mail address that came later than the profile, with no hook to tell, is in the token.
    UPDATE profiles SET
        last_active_at = greatest(last_active_at, now()),
        email = CASE WHEN email = '' THEN coalesce(p_email, '') ELSE email END
    WHERE id = p_user_id AND (last_active_at < now() - interval '1 minute' OR (email = '' AND p_email <> ''));
    IF FOUND THEN
        RETURN;
    END IF;
    LOOP
        -- The foreign keys' lock, a little early: after a video it would be in the wrong order to an account's deletion.
        PERFORM FROM profiles WHERE id = p_user_id FOR KEY SHARE;
        IF FOUND THEN
            RETURN;
        END IF;
        v_base := coalesce(logic.username_from(p_username), logic.username_from(p_email), 'creator');
        v_name := coalesce(v_name, v_base);
        BEGIN
            INSERT INTO profiles (id, username, email) VALUES (p_user_id, v_name, coalesce(p_email, ''))
            ON CONFLICT (id) DO NOTHING;
            -- Otherwise somebody else made it at this moment, and it is not locked yet.
            IF FOUND THEN
                RETURN;
            END IF;
        EXCEPTION WHEN unique_violation THEN
            v_taken := v_taken + 1;
            -- Somebody chose the very name made of this id: an error is better than a loop without an end.
            IF v_taken > 5 THEN
                RAISE;
            END IF;
            v_name := CASE WHEN v_taken < 5 THEN v_base || '_' || lpad(floor(random() * 100000)::text, 5, '0')
                ELSE left(v_base, 17) || '_' || right(p_user_id::text, 12) END;
        END;
    END LOOP;
END $$;

CREATE FUNCTION logic.start_creator_stats() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO creator_stats (user_id) SELECT id FROM new_rows ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER start_creator_stats AFTER INSERT ON profiles
REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION logic.start_creator_stats();
