CREATE DOMAIN positive AS integer DEFAULT 1 NOT NULL CONSTRAINT above_zero CHECK (VALUE > 0 AND VALUE < 100);
COMMENT ON DOMAIN positive IS 'more than nothing, but not much';
COMMENT ON CONSTRAINT above_zero ON DOMAIN positive IS 'zero is nothing';
ALTER DOMAIN positive ADD CONSTRAINT odd CHECK (VALUE % 2 = 1) NOT VALID;
CREATE DOMAIN word AS text COLLATE "C" CHECK (VALUE <> '');
CREATE TABLE t (p positive, w word);
