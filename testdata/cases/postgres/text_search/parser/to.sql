CREATE SCHEMA s;
CREATE TEXT SEARCH PARSER s.p (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype, HEADLINE = prsd_headline);
CREATE TEXT SEARCH TEMPLATE s.tm (LEXIZE = dsynonym_lexize, INIT = dsynonym_init);
CREATE TEXT SEARCH DICTIONARY s.d (TEMPLATE = pg_catalog.simple);
CREATE TEXT SEARCH CONFIGURATION s.c (PARSER = s.p);
ALTER TEXT SEARCH CONFIGURATION s.c ADD MAPPING FOR word WITH s.d;
