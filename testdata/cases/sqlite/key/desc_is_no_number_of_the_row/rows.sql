INSERT INTO t (rowid, id, a) VALUES (1, 5, 'x'), (2, 3, 'y');
