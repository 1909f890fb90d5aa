-- What no writer may do, since the figures would no longer be those of the rows. Each costs nothing where it does not
-- apply: the trigger hangs on the columns it protects, or its condition fails before a function is called.

-- The trigger's first argument is the sentence.
CREATE FUNCTION logic.refuse() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE = TG_ARGV[0];
END $$;

-- Depth 0: not from inside the triggers that count. Repairing (35_repair.sql) sets the variable for its transaction.
CREATE FUNCTION logic.is_bare_write() RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT pg_trigger_depth() = 0 AND coalesce(current_setting('instaveo.repairing', true), '') <> 'on'
$$;

CREATE TRIGGER a_keep_counters
BEFORE UPDATE OF likes_count, dislikes_count, views_count, heat, heat_peak, ranking_score ON videos
FOR EACH ROW WHEN (logic.is_bare_write())
EXECUTE FUNCTION logic.refuse('counters and scores are kept by triggers: write reactions and views instead');

CREATE TRIGGER a_keep_counters BEFORE UPDATE OF videos_created, total_likes, total_dislikes ON creator_stats
FOR EACH ROW WHEN (logic.is_bare_write())
EXECUTE FUNCTION logic.refuse('counters are kept by triggers: write videos and reactions instead');

CREATE TRIGGER a_keep_rows BEFORE INSERT OR DELETE ON creator_stats
FOR EACH ROW WHEN (logic.is_bare_write())
EXECUTE FUNCTION logic.refuse('a row of creator_stats comes and goes with its profile');

CREATE TRIGGER a_keep_finished BEFORE UPDATE OF status, published_at ON videos
FOR EACH ROW WHEN (OLD.status = 'completed'
    AND (NEW.status <> 'completed' OR NEW.published_at IS DISTINCT FROM OLD.published_at))
EXECUTE FUNCTION logic.refuse('a finished video stays finished, and its moment of publication is fixed');

CREATE TRIGGER a_keep_creator BEFORE UPDATE OF user_id ON videos
FOR EACH ROW WHEN (NEW.user_id <> OLD.user_id)
EXECUTE FUNCTION logic.refuse('a video stays with its creator');

CREATE TRIGGER a_keep_video BEFORE UPDATE OF video_id ON video_views
FOR EACH ROW WHEN (NEW.video_id <> OLD.video_id)
EXECUTE FUNCTION logic.refuse('a view stays with its video');

-- TRUNCATE passes by the triggers that count rows. Emptying a table together with those that count it is fine, and then
-- nothing is left of what would be wrong.
CREATE FUNCTION logic.refuse_lone_truncate() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM profiles WHERE TG_TABLE_NAME = 'creator_stats')
        OR EXISTS (SELECT FROM creator_stats WHERE TG_TABLE_NAME = 'videos' AND videos_created > 0)
        OR EXISTS (SELECT FROM videos WHERE TG_TABLE_NAME = 'video_reactions' AND likes_count + dislikes_count > 0)
        OR EXISTS (SELECT FROM videos WHERE TG_TABLE_NAME = 'video_views' AND views_count > 0) THEN
        RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
            MESSAGE = format('use DELETE: TRUNCATE of %s alone would leave counters that count nothing', TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refuse_lone_truncate AFTER TRUNCATE ON creator_stats EXECUTE FUNCTION logic.refuse_lone_truncate();
CREATE TRIGGER refuse_lone_truncate AFTER TRUNCATE ON videos EXECUTE FUNCTION logic.refuse_lone_truncate();
CREATE TRIGGER refuse_lone_truncate AFTER TRUNCATE ON video_reactions EXECUTE FUNCTION logic.refuse_lone_truncate();
CREATE TRIGGER refuse_lone_truncate AFTER TRUNCATE ON video_views EXECUTE FUNCTION logic.refuse_lone_truncate();
