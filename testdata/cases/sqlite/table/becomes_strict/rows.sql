INSERT INTO t VALUES (1, 2, 'x', 3), (2, NULL, NULL, 'y');
