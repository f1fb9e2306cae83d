CREATE TABLE t (id serial PRIMARY KEY, k int NOT NULL);
CREATE TABLE o (t_id int REFERENCES t (id));
