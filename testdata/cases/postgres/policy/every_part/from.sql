CREATE TABLE t (a int, b text);
CREATE POLICY all_of ON t USING (a > 1);
CREATE POLICY command ON t FOR SELECT USING (a > 1);
CREATE POLICY kind ON t USING (a > 1);
CREATE POLICY loses ON t USING (a > 1) WITH CHECK (a > 2);
CREATE POLICY column_reader ON t USING (b = current_user);
