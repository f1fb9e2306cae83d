CREATE TABLE t (a int NOT NULL, b int NOT NULL);
CREATE TABLE new (a int NOT NULL);
CREATE DOMAIN d AS int NOT NULL;
-- NOT NULL constraints of domains are objects from 17 on, those of tables from 18 on.
DO $$ BEGIN IF current_setting('server_version_num')::int >= 170000 THEN
  EXECUTE 'COMMENT ON CONSTRAINT d_not_null ON DOMAIN d IS ''of the domain''';
END IF; END $$;
DO $$ BEGIN IF current_setting('server_version_num')::int >= 180000 THEN
  EXECUTE 'COMMENT ON CONSTRAINT t_a_not_null ON t IS ''new''';
  EXECUTE 'COMMENT ON CONSTRAINT t_b_not_null ON t IS ''comes''';
  EXECUTE 'COMMENT ON CONSTRAINT new_a_not_null ON new IS ''with it''';
END IF; END $$;
