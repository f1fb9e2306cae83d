CREATE TABLE t (a INTEGER, b INTEGER, CONSTRAINT c2 CHECK (b > 0));
-- made anew: nothing
