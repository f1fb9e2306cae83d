CREATE SUBSCRIPTION s CONNECTION 'host=old.invalid dbname=d user=u' PUBLICATION p WITH (connect = false);
CREATE SUBSCRIPTION gone CONNECTION 'dbname=d' PUBLICATION p WITH (connect = false);
