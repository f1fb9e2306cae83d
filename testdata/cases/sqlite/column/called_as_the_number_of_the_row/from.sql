CREATE TABLE t (rowid TEXT, a INTEGER, oid);
