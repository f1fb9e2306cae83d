//! What no object stands for is told, and nothing else is.

use postgres::{Client, Config, NoTls};
use std::collections::HashMap;
use underpin_postgres::{introspect, server_of};
use underpin_scratch::{Options, ScratchServer};

fn connect(server: &ScratchServer, database: &str) -> Client {
    Config::new()
        .host_path(server.socket_dir())
        .port(server.port())
        .user(server.superuser())
        .dbname(database)
        .connect(NoTls)
        .expect("the scratch server takes connections")
}

fn told(client: &mut Client) -> Vec<String> {
    let server = server_of(client).expect("the server is known");
    let catalog = introspect(client, &server, &HashMap::new()).expect("the catalog can be read");
    catalog.diagnostics.into_iter().filter(|d| d.code == "not-modelled").map(|d| d.message).collect()
}

/// All that comes along with objects and is none by itself.
const PARTS: &str = "
CREATE EXTENSION hstore;
CREATE TYPE r AS RANGE (SUBTYPE = integer);
CREATE TYPE c AS (a integer, b text);
CREATE DOMAIN d AS text CHECK (VALUE <> '');
CREATE TABLE p (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, big text, h hstore) PARTITION BY RANGE (id);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (9);
CREATE TABLE q (id serial UNIQUE, p integer REFERENCES p DEFERRABLE, x r[], y c, EXCLUDE USING btree (h WITH =))
    INHERITS (parent);
";

#[test]
fn only_what_is_unknown_is_told() {
    let server = ScratchServer::start(&Options::default()).expect("PostgreSQL binaries are on this machine");
    let mut admin = connect(&server, "postgres");
    admin.batch_execute("CREATE DATABASE told TEMPLATE template0").expect("a database");
    let mut client = connect(&server, "told");
    client.batch_execute("CREATE TABLE parent (h integer)").expect("a table");
    client.batch_execute(PARTS).expect("objects");
    let triggers = "
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER g AFTER INSERT ON p FOR EACH ROW EXECUTE FUNCTION f();
        CREATE CONSTRAINT TRIGGER k AFTER INSERT ON q FOR EACH ROW EXECUTE FUNCTION f();
        CREATE VIEW v AS SELECT * FROM q;
        CREATE RULE u AS ON INSERT TO v DO INSTEAD NOTHING;
        CREATE POLICY o ON q USING (true);
        CREATE TEMP TABLE gone (a serial PRIMARY KEY);
        SELECT lo_create(0);
        CREATE SCHEMA underpin CREATE TABLE history (id serial PRIMARY KEY);
    ";
    client.batch_execute(triggers).expect("more objects");
    assert_eq!(told(&mut client), Vec::<String>::new());
    // A member that is added to a family of the server's own is nobody's: pg_dump does not know it either.
    client
        .batch_execute(
            "CREATE FUNCTION h(int, text) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0';
             ALTER OPERATOR FAMILY integer_ops USING btree ADD FUNCTION 1 (int, text) h(int, text)",
        )
        .expect("a member");
    let told = told(&mut client);
    assert_eq!(told, ["the operator family member public.h(integer,text) is of a kind that underpin does not know"]);
}
