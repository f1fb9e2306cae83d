CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level1', deterministic = false);
CREATE DOMAIN word AS text COLLATE folded;
CREATE TABLE t (id int, name text COLLATE folded, w word);
CREATE INDEX t_name ON t (name);
CREATE VIEW v AS SELECT name FROM t;
COMMENT ON COLLATION folded IS 'stays';
