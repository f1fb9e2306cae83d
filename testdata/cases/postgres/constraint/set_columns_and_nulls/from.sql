-- needs PostgreSQL 15
CREATE TABLE r (a int, b int, PRIMARY KEY (a, b));
CREATE TABLE t (a int, b int, c int, FOREIGN KEY (a, b) REFERENCES r ON DELETE SET NULL, UNIQUE (c));
CREATE UNIQUE INDEX i ON t (a);
