-- needs PostgreSQL 18
-- pg_dump differs: an heir's constraint may keep a name or a declaration of its own that says nothing beside the parent's
CREATE TABLE q (id integer NOT NULL, k integer NOT NULL) PARTITION BY RANGE (id);
CREATE TABLE q1 (id integer NOT NULL, k integer NOT NULL);
ALTER TABLE q ATTACH PARTITION q1 FOR VALUES FROM (0) TO (10);
CREATE TABLE t (id integer, k integer CONSTRAINT t_k NOT NULL, m integer NOT NULL);
CREATE TABLE t1 () INHERITS (t);
ALTER TABLE t1 ADD CONSTRAINT t_id_not_null NOT NULL id;
