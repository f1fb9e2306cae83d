CREATE TYPE grown AS (a integer, c text);
CREATE TYPE moved AS (a bigint, b text);
CREATE TABLE g OF grown (CONSTRAINT a_there CHECK (a > 0));
CREATE TABLE m OF moved (PRIMARY KEY (a));
CREATE TABLE later OF moved;
CREATE TABLE new (n integer, g grown);
