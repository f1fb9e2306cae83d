INSERT INTO f (rowid, a, b, c) VALUES (7, 'one', 'two', 'three');
INSERT INTO g (rowid, a, b) VALUES (8, 'x', 'many ways');
INSERT INTO r VALUES (9, 1, 2);
