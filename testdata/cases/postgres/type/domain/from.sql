CREATE DOMAIN positive AS integer CONSTRAINT above_zero CHECK (VALUE > 0);
COMMENT ON DOMAIN positive IS 'more than nothing';
COMMENT ON CONSTRAINT above_zero ON DOMAIN positive IS 'zero is nothing';
CREATE DOMAIN goes AS text;
CREATE DOMAIN word AS text COLLATE "C" NOT NULL DEFAULT 'x';
CREATE TABLE t (p positive, w word);
INSERT INTO t VALUES (1, 'w');
