CREATE TYPE span AS RANGE (subtype = double precision);
CREATE TYPE words AS RANGE (subtype = text, subtype_opclass = text_pattern_ops);
CREATE TABLE t (s span DEFAULT span(1, 2), m words);
