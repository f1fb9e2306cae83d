CREATE TABLE t (id integer NOT NULL, tenant integer, a text, b text, CONSTRAINT t_key PRIMARY KEY (tenant, id), CONSTRAINT a_key UNIQUE (a, b) DEFERRABLE INITIALLY DEFERRED);
COMMENT ON CONSTRAINT t_key ON t IS 'the key';
COMMENT ON INDEX t_key IS 'the index of the key';
CREATE TABLE referred (id integer, other integer NOT NULL, CONSTRAINT referred_key PRIMARY KEY (id) INCLUDE (other));
CREATE TABLE refers (id integer REFERENCES referred);
CREATE TABLE identity (a integer NOT NULL, b integer NOT NULL, CONSTRAINT identity_key UNIQUE (b, a));
ALTER TABLE identity REPLICA IDENTITY USING INDEX identity_key;
ALTER TABLE identity CLUSTER ON identity_key;
CREATE TABLE keyless (a integer PRIMARY KEY, b text CONSTRAINT b_key UNIQUE, c integer CONSTRAINT becomes_a_key UNIQUE);
