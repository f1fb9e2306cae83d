CREATE TYPE state AS ENUM ('open', 'paid', 'sent');
CREATE TABLE o (id int, state state DEFAULT 'open', total int) PARTITION BY RANGE (id);
CREATE TABLE o1 PARTITION OF o FOR VALUES FROM (0) TO (1);
CREATE INDEX o_state ON o (state) WHERE total > 10;
