CREATE TABLE t (a TEXT CHECK (a <> "no"));
