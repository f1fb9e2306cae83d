CREATE TYPE span AS RANGE (subtype = double precision, subtype_diff = float8mi);
CREATE TYPE words AS RANGE (subtype = text, collation = "C");
CREATE TABLE t (s span DEFAULT span(1, 2), m words);
