CREATE TYPE mood AS ENUM ('a', 'b', 'c');
COMMENT ON TYPE mood IS 'how it goes';
REVOKE USAGE ON TYPE mood FROM PUBLIC;
CREATE DOMAIN glad AS mood DEFAULT 'a' CONSTRAINT no_c CHECK (VALUE <> 'c'::mood);
CREATE TYPE pair AS (n integer, m mood);
CREATE TABLE t (id integer PRIMARY KEY, m mood NOT NULL DEFAULT 'a', l mood, many mood[] DEFAULT '{a,b}', g glad, p pair, ps pair[],
    text text GENERATED ALWAYS AS (CASE WHEN m = 'a'::mood THEN 'yes' ELSE 'no' END) STORED,
    CONSTRAINT both_same CHECK (m >= l), CONSTRAINT not_c CHECK (m <> 'c'::mood), UNIQUE (m, l));
CREATE INDEX plain ON t (m);
CREATE INDEX partial ON t (id) WHERE m = 'b'::mood;
CREATE INDEX expression ON t ((m = 'b'::mood));
CREATE INDEX over_two ON t (id) WHERE m < l;
INSERT INTO t (id, m, l, g, p, ps) VALUES (1, 'b', 'b', 'b', '(1,b)', '{"(2,a)"}');
CREATE TABLE parent (k integer, m mood DEFAULT 'b') PARTITION BY LIST (k);
CREATE TABLE part PARTITION OF parent FOR VALUES IN (1);
CREATE TABLE above (m mood DEFAULT 'a');
CREATE TABLE below (m mood DEFAULT 'b', n integer) INHERITS (above);
CREATE TABLE keyed (m mood PRIMARY KEY);
CREATE TABLE keying (m mood REFERENCES keyed);
