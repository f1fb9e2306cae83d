-- needs PostgreSQL 18
CREATE TABLE r (id int4range, valid daterange, CONSTRAINT r_pkey PRIMARY KEY (id, valid WITHOUT OVERLAPS));
CREATE TABLE t (id int4range, valid daterange, r int4range, x int4range, PRIMARY KEY (id, valid WITHOUT OVERLAPS) DEFERRABLE,
  CONSTRAINT f FOREIGN KEY (r, PERIOD valid) REFERENCES r (id, PERIOD valid));
CREATE TABLE u (id int4range, valid daterange, CONSTRAINT u_key UNIQUE (id, valid WITHOUT OVERLAPS));
