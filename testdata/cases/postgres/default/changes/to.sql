CREATE TABLE t (a int DEFAULT 2, b text DEFAULT 'it''s', c text, d timestamptz DEFAULT clock_timestamp());
CREATE VIEW v AS SELECT a, b FROM t;
ALTER VIEW v ALTER COLUMN b SET DEFAULT 'of the view';
CREATE DOMAIN m AS int DEFAULT 4;
