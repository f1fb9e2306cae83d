-- refused: UNIQUE constraint failed
CREATE TABLE t (a INTEGER UNIQUE);
