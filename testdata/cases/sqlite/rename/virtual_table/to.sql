-- underpin: renamed-from old
CREATE VIRTUAL TABLE new USING fts5(a, b);
-- holds: SELECT rowid = 7 FROM new WHERE new MATCH 'alpha'
