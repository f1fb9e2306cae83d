CREATE SCHEMA other;
CREATE TABLE other.parent (a integer, b text);
CREATE TABLE heir (c integer) INHERITS (other.parent);
CREATE VIEW v AS SELECT a, b FROM heir;
