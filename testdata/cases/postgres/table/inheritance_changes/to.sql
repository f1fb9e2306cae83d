CREATE TABLE p (a integer, b text CONSTRAINT short CHECK (length(b) < 9));
CREATE TABLE leaves (c integer);
CREATE TABLE leaves_and_keeps (c integer, a integer, b text CONSTRAINT short CHECK (length(b) < 9));
CREATE TABLE p2 (a integer, n numeric);
CREATE TABLE joins (c integer, a integer, n numeric) INHERITS (p2);
CREATE TABLE moves (a integer, n numeric) INHERITS (p2);
CREATE TABLE orphan (y integer);
