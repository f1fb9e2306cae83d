CREATE TABLE t (a INTEGER);
-- holds: SELECT group_concat(typeof(a), ' ') = 'integer integer text null' FROM t
