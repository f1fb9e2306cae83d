DO $$ BEGIN CREATE ROLE adp_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE adp_writer; EXCEPTION WHEN duplicate_object THEN NULL; END $$;

ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO adp_reader, adp_writer;
