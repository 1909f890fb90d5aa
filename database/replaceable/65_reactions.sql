-- What people do with a video: reactions, views, asking how far it is.

-- Why this person may neither react to nor look at the video, as a code of shared/errors.py; null when they may.
CREATE FUNCTION logic.refuse_unfinished(p_video_id uuid, p_user_id uuid) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    v_status video_status;
    v_owner uuid;
BEGIN
    -- The lock that the foreign key takes anyway, a little earlier: the video cannot be deleted before the row about it
    -- is written. It stands in nobody's way but a deletion's, so the lock order holds.
    SELECT status, user_id INTO v_status, v_owner FROM videos WHERE id = p_video_id FOR KEY SHARE;
    RETURN CASE WHEN v_status = 'completed' THEN NULL
        WHEN v_owner = p_user_id THEN 'video_not_ready'
        ELSE 'video_not_found' END;
END $$;

-- Make `p_reaction` this person's reaction to the video, whatever it was before; null takes it back.
CREATE FUNCTION logic.react(
    p_user_id uuid, p_email text, p_username text, p_video_id uuid, p_reaction reaction_kind
) RETURNS logic.answer
LANGUAGE plpgsql AS $$
DECLARE
    v_answer logic.answer := logic.spend(p_user_id::text, 'reactions', 120, 60);
BEGIN
    IF v_answer.error IS NOT NULL THEN
        RETURN v_answer;
    END IF;
    PERFORM logic.ensure_profile(p_user_id, p_email, p_username);
    v_answer.error := logic.refuse_unfinished(p_video_id, p_user_id);
    IF v_answer.error IS NOT NULL THEN
        RETURN v_answer;
    END IF;
    IF p_reaction IS NULL THEN
        DELETE FROM video_reactions WHERE video_id = p_video_id AND user_id = p_user_id;
    -- Looked up first: an upsert whose condition fails still locks the row, which writes to it.
    ELSIF NOT EXISTS (SELECT FROM video_reactions
            WHERE video_id = p_video_id AND user_id = p_user_id AND reaction = p_reaction) THEN
        INSERT INTO video_reactions AS mine (video_id, user_id, reaction, created_at)
        VALUES (p_video_id, p_user_id, p_reaction, clock_timestamp())
        ON CONFLICT (video_id, user_id) DO UPDATE SET reaction = excluded.reaction, created_at = excluded.created_at
            WHERE mine.reaction <> excluded.reaction;
    END IF;
    v_answer.body := '{"success": true}';
    RETURN v_answer;
END $$;

-- Count a look at the video, once for each viewer and window. `p_user_id` is null for somebody without an account;
-- `p_viewer` is who is looking, and whose allowance it is. Where that is a session, which is whatever the caller says,
-- `p_address` is set: invented ones spend of its allowance too. That is large, since a frontend's server sends the views
-- of all who are not signed in from one address.
CREATE FUNCTION logic.view_video(
    p_user_id uuid, p_email text, p_username text, p_video_id uuid,
    p_session_id text, p_viewer text, p_address text, p_window_seconds double precision
) RETURNS logic.answer
LANGUAGE plpgsql AS $$
DECLARE
    v_answer logic.answer := logic.spend(p_viewer, 'views', 240, 60);
    v_shared logic.answer;
    v_window timestamptz := clock_timestamp();
BEGIN
    IF v_answer.error IS NOT NULL THEN
        RETURN v_answer;
    END IF;
    IF p_address IS NOT NULL THEN
        -- Second, so that one session cannot use up everybody's.
        v_shared := logic.spend(p_address, 'views_address', 6000, 60);
        IF v_shared.error IS NOT NULL THEN
            v_answer.error := v_shared.error;
            v_answer.retry_after_seconds := v_shared.retry_after_seconds;
            RETURN v_answer;
        END IF;
    END IF;
    IF p_user_id IS NOT NULL THEN
        PERFORM logic.ensure_profile(p_user_id, p_email, p_username);
    END IF;
    v_answer.error := logic.refuse_unfinished(p_video_id, p_user_id);
    IF v_answer.error IS NOT NULL THEN
        RETURN v_answer;
    END IF;
    -- A window of zero seconds counts every look.
    IF p_window_seconds > 0 THEN
        v_window := date_bin(make_interval(secs => p_window_seconds), v_window, timestamptz '2026-01-01 00:00:00+00');
    END IF;
    INSERT INTO video_views (video_id, user_id, session_id, viewer, window_start)
    VALUES (p_video_id, p_user_id, p_session_id, p_viewer, v_window)
    ON CONFLICT (video_id, viewer, window_start) DO NOTHING;
    v_answer.body := '{"success": true}';
    RETURN v_answer;
END $$;
