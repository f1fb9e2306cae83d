INSERT INTO f (rowid, title, body) VALUES (7, 'first', 'it rains'), (9, 'second', NULL);
INSERT INTO g (words) VALUES ('one two');
