CREATE UNLOGGED TABLE r (id integer PRIMARY KEY, a text);
CREATE TABLE t (id integer PRIMARY KEY);
CREATE UNLOGGED TABLE stays (id integer PRIMARY KEY, r integer REFERENCES r (id));
CREATE UNLOGGED TABLE also (id integer PRIMARY KEY, stays integer REFERENCES stays (id));
