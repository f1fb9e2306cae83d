CREATE TABLE t (a integer, b integer, "Has Space" text);
INSERT INTO t VALUES (1, 1, 'x');
