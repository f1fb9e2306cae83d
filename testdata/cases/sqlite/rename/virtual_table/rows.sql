INSERT INTO old (rowid, a) VALUES (7, 'alpha');
