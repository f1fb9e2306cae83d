CREATE TABLE t (
  oid TEXT, -- underpin: renamed-from a
  b INTEGER
);
