CREATE COLLATION german (provider = icu, locale = 'de-u-co-phonebk');
CREATE COLLATION mixed (lc_collate = 'C', lc_ctype = 'POSIX');
CREATE TABLE t (name text COLLATE german);
