CREATE EXTENSION postgres_fdw;
CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'h');
CREATE FOREIGN TABLE t (id bigint, n text OPTIONS (column_name 'name') COLLATE "C" NOT NULL, added int DEFAULT 1,
    CONSTRAINT positive CHECK (id > 0)) SERVER s OPTIONS (table_name 'farther', fetch_size '10');
COMMENT ON FOREIGN TABLE t IS 'farther';
GRANT SELECT ON t TO PUBLIC;
CREATE FOREIGN TABLE here (id int) SERVER s;
