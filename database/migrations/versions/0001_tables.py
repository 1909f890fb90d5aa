"""The seven tables of the plan, and what the pipeline and the limits need beside them."""

from database.sql import run_sql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TYPES = """
CREATE TYPE video_status AS ENUM ('pending', 'processing', 'completed', 'failed');
CREATE TYPE asset_type AS ENUM ('video', 'thumbnail');
CREATE TYPE reaction_kind AS ENUM ('like', 'dislike');
CREATE TYPE job_status AS ENUM ('queued', 'running', 'succeeded', 'failed');
"""

PEOPLE = """
CREATE TABLE profiles (
    id uuid PRIMARY KEY,
    username text NOT NULL CHECK (username ~ '^[a-z0-9_.]{3,30}$'),
    email text NOT NULL DEFAULT '',
    avatar_url text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    last_active_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX profiles_username ON profiles (username);

CREATE TABLE creator_stats (
    user_id uuid PRIMARY KEY REFERENCES profiles ON DELETE CASCADE,
    videos_created integer NOT NULL DEFAULT 0,
    total_likes bigint NOT NULL DEFAULT 0,
    total_dislikes bigint NOT NULL DEFAULT 0,
    -- What the scheduled recompute writes: a copy of the profile's moment, the score and its place.
    last_active_at timestamptz,
    creator_score numeric(5, 1) NOT NULL DEFAULT 0,
    rank integer,
    recomputed_at timestamptz
) WITH (fillfactor = 80);
-- Of all who have a profile only few have a video.
CREATE INDEX creator_stats_leaders ON creator_stats (rank, user_id) WHERE videos_created > 0;
"""

VIDEOS = """
CREATE TABLE videos (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    user_id uuid NOT NULL REFERENCES profiles ON DELETE CASCADE,
    prompt text NOT NULL CHECK (char_length(prompt) BETWEEN 1 AND 2000),
    video_url text NOT NULL DEFAULT '',
    thumbnail_url text,
    status video_status NOT NULL DEFAULT 'pending',
    likes_count integer NOT NULL DEFAULT 0,
    dislikes_count integer NOT NULL DEFAULT 0,
    views_count bigint NOT NULL DEFAULT 0,
    -- log2 of the decayed heat, and with the approval added the score that orders the feed: replaceable/20_ranking.sql.
    -- Double precision, because two likes a second apart differ in the fifth decimal of numbers around a thousand.
    heat double precision,
    -- The highest heat since it was last added up from the rows: what a sum that shrank may have lost to rounding.
    heat_peak double precision,
    ranking_score double precision,
    published_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    source_video_id uuid REFERENCES videos ON DELETE SET NULL,
    duration_seconds double precision,
    CONSTRAINT videos_finished_have_a_file
        CHECK (status <> 'completed' OR (video_url <> '' AND published_at IS NOT NULL)),
    CONSTRAINT videos_finished_have_a_score
        CHECK ((status = 'completed') = (heat IS NOT NULL AND heat_peak IS NOT NULL AND ranking_score IS NOT NULL)),
    -- Binds whoever writes a reaction or a view, since the triggers count it here.
    CONSTRAINT videos_unfinished_have_no_audience
        CHECK (status = 'completed' OR (likes_count = 0 AND dislikes_count = 0 AND views_count = 0))
    -- Room for new versions of a row on its own page, so that counting a view touches no index (a HOT update).
) WITH (fillfactor = 80);
CREATE INDEX videos_feed ON videos (ranking_score DESC, id DESC) WHERE status = 'completed';
CREATE INDEX videos_newest ON videos (published_at DESC, id DESC) WHERE status = 'completed';
CREATE INDEX videos_most_liked ON videos (likes_count DESC, id DESC) WHERE status = 'completed';
CREATE INDEX videos_of_user ON videos (user_id, created_at DESC, id DESC);
CREATE INDEX videos_source ON videos (source_video_id) WHERE source_video_id IS NOT NULL;

CREATE TABLE video_assets (
    video_id uuid NOT NULL REFERENCES videos ON DELETE CASCADE,
    asset_type asset_type NOT NULL,
    storage_backend text NOT NULL,
    storage_key text NOT NULL,
    file_path text NOT NULL,
    public_url text NOT NULL,
    source_url text,
    duration_seconds integer,
    content_type text NOT NULL,
    size_bytes bigint NOT NULL,
    sha256 text NOT NULL,
    width integer,
    height integer,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (video_id, asset_type)
);

CREATE TABLE video_reactions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    video_id uuid NOT NULL REFERENCES videos ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES profiles ON DELETE CASCADE,
    reaction reaction_kind NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (video_id, user_id)
);
CREATE INDEX video_reactions_of_user ON video_reactions (user_id, reaction, created_at DESC, video_id DESC);

CREATE TABLE video_views (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    video_id uuid NOT NULL REFERENCES videos ON DELETE CASCADE,
    user_id uuid REFERENCES profiles ON DELETE SET NULL,
    session_id text,
    -- Who looked (user, else session, else hashed address) and in which window: one row, one counted view.
    viewer text NOT NULL,
    window_start timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (video_id, viewer, window_start)
);
CREATE INDEX video_views_of_user ON video_views (user_id) WHERE user_id IS NOT NULL;
"""

JOBS = """
CREATE TABLE video_jobs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    video_id uuid NOT NULL UNIQUE REFERENCES videos ON DELETE CASCADE,
    prompt text NOT NULL,
    status job_status NOT NULL DEFAULT 'queued',
    failure_reason text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    output_url text,
    failure_code text,
    failure_retryable boolean,
    -- Whether the failure was the prompt's: only then does a failed creation hold the cooldown against its owner.
    failure_blames_prompt boolean,
    provider text,
    -- Made before the first submission and kept for all of them, so that the provider's log and ours can be joined.
    scene_id uuid NOT NULL DEFAULT gen_random_uuid(),
    operation_name text UNIQUE,
    provider_status text,
    submissions integer NOT NULL DEFAULT 0,
    attempts integer NOT NULL DEFAULT 0,
    polls integer NOT NULL DEFAULT 0,
    polled_at timestamptz,
    progress smallint NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    -- The lease: whoever holds the newest fence before the moment is the only one who may write about this job.
    fence bigint NOT NULL DEFAULT 0,
    lease_expires_at timestamptz,
    available_at timestamptz NOT NULL DEFAULT now(),
    enqueued_at timestamptz,
    started_at timestamptz,
    deadline_at timestamptz NOT NULL,
    finished_at timestamptz
);
-- One lane: at most one job runs, whatever the queue delivers.
CREATE UNIQUE INDEX video_jobs_one_running ON video_jobs ((true)) WHERE status = 'running';
CREATE INDEX video_jobs_waiting ON video_jobs (created_at, id) WHERE status = 'queued';

CREATE TABLE job_events (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id uuid NOT NULL REFERENCES video_jobs ON DELETE CASCADE,
    event text NOT NULL,
    attempt integer NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX job_events_of_job ON job_events (job_id, id);
"""

LIMITS = """
CREATE TABLE idempotency_keys (
    user_id uuid NOT NULL REFERENCES profiles ON DELETE CASCADE,
    key text NOT NULL,
    request_hash text NOT NULL,
    video_id uuid NOT NULL REFERENCES videos ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_video ON idempotency_keys (video_id);

-- Unlogged: after a crash of the server everybody starts with a fresh allowance, and a like costs no WAL for it.
CREATE UNLOGGED TABLE rate_limits (
    subject text NOT NULL,
    bucket text NOT NULL,
    -- The moment at which the allowance is whole again (the theoretical arrival time of GCRA).
    full_at timestamptz NOT NULL,
    PRIMARY KEY (subject, bucket)
) WITH (fillfactor = 70);
"""

# The functions' logins are members of this role. On Supabase they may be the owner, whom row level security lets pass.
ACCESS = """
DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'instaveo_app') THEN
        CREATE ROLE instaveo_app NOLOGIN;
    END IF;
-- A role belongs to the whole server: another of its databases may be migrated at this moment.
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END $$;
"""

# On Supabase a profile goes with its account; elsewhere there is no such table.
SUPABASE = """
DO $$
BEGIN
    IF to_regclass('auth.users') IS NOT NULL THEN
        ALTER TABLE profiles ADD CONSTRAINT profiles_id_fkey FOREIGN KEY (id) REFERENCES auth.users ON DELETE CASCADE;
    END IF;
END $$;
"""


def upgrade() -> None:
    """Apply this step. There is no way back: the next step forward repairs."""
    for statements in (TYPES, PEOPLE, VIDEOS, JOBS, LIMITS, ACCESS, SUPABASE):
        run_sql(statements)
