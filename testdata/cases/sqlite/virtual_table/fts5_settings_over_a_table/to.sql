CREATE TABLE t (a);
CREATE VIRTUAL TABLE f USING fts5(a, content='t', prefix='2');
CREATE VIRTUAL TABLE g USING fts5(a, content='', contentless_delete=1, prefix='2');
CREATE TABLE _underpin_settings_f (x);
-- holds: SELECT count(*) = 0 OR (SELECT sum(v = 'bm25(10.0)') = 1 AND sum(k = 'automerge' AND v = 2) = 1 FROM f_config) FROM t
-- holds: SELECT count(*) = 0 OR (SELECT sum(k = 'automerge' AND v = 3) = 1 FROM g_config) FROM t
-- holds: SELECT count(*) = (SELECT count(*) FROM t) FROM f WHERE f MATCH 'wo*'
