-- made anew: c
CREATE TABLE People (id INTEGER PRIMARY KEY, a);
CREATE TABLE c (p REFERENCES People (id), x UNIQUE);
