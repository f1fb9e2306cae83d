CREATE TABLE t (a integer);
CREATE TABLE kept (id integer PRIMARY KEY);
