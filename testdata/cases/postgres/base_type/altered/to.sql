-- needs PostgreSQL 13
CREATE SCHEMA s;
CREATE TYPE s.n;
CREATE FUNCTION s.n_in(cstring) RETURNS s.n LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION s.n_out(s.n) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE FUNCTION s.n_send(s.n) RETURNS bytea LANGUAGE internal IMMUTABLE STRICT AS 'int4send';
CREATE TYPE s.n (INPUT = s.n_in, OUTPUT = s.n_out, SEND = s.n_send, LIKE = integer);
CREATE TABLE s.t (a s.n);
