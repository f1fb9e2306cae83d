-- underpin: renamed-from new
CREATE VIRTUAL TABLE old USING fts5(a, b);
