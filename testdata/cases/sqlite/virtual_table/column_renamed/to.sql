CREATE VIRTUAL TABLE f USING fts5(
  a,
  d, -- underpin: renamed-from b
  b, -- underpin: renamed-from c
  tokenize = 'porter'
);
CREATE VIRTUAL TABLE g USING fts4(
  a,
  -- underpin: renamed-from b
  words
);
CREATE VIRTUAL TABLE r USING rtree(
  id,
  low, -- underpin: renamed-from x0
  high -- underpin: renamed-from x1
);
-- holds: SELECT rowid = 7 AND a = 'one' AND d = 'two' AND b = 'three' FROM f
-- holds: SELECT rowid = 8 FROM g WHERE words MATCH 'ways'
-- holds: SELECT id = 9 AND low = 1.0 AND high = 2.0 FROM r
