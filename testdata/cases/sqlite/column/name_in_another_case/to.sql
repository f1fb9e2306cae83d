CREATE TABLE t (A INTEGER, bB TEXT);
CREATE INDEX i ON t (bb);
-- made anew: nothing
