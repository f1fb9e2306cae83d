CREATE TABLE t (a int, c text, b int);
CREATE FUNCTION f() RETURNS SETOF t LANGUAGE sql STABLE AS $$ SELECT * FROM t $$;
CREATE VIEW v AS SELECT x.a FROM f() x;
CREATE VIEW w AS SELECT "Y y".c, z.b FROM f() "Y y", f() z;
