INSERT INTO t VALUES ('a word');
INSERT INTO f (f) VALUES ('rebuild');
INSERT INTO f (f, rank) VALUES ('rank', 'bm25(10.0)'), ('automerge', 2);
INSERT INTO g (g, rank) VALUES ('automerge', 3);
