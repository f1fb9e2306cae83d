-- needs PostgreSQL 14
CREATE PROCEDURE q(a int, OUT b int) LANGUAGE sql AS $$ SELECT 1 $$;
