INSERT INTO t VALUES (3, 'alpha', 'x'), (5, NULL, 'y');
INSERT INTO f (f) VALUES ('rebuild');
