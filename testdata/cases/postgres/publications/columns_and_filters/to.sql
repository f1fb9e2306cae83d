-- needs PostgreSQL 15
CREATE TABLE a (id int PRIMARY KEY, n int, note text);
CREATE TABLE b (id int PRIMARY KEY);

CREATE PUBLICATION p FOR TABLE a (note, id) WHERE (id > 10 AND note <> '') WITH (publish = 'insert, update');
COMMENT ON PUBLICATION p IS 'a part';
