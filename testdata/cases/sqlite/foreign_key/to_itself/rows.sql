INSERT INTO t VALUES (1, NULL, 'x'), (2, 1, 'y');
