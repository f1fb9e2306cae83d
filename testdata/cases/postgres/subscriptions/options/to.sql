CREATE SUBSCRIPTION s CONNECTION 'host=new.invalid dbname=d user=u' PUBLICATION q, p
    WITH (connect = false, slot_name = NONE, synchronous_commit = 'local');
COMMENT ON SUBSCRIPTION s IS 'with options';
