INSERT INTO f (rowid, a) VALUES (7, 'alpha');
INSERT INTO r VALUES (3, 1, 2);
