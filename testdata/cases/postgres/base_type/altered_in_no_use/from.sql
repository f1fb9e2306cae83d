CREATE SCHEMA s;
CREATE TYPE s.n;
CREATE FUNCTION s.n_in(cstring) RETURNS s.n LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION s.n_out(s.n) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE FUNCTION s.n_recv(internal) RETURNS s.n LANGUAGE internal IMMUTABLE STRICT AS 'int4recv';
CREATE TYPE s.n (INPUT = s.n_in, OUTPUT = s.n_out, RECEIVE = s.n_recv, LIKE = integer);
