INSERT INTO t VALUES (4, 'x'), (8, 'y');
