INSERT INTO t (_rowid_, rowid, a, oid) VALUES (7, 'x', 1, 2), (9, NULL, 3, 4);
