CREATE TYPE address AS (street text, city text COLLATE "C", zip integer);
COMMENT ON TYPE address IS 'where';
COMMENT ON COLUMN address.city IS 'the town';
CREATE TYPE alone AS (a integer, b text);
CREATE TYPE nested AS (x address);
CREATE TYPE nothing AS ();
CREATE TABLE t (a address, n nested);
INSERT INTO t VALUES ('(s,c,1)', '("(s,c,1)")'), (NULL, NULL), ('(,,)', NULL);
