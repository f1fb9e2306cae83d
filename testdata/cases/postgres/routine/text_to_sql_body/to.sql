-- needs PostgreSQL 14
CREATE FUNCTION body(a int) RETURNS int RETURN a + 1;
CREATE PROCEDURE gives(a int, OUT b int) LANGUAGE sql AS $$ SELECT 1 $$;
COMMENT ON PROCEDURE gives(int, int) IS 'gives';
CREATE FUNCTION back(a int) RETURNS int LANGUAGE sql AS $$ SELECT a $$;
