-- needs PostgreSQL 16
CREATE COLLATION r (PROVIDER = icu, LOCALE = 'und', RULES = '&a < h');
CREATE TABLE t (a text COLLATE r);
