-- refused: constraint failed
CREATE TABLE t (a INTEGER, CONSTRAINT positive CHECK (a > 0));
