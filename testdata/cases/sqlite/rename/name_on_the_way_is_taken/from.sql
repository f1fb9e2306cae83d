CREATE TABLE a (v INT, w TEXT, _underpin_away_0);
CREATE TABLE b (x TEXT);
CREATE TABLE _underpin_away_0 (y);
