INSERT INTO t VALUES (3, 'x'), (9, 'y');
