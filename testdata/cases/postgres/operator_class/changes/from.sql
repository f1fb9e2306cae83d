CREATE SCHEMA s;
CREATE TYPE s.color AS ENUM ('red', 'green');
CREATE FUNCTION s.cmp(integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $2 - $1';
CREATE OPERATOR FAMILY s.down USING btree;
CREATE OPERATOR CLASS s.down FOR TYPE integer USING btree FAMILY s.down AS
    OPERATOR 1 >, OPERATOR 2 >=, OPERATOR 3 =, OPERATOR 4 <=, OPERATOR 5 <, FUNCTION 1 s.cmp(integer, integer);
ALTER OPERATOR FAMILY s.down USING btree ADD OPERATOR 3 = (integer, bigint), FUNCTION 1 (integer, bigint) btint48cmp(integer, bigint);
CREATE TABLE s.t (a integer);
CREATE INDEX t_a ON s.t (a s.down);
CREATE OPERATOR CLASS s.near FOR TYPE point USING gist AS OPERATOR 15 <->(point, point) FOR ORDER BY pg_catalog.float_ops, STORAGE box;
