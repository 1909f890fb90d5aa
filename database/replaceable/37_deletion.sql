-- Deleting a video or a profile. The foreign keys say what goes and what stays (docs/data.md); here is only in which
-- order it is locked, since a cascade asks nobody: it would begin with the creator's row, which comes last.

-- Deletions take turns, with each other and with the leaderboard: they need many creators' rows and cannot sort them.
CREATE FUNCTION logic.take_turns() RETURNS void
LANGUAGE sql AS $$ SELECT pg_advisory_xact_lock(hashtextextended('instaveo.deletions', 0)) $$;

CREATE FUNCTION logic.before_deleting_videos() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM logic.take_turns();
    RETURN NULL;
END $$;
CREATE TRIGGER before_deleting_videos BEFORE DELETE ON videos
FOR EACH STATEMENT EXECUTE FUNCTION logic.before_deleting_videos();

-- By row, so that it also works when the delete is itself a cascade, from Supabase's auth.users.
CREATE FUNCTION logic.before_deleting_profile() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM logic.take_turns();
    -- A worker that finishes a video has its job locked before the video.
    PERFORM FROM video_jobs WHERE video_id IN (SELECT id FROM videos WHERE user_id = OLD.id) ORDER BY id FOR UPDATE;
    -- Every video that the cascade will touch: their own, those they reacted to, and other people's recreations. All by
    -- the lock of a deletion: a writer of many reactions, who holds KEY SHARE on all of its videos, is waited for at the
    -- first of them, and not half way.
    PERFORM FROM videos WHERE id IN (
        SELECT id FROM videos WHERE user_id = OLD.id
        UNION ALL
        SELECT video_id FROM video_reactions WHERE user_id = OLD.id
        UNION ALL
        SELECT copy.id FROM videos AS original JOIN videos AS copy ON copy.source_video_id = original.id
        WHERE original.user_id = OLD.id
    ) ORDER BY id FOR UPDATE;
    RETURN OLD;
END $$;
CREATE TRIGGER before_deleting_profile BEFORE DELETE ON profiles
FOR EACH ROW EXECUTE FUNCTION logic.before_deleting_profile();

-- The way for an operator to delete a video: a bare DELETE does the same, but may meet the worker half way.
CREATE FUNCTION logic.delete_video(p_video_id uuid) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM logic.take_turns();
    PERFORM FROM video_jobs WHERE video_id = p_video_id FOR UPDATE;
    DELETE FROM videos WHERE id = p_video_id;
    RETURN FOUND;
END $$;
