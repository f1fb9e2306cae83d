CREATE TABLE parent (id integer PRIMARY KEY, other integer UNIQUE);
CREATE TABLE t (
    id integer PRIMARY KEY,
    a integer CONSTRAINT a_small CHECK (a < 100),
    b varchar(20) CONSTRAINT b_long CHECK (length(b) > 1),
    p integer CONSTRAINT to_parent REFERENCES parent,
    q integer CONSTRAINT moves REFERENCES parent (id),
    gone integer CONSTRAINT goes CHECK (gone > 0)
);
COMMENT ON CONSTRAINT a_small ON t IS 'small';
CREATE TABLE heir (x integer) INHERITS (t);
CREATE TABLE alone (a integer CONSTRAINT a_small CHECK (a < 100), b integer CONSTRAINT over_both CHECK (b < a));
COMMENT ON CONSTRAINT a_small ON alone IS 'small';
INSERT INTO parent VALUES (1, 1);
INSERT INTO t VALUES (1, 1, 'abc', 1, 1, 1);
INSERT INTO alone VALUES (2, 1);
