INSERT INTO t VALUES ('x', 'Y'), ('X', 'y');
