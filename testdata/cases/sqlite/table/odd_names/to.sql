CREATE TABLE "a ""b" ("c d" TEXT, [e]  TEXT NOT NULL DEFAULT '', `f``g` REAL, "select" BLOB);
CREATE INDEX "i;x" ON "a ""b" ("c d" DESC);
