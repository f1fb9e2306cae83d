CREATE SCHEMA stays;
CREATE TABLE stays.t (a int);
CREATE SCHEMA comes;
CREATE TABLE comes.t (a int);
CREATE VIEW comes.v AS SELECT * FROM stays.t;
COMMENT ON SCHEMA comes IS 'new';
