CREATE TYPE address AS (street text, zip integer, country text);
COMMENT ON TYPE address IS 'where';
COMMENT ON COLUMN address.zip IS 'the number';
CREATE TYPE alone AS (a bigint, c text, b text);
CREATE TYPE nested AS (x address);
CREATE TYPE nothing AS (z integer);
CREATE TABLE t (a address, n nested);
