CREATE SCHEMA s;
CREATE LANGUAGE house HANDLER plpgsql_call_handler;
CREATE TRANSFORM FOR integer LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal), TO SQL WITH FUNCTION int4recv(internal));
CREATE FUNCTION s.take(internal) RETURNS internal LANGUAGE internal IMMUTABLE AS 'prsd_lextype';
CREATE TRANSFORM FOR text LANGUAGE house (FROM SQL WITH FUNCTION s.take(internal), TO SQL WITH FUNCTION textrecv(internal));
