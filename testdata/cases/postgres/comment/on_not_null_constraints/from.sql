CREATE TABLE t (a int NOT NULL, b int NOT NULL, c int NOT NULL);
CREATE DOMAIN d AS int NOT NULL;
-- NOT NULL constraints of domains are objects from 17 on, those of tables from 18 on.
DO $$ BEGIN IF current_setting('server_version_num')::int >= 180000 THEN
  EXECUTE 'COMMENT ON CONSTRAINT t_a_not_null ON t IS ''old''';
  EXECUTE 'COMMENT ON CONSTRAINT t_c_not_null ON t IS ''goes with it''';
END IF; END $$;
