CREATE SCHEMA s;
CREATE TYPE inside AS (a text);
CREATE TYPE outside AS (i inside);
CREATE TABLE t (a outside[] NOT NULL, b inside);
