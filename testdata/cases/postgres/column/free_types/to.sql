CREATE TABLE t (
    id integer PRIMARY KEY,
    plain varchar(40),
    computed varchar(40),
    partial varchar(40),
    checked varchar(40) CONSTRAINT is_checked CHECK (length(checked) > 1),
    viewed varchar(40),
    amount numeric(10, 2) CONSTRAINT positive CHECK (amount > 0)
);
CREATE INDEX over_plain ON t (plain);
CREATE INDEX over_expression ON t (lower(computed));
CREATE INDEX over_part ON t (id) WHERE partial = 'x';
COMMENT ON INDEX over_part IS 'a part';
CREATE UNIQUE INDEX once ON t (amount) WHERE amount > 5;
CREATE VIEW v AS SELECT id, viewed FROM t;
COMMENT ON CONSTRAINT positive ON t IS 'more than nothing';
CREATE TABLE u (unproved numeric(10, 2));
ALTER TABLE u ADD CONSTRAINT later CHECK (unproved > 0) NOT VALID;
CREATE TABLE heir (x integer) INHERITS (t);
CREATE TABLE parted (k integer, name text) PARTITION BY LIST (k);
CREATE TABLE part_1 PARTITION OF parted FOR VALUES IN (1);
CREATE INDEX parted_lower ON parted (lower(name));
INSERT INTO t VALUES (1, 'a', 'b', 'c', 'dd', 'e', 6);
