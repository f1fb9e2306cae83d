-- needs PostgreSQL 14
CREATE TYPE kind AS ENUM ('a', 'b');
CREATE TABLE t (back text, kept_under_type varchar(20), kept_under_enum kind[], compressed varchar(20), exact numeric);
ALTER TABLE t ALTER back SET STORAGE EXTERNAL, ALTER kept_under_type SET STORAGE EXTERNAL,
    ALTER kept_under_enum SET STORAGE EXTERNAL, ALTER compressed SET COMPRESSION pglz, ALTER exact SET STORAGE PLAIN;
CREATE TABLE heir () INHERITS (t);
