CREATE TABLE t (id integer PRIMARY KEY);
CREATE TABLE goes (t_id integer NOT NULL, note text NOT NULL, CONSTRAINT goes_fkey FOREIGN KEY (t_id) REFERENCES t (id));
