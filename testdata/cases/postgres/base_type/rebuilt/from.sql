CREATE SCHEMA s;
CREATE TYPE s.n;
CREATE FUNCTION s.n_in(cstring) RETURNS s.n LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION s.n_out(s.n) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE s.n (INPUT = s.n_in, OUTPUT = s.n_out, LIKE = integer);
CREATE VIEW s.v AS SELECT '1'::s.n AS n;
COMMENT ON FUNCTION s.n_in(cstring) IS 'reads';
COMMENT ON TYPE s.n IS 'n';
CREATE TYPE s.later;
