-- made anew: nothing
-- underpin: renamed-from old
CREATE TABLE new (id INTEGER PRIMARY KEY AUTOINCREMENT, a TEXT);
CREATE TABLE c (x REFERENCES new (id));
CREATE INDEX i ON new (a);
CREATE VIEW v AS SELECT a FROM new;
