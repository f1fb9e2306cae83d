-- refused: constraint failed
CREATE TABLE t (a INTEGER CONSTRAINT u UNIQUE ON CONFLICT ROLLBACK, b);
CREATE TABLE after (x);
