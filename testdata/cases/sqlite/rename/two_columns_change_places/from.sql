CREATE TABLE t (
  a INTEGER, -- underpin: renamed-from b
  b TEXT -- underpin: renamed-from a
);
