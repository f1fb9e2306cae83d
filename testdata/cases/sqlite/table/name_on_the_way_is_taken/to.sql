-- made anew: _underpin_new_t, said, t
CREATE TABLE t (a TEXT);
CREATE TABLE _underpin_new_t (x TEXT);
CREATE INDEX _underpin_new2_t ON _underpin_new_t (x);
CREATE TABLE said (a TEXT, CHECK (said.a > 0));
CREATE VIEW _UNDERPIN_NEW_SAID AS SELECT 1;
CREATE VIRTUAL TABLE f USING fts5(a, prefix='2');
CREATE TABLE _underpin_new_f_data (x);
