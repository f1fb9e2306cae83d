INSERT INTO u VALUES ('x');
INSERT INTO t VALUES ('x', 'y', 'z');
