-- needs PostgreSQL 18
CREATE TABLE t (a int PRIMARY KEY, b int GENERATED ALWAYS AS (a * 2) STORED);
CREATE PUBLICATION p FOR TABLE t (b, a) WITH (publish_generated_columns = stored);
CREATE PUBLICATION q FOR TABLE t;
CREATE PUBLICATION r FOR TABLE t WITH (publish_generated_columns = stored);
