CREATE TABLE t (
  a INTEGER, -- underpin: renamed-from b
  b INTEGER -- underpin: renamed-from a
);
