-- made anew: t
CREATE TABLE t (a);
