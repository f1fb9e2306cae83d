-- needs PostgreSQL 17
CREATE COLLATION c (PROVIDER = builtin, LOCALE = 'C.UTF-8');
CREATE TABLE t (a text COLLATE c);
