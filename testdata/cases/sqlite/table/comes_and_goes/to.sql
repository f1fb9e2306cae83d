CREATE TABLE u (a, b);
CREATE INDEX u_a ON u (a);
