INSERT INTO t VALUES ('alpha');
INSERT INTO f (f) VALUES ('rebuild');
