-- pg_dump differs: it names the columns of a function's row in the order in which the table has them
CREATE TABLE t (a int, b int);
CREATE FUNCTION f() RETURNS SETOF t LANGUAGE sql STABLE AS $$ SELECT * FROM t $$;
CREATE VIEW v AS SELECT x.a FROM f() x;
