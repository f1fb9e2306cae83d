SET check_function_bodies = off;
CREATE TABLE z (a int);
CREATE FUNCTION aa() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT count(*) + public.zz() FROM public.zt $$;
CREATE FUNCTION zz() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT 1::bigint $$;
CREATE TABLE zt (a int);
CREATE MATERIALIZED VIEW m AS SELECT aa() AS n;
CREATE VIEW v AS SELECT n FROM m;
