-- refused: t.a is new and NOT NULL
CREATE TABLE t (a TEXT PRIMARY KEY, b) WITHOUT ROWID;
CREATE TABLE u (rowid, oid, _rowid_);
