CREATE TABLE a (id integer PRIMARY KEY);
CREATE TABLE b (id integer PRIMARY KEY);
CREATE DOMAIN small AS integer CHECK (VALUE < 100);
CREATE DOMAIN unused AS integer;
CREATE TABLE d (x small);
INSERT INTO d VALUES (1);
CREATE TABLE e (id integer, during int4range);
