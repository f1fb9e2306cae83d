CREATE SCHEMA stays;
CREATE TABLE stays.t (a int);
CREATE SCHEMA goes;
CREATE TABLE goes.t (a int);
CREATE VIEW goes.v AS SELECT * FROM stays.t;
