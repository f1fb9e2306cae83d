CREATE TYPE mood AS ENUM ('ok', 'sad');
CREATE TABLE t (id integer);
