-- refused: UNIQUE constraint failed
CREATE TABLE t (a TEXT);
CREATE UNIQUE INDEX i ON t (a);
