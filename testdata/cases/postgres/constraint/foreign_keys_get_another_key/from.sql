CREATE TABLE t (id integer NOT NULL, other integer NOT NULL, CONSTRAINT t_key UNIQUE (id), CONSTRAINT t_other UNIQUE (other));
CREATE TABLE same (id integer PRIMARY KEY, t_id integer CONSTRAINT same_fkey REFERENCES t (id));
CREATE TABLE changes (id integer PRIMARY KEY, t_id integer CONSTRAINT changes_fkey REFERENCES t (id));
