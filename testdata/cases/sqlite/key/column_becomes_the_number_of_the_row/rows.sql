INSERT INTO t VALUES (NULL, 'x'), (1, 'y'), (5, 'z');
