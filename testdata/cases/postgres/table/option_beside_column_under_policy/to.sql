CREATE TABLE t (new_name integer, b text);
CREATE POLICY p ON t USING (new_name IS NOT NULL);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE TABLE u (new_name integer, b text);
CREATE POLICY p ON u USING (new_name IS NOT NULL);
