-- Row level security on every table: a Supabase anon key reads nothing. The functions' role sees everything.

DO $$
DECLARE
    v_table text;
    v_role text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['profiles', 'creator_stats', 'videos', 'video_assets', 'video_reactions',
        'video_views', 'video_jobs', 'job_events', 'idempotency_keys', 'rate_limits'] LOOP
        EXECUTE format('DROP POLICY IF EXISTS instaveo_app ON %I', v_table);
        EXECUTE format('CREATE POLICY instaveo_app ON %I TO instaveo_app USING (true) WITH CHECK (true)', v_table);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO instaveo_app', v_table);
    END LOOP;
    FOREACH v_table IN ARRAY ARRAY['profiles', 'creator_stats', 'videos', 'video_assets', 'video_reactions',
        'video_views', 'video_jobs', 'job_events', 'idempotency_keys', 'rate_limits', 'schema_version'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', v_table);
        -- Supabase grants all on new tables to these two; TRUNCATE asks no policy.
        FOR v_role IN SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated') LOOP
            EXECUTE format('REVOKE ALL ON %I FROM %I', v_table, v_role);
        END LOOP;
    END LOOP;
END $$;

-- Triggers run for whoever writes, and with the writer's search path: Supabase's auth server, whose deletion of an
-- account cascades into our tables, would look for them among its own.
DO $$
DECLARE
    v_function regprocedure;
BEGIN
    FOR v_function IN
        SELECT oid FROM pg_proc WHERE pronamespace = 'logic'::regnamespace AND prorettype = 'trigger'::regtype LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', v_function, current_schema());
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA logic TO instaveo_app;
GRANT SELECT ON ALL TABLES IN SCHEMA logic TO instaveo_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA logic FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA logic TO instaveo_app;
