CREATE DOMAIN size AS integer CONSTRAINT positive CHECK (VALUE > 0);
CREATE DOMAIN kept AS integer CONSTRAINT small CHECK (VALUE < 20);
CREATE TYPE box AS (s kept);
CREATE TABLE t (sizes size[] NOT NULL, b box);
CREATE VIEW v AS SELECT sizes FROM t;
