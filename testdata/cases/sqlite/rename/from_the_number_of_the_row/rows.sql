INSERT INTO t (rowid, oid, b) VALUES (4, 'x', 1);
