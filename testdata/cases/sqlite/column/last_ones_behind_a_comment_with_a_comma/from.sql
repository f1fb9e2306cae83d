CREATE TABLE t (
  id INTEGER PRIMARY KEY,
  -- free text, not shown
  note TEXT
);
CREATE TABLE two (
  id INTEGER PRIMARY KEY /* a number, of its own */,
  a TEXT, /* one, and
  another */
  b TEXT,
  c TEXT
);
CREATE TABLE fine (
  id INTEGER PRIMARY KEY, -- a number, of its own
  a TEXT,
  -- plain
  b TEXT -- as said, free
);
