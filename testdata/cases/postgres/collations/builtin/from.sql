-- needs PostgreSQL 17
CREATE COLLATION c (PROVIDER = builtin, LOCALE = 'C');
CREATE TABLE t (a text COLLATE c);
