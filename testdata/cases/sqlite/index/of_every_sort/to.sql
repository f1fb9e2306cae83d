CREATE TABLE t (a TEXT, b INTEGER, c);
CREATE UNIQUE INDEX i1 ON t (a);
CREATE INDEX i2 ON t (b);
CREATE INDEX i3 ON t (upper(a)) WHERE c > 1;
CREATE INDEX i4 ON t (a, b);
CREATE INDEX i5 ON t (c, a || 'x');
-- made anew: nothing
