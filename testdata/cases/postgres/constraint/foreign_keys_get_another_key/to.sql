CREATE TABLE t (id integer PRIMARY KEY, other integer NOT NULL, CONSTRAINT t_other UNIQUE (other));
CREATE TABLE same (id integer PRIMARY KEY, t_id integer CONSTRAINT same_fkey REFERENCES t (id));
CREATE TABLE changes (id integer PRIMARY KEY, t_id integer CONSTRAINT changes_fkey REFERENCES t (id) ON DELETE CASCADE);
CREATE TABLE comes (id integer PRIMARY KEY, t_id integer CONSTRAINT comes_fkey REFERENCES t (id), o_id integer CONSTRAINT comes_other REFERENCES t (other));
