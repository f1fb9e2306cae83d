SET check_function_bodies = off;
CREATE VIEW source AS SELECT 1 AS n;
CREATE FUNCTION a_calls(k int DEFAULT 1) RETURNS int LANGUAGE sql IMMUTABLE AS $$ SELECT n + k FROM public.b_called() $$;
CREATE FUNCTION b_called() RETURNS SETOF source LANGUAGE sql AS $$ SELECT * FROM public.source $$;
CREATE TABLE t (a int, b int DEFAULT a_calls(), g int GENERATED ALWAYS AS (a_calls(a)) STORED, CONSTRAINT c CHECK (a > a_calls(a)));
CREATE INDEX i ON t ((a + a_calls(a)));
CREATE MATERIALIZED VIEW m AS SELECT 1 AS x;
CREATE VIEW between AS SELECT a_calls() AS n;
CREATE MATERIALIZED VIEW "a first" AS SELECT n FROM between;
