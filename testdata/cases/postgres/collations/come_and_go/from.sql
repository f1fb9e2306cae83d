CREATE TABLE t (name text);
CREATE COLLATION plain (locale = 'C');
