CREATE TABLE b ( -- underpin: renamed-from a
  v TEXT, -- underpin: renamed-from w
  w INT, -- underpin: renamed-from v
  _underpin_away_0);
CREATE TABLE a (x TEXT); -- underpin: renamed-from b
CREATE TABLE _underpin_away_0 (y);
