CREATE TYPE a AS ENUM ('1', '2');
CREATE DOMAIN b AS text;
CREATE TABLE t (a a, b b);
