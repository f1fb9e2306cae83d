INSERT INTO "f x" VALUES ('a word');
INSERT INTO "f x" ("f x", rank) VALUES ('rank', 'bm25(10.0)'), ('automerge', 2);
