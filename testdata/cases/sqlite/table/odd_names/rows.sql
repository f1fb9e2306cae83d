INSERT INTO "a ""b" VALUES (1, NULL, 1.5, x'00');
