CREATE TABLE t (a int NOT NULL, b int CONSTRAINT old_name NOT NULL, c int CONSTRAINT goes NOT NULL, d int, e int, f int NOT NULL, g int, h int NOT NULL);
CREATE TABLE p (a int CONSTRAINT named NOT NULL, b int) PARTITION BY RANGE (b);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (9);
CREATE TABLE k (id int CONSTRAINT k_id PRIMARY KEY);
CREATE DOMAIN m AS int CONSTRAINT before NOT NULL;
CREATE DOMAIN n AS int;
-- Before 18 a NOT NULL constraint can neither be marked so nor commented on.
DO $$ BEGIN IF current_setting('server_version_num')::int >= 180000 THEN
  EXECUTE 'ALTER TABLE t ADD CONSTRAINT t_g_not_null NOT NULL g NOT VALID';
  EXECUTE 'ALTER TABLE t ALTER CONSTRAINT t_h_not_null NO INHERIT';
  EXECUTE 'COMMENT ON CONSTRAINT t_a_not_null ON t IS ''old''';
END IF; END $$;
