CREATE SEQUENCE s;
CREATE DOMAIN code AS varchar(10) CONSTRAINT long CHECK (length(VALUE) > 2);
CREATE DOMAIN number AS integer DEFAULT nextval('s');
CREATE DOMAIN code_two AS code;
CREATE TABLE t (c code DEFAULT 'abc', cs code[], two code_two, n number, CONSTRAINT c CHECK (c <> 'abcd'::code));
CREATE INDEX i ON t (c, n);
INSERT INTO t (c, cs, two) VALUES ('abc', '{abc}', 'abcd');
