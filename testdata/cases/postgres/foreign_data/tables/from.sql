CREATE EXTENSION postgres_fdw;
CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'h');
CREATE FOREIGN TABLE t (id int OPTIONS (column_name 'key') NOT NULL, n text DEFAULT 'x', gone int) SERVER s OPTIONS (table_name 'far');
COMMENT ON FOREIGN TABLE t IS 'far';
CREATE TABLE here (id int);
