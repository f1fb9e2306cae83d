-- pg_dump differs: on 18 an inherited NOT NULL has the name that the first of the two tables gave it
CREATE TABLE t (a integer, b integer, k integer, PRIMARY KEY (a, k)) PARTITION BY LIST (k);
CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1);
CREATE TABLE t2 PARTITION OF t FOR VALUES IN (2);
CREATE TABLE u (a integer, k integer, CONSTRAINT old_name PRIMARY KEY (a, k)) PARTITION BY LIST (k);
CREATE TABLE u1 PARTITION OF u FOR VALUES IN (1);
CREATE TABLE w (a integer, k integer, UNIQUE (k)) PARTITION BY LIST (k);
CREATE TABLE w1 PARTITION OF w FOR VALUES IN (1);
CREATE TABLE x (a integer, k integer) PARTITION BY LIST (k);
CREATE TABLE x1 PARTITION OF x FOR VALUES IN (1);
ALTER TABLE x1 ADD CONSTRAINT own PRIMARY KEY (a, k);
