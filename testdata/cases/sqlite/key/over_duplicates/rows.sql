INSERT INTO t VALUES ('x', 1), ('x', 2);
