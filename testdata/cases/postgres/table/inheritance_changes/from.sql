CREATE TABLE p (a integer, b text CONSTRAINT short CHECK (length(b) < 9));
CREATE TABLE leaves (c integer) INHERITS (p);
CREATE TABLE leaves_and_keeps (c integer) INHERITS (p);
CREATE TABLE p2 (a integer);
CREATE TABLE joins (c integer);
CREATE TABLE moves (a integer) INHERITS (p);
CREATE TABLE goes (x integer);
CREATE TABLE orphan () INHERITS (goes);
