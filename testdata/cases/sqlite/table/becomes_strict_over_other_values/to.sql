-- refused: cannot store TEXT value in INT column
CREATE TABLE t (id INTEGER PRIMARY KEY, a INT) STRICT;
