CREATE TABLE parent (id integer PRIMARY KEY, other integer UNIQUE);
CREATE TABLE t (
    id integer PRIMARY KEY,
    a integer CONSTRAINT a_small CHECK (a < 200),
    b text CONSTRAINT b_long CHECK (length(b) > 0),
    p integer CONSTRAINT to_parent REFERENCES parent ON DELETE CASCADE DEFERRABLE,
    q integer CONSTRAINT moves REFERENCES parent (other)
);
COMMENT ON CONSTRAINT a_small ON t IS 'small';
CREATE TABLE heir (x integer) INHERITS (t);
CREATE TABLE alone (a integer CONSTRAINT a_small CHECK (a < 200), b integer, c integer CONSTRAINT over_both CHECK (c < a));
COMMENT ON CONSTRAINT a_small ON alone IS 'small';
