-- Where Supabase's accounts are in the same database, a profile comes with its account and follows its e-mail address.
-- Elsewhere the hook and the first sight of a user do the same.

CREATE FUNCTION logic.follow_auth_user() RETURNS trigger
-- Supabase's auth server writes the account, and may neither see nor write our tables.
LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    v_account jsonb := to_jsonb(NEW);
    v_facts jsonb := v_account -> 'raw_user_meta_data';
BEGIN
    -- Somebody who only looks around needs no profile; the e-mail address that makes them a person comes by an update.
    IF coalesce((v_account ->> 'is_anonymous')::boolean, false) THEN
        RETURN NULL;
    END IF;
    -- Makes it for a change too: an account that is gone refuses its profile, which refers to it.
    PERFORM logic.follow_account(NEW.id, true, coalesce(v_account ->> 'email', ''),
        coalesce(v_facts ->> 'username', v_facts ->> 'user_name', v_facts ->> 'preferred_username',
            v_facts ->> 'name', v_facts ->> 'full_name'), NULL, NULL);
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    -- Nobody fails to sign up because of us: the profile is made at their first sight instead.
    RAISE WARNING 'no profile for account %: %', NEW.id, SQLERRM;
    RETURN NULL;
END $$;

DO $$
BEGIN
    IF to_regclass('auth.users') IS NOT NULL THEN
        CREATE TRIGGER instaveo_profile AFTER INSERT OR UPDATE OF email ON auth.users
        FOR EACH ROW EXECUTE FUNCTION logic.follow_auth_user();
    END IF;
END $$;
