INSERT INTO t VALUES (3, 'alpha', 'x'), (5, 'beta', 'y');
