CREATE TABLE r (id integer PRIMARY KEY, a text);
CREATE TABLE t (id integer PRIMARY KEY, r integer REFERENCES r (id));
CREATE TABLE u (id integer PRIMARY KEY, r integer REFERENCES r (id));
CREATE TABLE stays (id integer PRIMARY KEY, r integer REFERENCES r (id));
CREATE TABLE also (id integer PRIMARY KEY, stays integer REFERENCES stays (id));
