INSERT INTO t VALUES (4, 'alpha');
INSERT INTO f (f) VALUES ('rebuild');
