-- needs PostgreSQL 16
CREATE COLLATION r (PROVIDER = icu, LOCALE = 'und', RULES = '&a < g');
CREATE TABLE t (a text COLLATE r);
