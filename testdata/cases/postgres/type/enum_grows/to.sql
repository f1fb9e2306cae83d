CREATE TYPE mood AS ENUM ('ecstatic', 'happy', 'ok', 'meh', 'sad', 'it''s over');
CREATE TABLE t (id integer, m mood NOT NULL DEFAULT 'meh', CONSTRAINT happy CHECK (m <> 'happy'::mood));
