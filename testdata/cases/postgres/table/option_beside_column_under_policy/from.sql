CREATE TABLE t (old_name integer, b text) WITH (fillfactor = 72);
CREATE POLICY p ON t USING (old_name IS NOT NULL);
CREATE UNLOGGED TABLE u (old_name integer, b text);
CREATE POLICY p ON u USING (old_name IS NOT NULL);
