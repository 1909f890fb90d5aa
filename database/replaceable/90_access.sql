-- Row level security on every table: a Supabase anon key reads nothing. The functions' role sees everything.

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['profiles', 'creator_stats', 'videos', 'video_assets', 'video_reactions',
        'video_views', 'video_jobs', 'job_events', 'idempotency_keys', 'rate_limits'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', v_table);
        EXECUTE format('DROP POLICY IF EXISTS instaveo_app ON %I', v_table);
        EXECUTE format('CREATE POLICY instaveo_app ON %I TO instaveo_app USING (true) WITH CHECK (true)', v_table);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO instaveo_app', v_table);
    END LOOP;
END $$;

GRANT USAGE ON SCHEMA logic TO instaveo_app;
GRANT SELECT ON ALL TABLES IN SCHEMA logic TO instaveo_app;
REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA logic FROM PUBLIC;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA logic TO instaveo_app;
