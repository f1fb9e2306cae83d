CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int);
CREATE AGGREGATE named(a int) (SFUNC = int4pl, STYPE = int);
