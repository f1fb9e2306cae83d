CREATE TYPE y AS RANGE (SUBTYPE = numeric);
CREATE TABLE new_name (a smallint, b y[] NOT NULL);
CREATE FUNCTION f(a y[]) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE VIEW v AS SELECT count(*) AS n FROM new_name;
CREATE VIEW w AS SELECT a FROM new_name;
