CREATE SCHEMA s;
CREATE TYPE s.color AS ENUM ('red', 'green');
CREATE FUNCTION s.cmp(integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $2 - $1';
CREATE FUNCTION s.hash(s.color) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT hashenum($1)';
CREATE OPERATOR FAMILY s.down USING btree;
COMMENT ON OPERATOR FAMILY s.down USING btree IS 'downwards';
CREATE OPERATOR CLASS s.down FOR TYPE integer USING btree FAMILY s.down AS
    OPERATOR 1 >, OPERATOR 3 =, OPERATOR 5 <, FUNCTION 1 s.cmp(integer, integer);
COMMENT ON OPERATOR CLASS s.down USING btree IS 'downwards';
ALTER OPERATOR FAMILY s.down USING btree ADD OPERATOR 3 = (bigint, integer), FUNCTION 1 (integer, bigint) btint48cmp(integer, bigint);
CREATE OPERATOR CLASS s.colors DEFAULT FOR TYPE s.color USING hash AS OPERATOR 1 =(anyenum, anyenum), FUNCTION 1 s.hash(s.color);
CREATE TABLE s.t (a integer, c s.color);
CREATE INDEX t_a ON s.t (a s.down);
CREATE INDEX t_c ON s.t USING hash (c);
CREATE OPERATOR CLASS s.nothing FOR TYPE s.color USING gist AS STORAGE s.color;
