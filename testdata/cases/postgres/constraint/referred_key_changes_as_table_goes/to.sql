CREATE TABLE t (number integer PRIMARY KEY, name text);
