CREATE SEQUENCE s2;
CREATE DOMAIN code AS text CONSTRAINT long CHECK (length(VALUE) > 2);
CREATE DOMAIN number AS bigint DEFAULT nextval('s2');
CREATE DOMAIN code_two AS code;
CREATE TABLE t (c code DEFAULT 'abc', cs code[], two code_two, n number, CONSTRAINT c CHECK (c <> 'abcd'::code));
CREATE INDEX i ON t (c, n);
