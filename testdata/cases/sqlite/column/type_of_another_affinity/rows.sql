INSERT INTO t VALUES ('12'), ('007'), ('x'), (NULL);
