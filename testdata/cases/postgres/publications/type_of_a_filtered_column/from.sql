-- needs PostgreSQL 15
CREATE TABLE a (id int PRIMARY KEY, n int);
CREATE PUBLICATION p FOR TABLE a (id, n) WHERE (id > 10);
