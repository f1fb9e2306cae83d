INSERT INTO f (a, lid) VALUES ('one', 3), ('two', 0);
