CREATE VIRTUAL TABLE r USING rtree(num, X0, x1, +label TEXT);
-- holds: SELECT num = 7 AND x1 = 2.5 FROM r
