-- refused: t.a is new and NOT NULL
CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL);
