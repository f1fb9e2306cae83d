INSERT INTO t VALUES ('x'), ('x');
