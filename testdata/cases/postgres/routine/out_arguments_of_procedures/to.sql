-- needs PostgreSQL 14
CREATE PROCEDURE q(a int, OUT b int, OUT c int) LANGUAGE sql AS $$ SELECT 1, 2 $$;
