-- needs PostgreSQL 16
CREATE SUBSCRIPTION s CONNECTION 'dbname=d' PUBLICATION p WITH (connect = false, slot_name = NONE, run_as_owner = true, disable_on_error = true);
CREATE SUBSCRIPTION u CONNECTION 'dbname=d' PUBLICATION p WITH (connect = false, slot_name = NONE, password_required = false, streaming = off);
