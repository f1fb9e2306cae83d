CREATE TABLE t (a bigint, b text);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE TABLE u (a int);
CREATE POLICY all_of ON t TO pg_monitor, pg_read_all_stats USING (a IN (SELECT a FROM u)) WITH CHECK (b <> 'x');
COMMENT ON POLICY all_of ON t IS 'some';
CREATE POLICY command ON t FOR INSERT WITH CHECK (a > 1);
CREATE POLICY kind ON t AS RESTRICTIVE USING (a > 1);
CREATE POLICY loses ON t USING (a > 1);
CREATE POLICY column_reader ON t TO pg_monitor USING (b = current_user);
