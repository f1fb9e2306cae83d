CREATE AGGREGATE total(int) (SFUNC = int4_avg_accum, STYPE = int8[], FINALFUNC = int8_avg, INITCOND = '{0,0}');
CREATE FUNCTION fin(int, int) RETURNS int LANGUAGE sql AS $$ SELECT $1 $$;
CREATE AGGREGATE named(b int) (SFUNC = int4pl, STYPE = int, SSPACE = 100, FINALFUNC = fin, FINALFUNC_EXTRA, FINALFUNC_MODIFY = SHAREABLE,
  COMBINEFUNC = int4pl, INITCOND = '0', PARALLEL = SAFE,
  MSFUNC = int4pl, MINVFUNC = int4mi, MSTYPE = int, MSSPACE = 8, MFINALFUNC = fin, MFINALFUNC_EXTRA, MINITCOND = '0');
COMMENT ON AGGREGATE named(int) IS 'adds';
REVOKE EXECUTE ON FUNCTION named(int) FROM PUBLIC;
CREATE AGGREGATE no_args(*) (SFUNC = int8inc, STYPE = int8, INITCOND = '0');
COMMENT ON AGGREGATE no_args(*) IS 'counts';
CREATE AGGREGATE least_of(int) (SFUNC = int4smaller, STYPE = int, SORTOP = <);
CREATE AGGREGATE part(float8 ORDER BY anyelement) (SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA);
COMMENT ON AGGREGATE part(float8 ORDER BY anyelement) IS 'cuts';
REVOKE EXECUTE ON FUNCTION part(float8, anyelement) FROM PUBLIC;
CREATE AGGREGATE place(VARIADIC "any" ORDER BY VARIADIC "any") (SFUNC = ordered_set_transition_multi, STYPE = internal, FINALFUNC = rank_final, FINALFUNC_EXTRA, HYPOTHETICAL);
CREATE AGGREGATE big(numeric) (SFUNC = numeric_avg_accum, STYPE = internal, FINALFUNC = numeric_avg, COMBINEFUNC = numeric_avg_combine,
  SERIALFUNC = numeric_avg_serialize, DESERIALFUNC = numeric_avg_deserialize, PARALLEL = RESTRICTED);
CREATE VIEW v AS SELECT named(x) AS n FROM generate_series(1, 3) x;
