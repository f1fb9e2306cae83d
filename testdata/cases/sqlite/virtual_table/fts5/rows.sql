INSERT INTO f (rowid, title, body) VALUES (7, 'alpha', 'runs'), (9, 'beta', 'x');
