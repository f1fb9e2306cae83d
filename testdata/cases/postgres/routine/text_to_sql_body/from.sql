-- needs PostgreSQL 14
CREATE FUNCTION body(a int) RETURNS int LANGUAGE sql AS $$ SELECT a $$;
CREATE FUNCTION back(a int) RETURNS int RETURN a;
