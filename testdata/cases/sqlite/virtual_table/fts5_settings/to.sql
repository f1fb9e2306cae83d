CREATE VIRTUAL TABLE "f x" USING fts5(a, prefix='2');
-- holds: SELECT count(*) = 0 OR (SELECT count(*) = 3 AND sum(v = 'bm25(10.0)') = 1 AND sum(k = 'automerge' AND v = 2) = 1 FROM "f x_config") FROM "f x"
