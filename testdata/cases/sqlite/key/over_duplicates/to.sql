-- refused: UNIQUE constraint failed
CREATE TABLE t (a TEXT PRIMARY KEY, b);
