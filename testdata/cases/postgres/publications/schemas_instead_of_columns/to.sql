-- needs PostgreSQL 15
CREATE SCHEMA app;
CREATE TABLE a (id int PRIMARY KEY, n int);
CREATE PUBLICATION p FOR TABLES IN SCHEMA app, public WITH (publish_via_partition_root = true);
