-- needs PostgreSQL 14
CREATE TYPE kind AS ENUM ('b', 'c');
CREATE TABLE t (back text, kept_under_type text, kept_under_enum kind[], compressed text, exact numeric);
ALTER TABLE t ALTER kept_under_type SET STORAGE EXTERNAL, ALTER kept_under_enum SET STORAGE EXTERNAL,
    ALTER compressed SET COMPRESSION pglz;
CREATE TABLE heir () INHERITS (t);
