INSERT INTO f (a, b, lid) VALUES ('running', 'x', 3), ('two', 'y', 0);
