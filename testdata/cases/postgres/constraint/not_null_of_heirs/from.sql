-- pg_dump differs: what an heir once declared itself stays declared
CREATE TABLE a (id integer, k integer, m integer NOT NULL, z integer, y integer NOT NULL);
CREATE TABLE a1 (own integer NOT NULL) INHERITS (a);
CREATE TABLE a2 (id integer) INHERITS (a);
CREATE TABLE b (id integer, k integer NOT NULL, m integer) PARTITION BY RANGE (id);
CREATE TABLE b1 PARTITION OF b FOR VALUES FROM (0) TO (10);
CREATE TABLE b2 PARTITION OF b FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id);
CREATE TABLE b21 PARTITION OF b2 FOR VALUES FROM (10) TO (15);
CREATE TABLE b3 (id integer, k integer NOT NULL, m integer);
