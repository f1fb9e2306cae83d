CREATE TABLE t (a integer, goes integer, k integer CONSTRAINT small CHECK (k < 9)) PARTITION BY LIST (k);
CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1);
CREATE TABLE joins (k integer);
CREATE VIEW v AS SELECT goes FROM t;
