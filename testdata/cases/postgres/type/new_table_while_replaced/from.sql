CREATE TYPE y AS RANGE (SUBTYPE = integer);
CREATE TABLE old_name (a smallint, b y[]);
CREATE FUNCTION f(a y[]) RETURNS integer LANGUAGE sql AS 'SELECT 1';
CREATE VIEW v AS SELECT count(*) AS n FROM old_name;
CREATE VIEW w AS SELECT b FROM old_name;
