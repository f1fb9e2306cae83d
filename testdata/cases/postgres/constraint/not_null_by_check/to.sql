CREATE TABLE t (a integer NOT NULL, b integer PRIMARY KEY, "Has Space" text NOT NULL);
