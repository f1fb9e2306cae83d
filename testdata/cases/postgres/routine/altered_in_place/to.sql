CREATE FUNCTION f(a int, b text DEFAULT 'it''s') RETURNS int LANGUAGE sql IMMUTABLE STRICT SECURITY DEFINER LEAKPROOF PARALLEL SAFE COST 7.5
  SET search_path = pg_catalog, "My S", '' SET work_mem = '8MB' SET my.own = 'a, b' AS $$ SELECT $x$ $y $x$ || '\' ; SELECT 1 $$;
COMMENT ON FUNCTION f(int, text) IS 'does';
GRANT EXECUTE ON FUNCTION f(int, text) TO pg_monitor;
REVOKE EXECUTE ON FUNCTION f(int, text) FROM PUBLIC;
CREATE FUNCTION rows(named int) RETURNS SETOF int LANGUAGE sql ROWS 5 SET search_path = '' AS $$ SELECT 1 $$;
CREATE PROCEDURE p(INOUT a int) LANGUAGE sql SECURITY DEFINER AS $$ SELECT 2 $$;
COMMENT ON PROCEDURE p(int) IS 'calls';
CREATE FUNCTION native(int) RETURNS int LANGUAGE internal STRICT AS 'int4um';
CREATE FUNCTION same(a int, OUT c int) LANGUAGE sql AS $$ SELECT 1 $$;
CREATE FUNCTION win() RETURNS bigint LANGUAGE internal WINDOW AS 'window_row_number';
CREATE FUNCTION many(VARIADIC a numeric[], OUT x int, OUT y text) RETURNS SETOF record LANGUAGE sql AS $$ SELECT 1, 'a' $$;
CREATE FUNCTION tab(a int = 1, b date = '2020-01-01') RETURNS TABLE (x int, "Y z" text) LANGUAGE sql AS $$ SELECT 1, 'a' $$;
CREATE FUNCTION poly(anyelement) RETURNS anyarray LANGUAGE sql AS $$ SELECT ARRAY[$1] $$;
CREATE FUNCTION help(internal) RETURNS internal LANGUAGE internal AS 'generate_series_int4_support';
CREATE FUNCTION helped(int, int) RETURNS SETOF int LANGUAGE internal SUPPORT help AS 'generate_series_int4';
