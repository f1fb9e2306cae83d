CREATE TABLE "a ""b" ("c d" INTEGER, [e]  TEXT, `f``g` REAL, "select" BLOB);
CREATE INDEX "i;x" ON "a ""b" ("c d");
