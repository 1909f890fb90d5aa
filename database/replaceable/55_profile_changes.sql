-- Changing a profile: by its owner, and by Supabase when the account changes.

-- `p_new_username` null keeps the name; `p_sets_avatar` tells "take the picture away" from "leave it".
CREATE FUNCTION logic.update_profile(
    p_user_id uuid, p_email text, p_username text,
    p_new_username text, p_sets_avatar boolean, p_avatar_url text
) RETURNS logic.answer
LANGUAGE plpgsql AS $$
DECLARE
    v_answer logic.answer := logic.spend(p_user_id::text, 'profile', 20, 60);
BEGIN
    IF v_answer.error IS NOT NULL THEN
        RETURN v_answer;
    END IF;
    PERFORM logic.ensure_profile(p_user_id, p_email, p_username);
    BEGIN
        UPDATE profiles SET
            username = coalesce(p_new_username, username),
            avatar_url = CASE WHEN p_sets_avatar THEN p_avatar_url ELSE avatar_url END,
            updated_at = clock_timestamp()
        WHERE id = p_user_id AND (username <> p_new_username OR (p_sets_avatar AND avatar_url IS DISTINCT FROM p_avatar_url));
    EXCEPTION WHEN unique_violation THEN
        v_answer.error := 'username_taken';
        RETURN v_answer;
    END;
    v_answer.body := logic.own_profile(p_user_id);
    RETURN v_answer;
END $$;

-- What Supabase tells of an account. Only with `p_makes_profile` a profile that is not there is made, with `p_username`
-- as its name; `p_new_username` is one that its owner changed just now. Null keeps what is there. A name that somebody
-- else has is not taken over.
CREATE FUNCTION logic.follow_account(
    p_user_id uuid, p_makes_profile boolean, p_email text, p_username text, p_new_username text, p_avatar_url text
) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    -- Not for a profile that is there: it would count as something its owner did.
    IF p_makes_profile AND NOT EXISTS (SELECT FROM profiles WHERE id = p_user_id) THEN
        PERFORM logic.ensure_profile(p_user_id, p_email, p_username);
    END IF;
    UPDATE profiles SET
        email = p_email, avatar_url = coalesce(p_avatar_url, avatar_url), updated_at = clock_timestamp()
    WHERE id = p_user_id AND (email <> p_email OR avatar_url IS DISTINCT FROM coalesce(p_avatar_url, avatar_url));
    IF p_new_username <> '' THEN
        BEGIN
            UPDATE profiles SET username = logic.username_from(p_new_username), updated_at = clock_timestamp()
            WHERE id = p_user_id AND username <> logic.username_from(p_new_username);
        EXCEPTION WHEN unique_violation THEN
            NULL;
        END;
    END IF;
-- Where profiles refer to auth.users: the account is not saved yet, or gone again. The first sight will make the profile.
EXCEPTION WHEN foreign_key_violation THEN
    NULL;
END $$;

-- What goes with it and what stays: docs/data.md; in which order it is locked: 37_deletion.sql.