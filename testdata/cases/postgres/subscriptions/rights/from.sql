-- needs PostgreSQL 16
CREATE SUBSCRIPTION s CONNECTION 'dbname=d' PUBLICATION p WITH (connect = false, slot_name = NONE, origin = none, streaming = parallel);
CREATE SUBSCRIPTION u CONNECTION 'dbname=d' PUBLICATION p WITH (connect = false, slot_name = NONE);
