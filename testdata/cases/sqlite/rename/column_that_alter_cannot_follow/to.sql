-- made anew: t
CREATE TABLE t (
  a INTEGER,
  "b 2" INTEGER, -- underpin: renamed-from b
  PRIMARY KEY ("b 2"),
  UNIQUE ("b 2")
) WITHOUT ROWID;
