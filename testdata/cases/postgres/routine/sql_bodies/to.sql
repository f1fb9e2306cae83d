-- needs PostgreSQL 14
CREATE TABLE t (a bigint, c text);
CREATE FUNCTION reads() RETURNS SETOF int BEGIN ATOMIC SELECT a::int FROM t; SELECT a::int FROM t WHERE c = 'x;'; END;
CREATE FUNCTION above() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM reads(); END;
CREATE PROCEDURE writes(n int) BEGIN ATOMIC INSERT INTO t (a) VALUES (n); END;
CREATE FUNCTION of_type(m t) RETURNS bigint RETURN m.a;
