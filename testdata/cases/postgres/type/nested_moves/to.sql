CREATE SCHEMA s;
CREATE TYPE s.inside AS (a text);
CREATE TYPE outside AS (i s.inside);
CREATE TABLE t (a outside[] NOT NULL, b s.inside);
