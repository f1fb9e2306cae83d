CREATE TABLE "Wide" (a integer, b varchar(20));
CREATE TABLE gains (a integer);
CREATE MATERIALIZED VIEW m AS SELECT r AS whole, 1 AS one FROM "Wide" r;
CREATE INDEX ON m (one);
CREATE MATERIALIZED VIEW n AS SELECT array_agg(r) AS rows FROM gains r;
