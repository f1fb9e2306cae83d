CREATE TABLE t ( -- the table, (of) things
  a INTEGER, /* , b TEXT */
  b TEXT -- ends here )
  , d TEXT
);
