CREATE LANGUAGE house HANDLER plpgsql_call_handler;
CREATE TRUSTED LANGUAGE spare HANDLER plpgsql_call_handler INLINE plpgsql_inline_handler VALIDATOR plpgsql_validator;
COMMENT ON LANGUAGE spare IS 'spare';
CREATE FUNCTION public.f() RETURNS integer LANGUAGE house AS 'BEGIN RETURN 1; END';
