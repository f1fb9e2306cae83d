-- made anew: nothing
CREATE TABLE t (a TEXT CHECK (a <> "No"), b TEXT);
CREATE TABLE u (a TEXT CHECK (a <> "No"));
CREATE INDEX i ON u (coalesce(a, "X"));
CREATE VIEW v AS SELECT "No" AS n FROM u;
CREATE TRIGGER r AFTER INSERT ON u BEGIN UPDATE t SET b = "Q"; END;
