-- needs PostgreSQL 14
CREATE SUBSCRIPTION s CONNECTION 'dbname=d' PUBLICATION p WITH (connect = false, slot_name = NONE);
