CREATE TABLE t (id integer, k integer, PRIMARY KEY (id, k)) PARTITION BY LIST (k);
CREATE TABLE t1 PARTITION OF t FOR VALUES IN (1);
CREATE TABLE u (id integer, k integer, FOREIGN KEY (id, k) REFERENCES t);
CREATE TABLE self (id bigint, k integer, up bigint, PRIMARY KEY (id, k), FOREIGN KEY (up, k) REFERENCES self) PARTITION BY LIST (k);
CREATE TABLE self1 PARTITION OF self FOR VALUES IN (1, 3);
