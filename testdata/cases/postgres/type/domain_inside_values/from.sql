CREATE DOMAIN size AS integer;
CREATE DOMAIN kept AS integer CONSTRAINT small CHECK (VALUE < 10);
CREATE TYPE box AS (s kept);
CREATE TABLE t (sizes size[] NOT NULL, b box);
CREATE VIEW v AS SELECT sizes FROM t;
