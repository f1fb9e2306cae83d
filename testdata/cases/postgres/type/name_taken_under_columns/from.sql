CREATE TYPE y AS ENUM ('a');
CREATE TABLE t (a integer, goes y, stays y);
CREATE VIEW v AS SELECT goes FROM t;
