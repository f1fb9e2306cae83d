CREATE DOMAIN a AS text;
CREATE TYPE b AS ENUM ('1', '2');
CREATE TABLE t (a a, b b);
