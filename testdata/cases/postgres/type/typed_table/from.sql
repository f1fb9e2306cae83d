CREATE TYPE grown AS (a integer, b text);
CREATE TYPE moved AS (a integer, b text);
CREATE TABLE g OF grown (a WITH OPTIONS NOT NULL DEFAULT 1, CONSTRAINT a_there CHECK (a > 0));
CREATE TABLE m OF moved (PRIMARY KEY (a));
CREATE TABLE later (a integer, b text);
CREATE TABLE new (n integer);
INSERT INTO g VALUES (1, 'b');
