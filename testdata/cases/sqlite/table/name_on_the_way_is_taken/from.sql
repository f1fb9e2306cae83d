CREATE TABLE t (a INT);
CREATE TABLE _underpin_new_t (x INT);
CREATE INDEX _underpin_new2_t ON _underpin_new_t (x);
CREATE TABLE said (a INT, CHECK (said.a > 0));
CREATE VIEW _UNDERPIN_NEW_SAID AS SELECT 1;
CREATE VIRTUAL TABLE f USING fts5(a);
CREATE TABLE _underpin_new_f_data (x);
