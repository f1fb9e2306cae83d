CREATE TABLE t (
  a INTEGER,
  b INTEGER, -- underpin: renamed-from "b 2"
  PRIMARY KEY (b),
  UNIQUE (b)
) WITHOUT ROWID;
