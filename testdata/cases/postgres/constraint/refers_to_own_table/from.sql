CREATE TABLE t (a integer, id integer PRIMARY KEY, parent integer REFERENCES t (id));
CREATE TABLE kept (id integer PRIMARY KEY, a_parent integer CONSTRAINT up REFERENCES kept (id));
