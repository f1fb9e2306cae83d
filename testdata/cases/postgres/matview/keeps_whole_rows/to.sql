CREATE TABLE "Wide" (a bigint, b text);
CREATE TABLE gains (a integer, b integer GENERATED ALWAYS AS (a + 1) STORED);
CREATE MATERIALIZED VIEW m AS SELECT r AS whole, 1 AS one FROM "Wide" r;
CREATE INDEX ON m (one);
CREATE MATERIALIZED VIEW n AS SELECT array_agg(r) AS rows FROM gains r;
