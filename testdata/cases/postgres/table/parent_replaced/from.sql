CREATE TABLE old_parent (a integer, b text);
CREATE TABLE heir (c integer) INHERITS (old_parent);
CREATE VIEW v AS SELECT a, b FROM heir;
