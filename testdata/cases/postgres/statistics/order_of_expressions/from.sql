-- needs PostgreSQL 14
CREATE TABLE t (a text, b text, c text);
