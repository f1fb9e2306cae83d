CREATE TABLE t (a);
CREATE VIRTUAL TABLE f USING fts5(a, content='t');
CREATE VIRTUAL TABLE g USING fts5(a, content='', contentless_delete=1);
CREATE TABLE _underpin_settings_f (x);
