CREATE TABLE t (id serial PRIMARY KEY, n integer NOT NULL DEFAULT 1 CHECK (n > 0));
CREATE INDEX t_n ON t (n);
COMMENT ON COLUMN t.n IS 'a number';
