-- needs PostgreSQL 17
CREATE TABLE t (a int4range, b int4range) PARTITION BY LIST (a);
CREATE TABLE t1 PARTITION OF t FOR VALUES IN ('[1,2)');
