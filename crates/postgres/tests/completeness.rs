//! What no object stands for is told, and nothing else is.

mod common;

use common::connect;
use postgres::{Client, Config, NoTls};
use std::collections::HashMap;
use underpin_postgres::{introspect, server_of};
use underpin_scratch::{Options, ScratchServer};

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
    assert_eq!(told(&mut client), ["underpin does not know the operator family member public.h(integer,text)"]);
}

/// What can be said of parts that no kind of object stands for, with the words that tell it and the first version.
const HANGS_ON_PARTS: &[(&str, &str, u32)] = &[
    ("COMMENT ON TYPE t IS 'x'", "comment on a part of the table public.t", 12),
    ("COMMENT ON RULE \"_RETURN\" ON v IS 'x'", "comment on a part of the view public.v", 12),
    ("COMMENT ON CONSTRAINT k ON t IS 'x'", "comment on the constraint public.t.k", 12),
    ("COMMENT ON FUNCTION r(integer, integer) IS 'x'", "comment on the routine public.r", 12),
    (
        "ALTER TABLE t DISABLE TRIGGER ALL; ALTER TABLE t ENABLE TRIGGER k",
        "disabled trigger that enforces the constraint public.t.f (4 of them)",
        12,
    ),
    ("ALTER SEQUENCE t_i_seq SET UNLOGGED", "unlogged sequence of an identity column public.t_i_seq", 15),
    ("GRANT USAGE ON TYPE t TO other", "privileges on the row type of the relation public.t", 12),
    ("GRANT SELECT (ctid) ON t TO other", "privileges on a system column of the table public.t", 12),
    (
        "GRANT SELECT ON pg_stat_statements TO other",
        "privileges on the relation of an extension public.pg_stat_statements",
        12,
    ),
    (
        "GRANT EXECUTE ON FUNCTION pg_stat_statements_reset TO other",
        "privileges on the routine of an extension public.pg_stat_statements_reset",
        12,
    ),
    ("ALTER PUBLICATION pu ADD TABLE x.config", "table of an extension in the publication pu", 12),
    ("ALTER TABLE t INHERIT x.config", "inheritance from an extension's table of the table public.t", 12),
    ("CREATE FUNCTION pg_catalog.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'", "routine pg_catalog.mine", 12),
];

#[test]
fn what_hangs_on_parts_is_told_and_takes_no_place_of_another() {
    let server = ScratchServer::start(&Options::default()).expect("PostgreSQL binaries are on this machine");
    let mut admin = connect(&server, "postgres");
    admin.batch_execute("CREATE DATABASE parts TEMPLATE template0").expect("a database");
    admin.batch_execute("CREATE ROLE other").expect("a role");
    let mut client = connect(&server, "parts");
    client
        .batch_execute(
            "CREATE EXTENSION pg_stat_statements;
             CREATE SCHEMA x; CREATE EXTENSION hstore SCHEMA x; CREATE TABLE x.config (p int, q int);
             CREATE INDEX ON x.config (p); CREATE STATISTICS x.st ON p, q FROM x.config;
             ALTER EXTENSION hstore ADD TABLE x.config; CREATE PUBLICATION pu;
             CREATE TYPE r AS RANGE (SUBTYPE = integer);
             CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
             CREATE TABLE t (id int CONSTRAINT p PRIMARY KEY, p int CONSTRAINT f REFERENCES t, q int, i int GENERATED ALWAYS AS IDENTITY);
             CREATE CONSTRAINT TRIGGER k AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION g();
             CREATE VIEW v AS SELECT * FROM t;
             COMMENT ON TABLE t IS 'the table'; COMMENT ON INDEX p IS 'the index'; COMMENT ON COLUMN v.p IS 'the column';
             COMMENT ON TRIGGER k ON t IS 'the trigger'",
        )
        .expect("objects");
    assert_eq!(told(&mut client), Vec::<String>::new());
    let known = server_of(&mut client).expect("the server is known");
    let before = introspect(&mut client, &known, &HashMap::new()).expect("the catalog can be read");
    let mut said = 0;
    for (sql, words, _) in HANGS_ON_PARTS.iter().filter(|(_, _, since)| known.major() >= *since) {
        said += 1;
        client.batch_execute(&format!("BEGIN; {sql}; COMMIT")).unwrap_or_else(|e| panic!("{sql}: {e:?}"));
        let told = told(&mut client);
        let wanted = format!("underpin does not know the {words}");
        assert!(told.iter().any(|message| message.starts_with(&wanted)), "{sql}: {told:?}");
    }
    assert_eq!(told(&mut client).len(), said);
    // None of it is taken for something that is known.
    let after = introspect(&mut client, &known, &HashMap::new()).expect("the catalog can be read");
    assert_eq!(underpin_diff_words(&before, &after), Vec::<String>::new());
}

fn underpin_diff_words(from: &underpin_postgres::PgCatalog, to: &underpin_postgres::PgCatalog) -> Vec<String> {
    let ids: std::collections::BTreeSet<_> = from.objects.keys().chain(to.objects.keys()).collect();
    ids.into_iter().filter(|id| from.objects.get(*id) != to.objects.get(*id)).map(ToString::to_string).collect()
}

#[test]
fn a_role_without_rights_reads_the_catalog() {
    let server = ScratchServer::start(&Options::default()).expect("PostgreSQL binaries are on this machine");
    let mut admin = connect(&server, "postgres");
    admin
        .batch_execute(
            "CREATE ROLE plain LOGIN;
             CREATE SUBSCRIPTION s CONNECTION 'dbname=nowhere password=hidden' PUBLICATION p WITH (connect = false)",
        )
        .expect("a role");
    let mut plain = Config::new()
        .host_path(server.socket_dir())
        .port(server.port())
        .user("plain")
        .dbname("postgres")
        .connect(NoTls)
        .expect("the role may connect");
    let known = server_of(&mut plain).expect("the server is known");
    let catalog = introspect(&mut plain, &known, &HashMap::new()).expect("the catalog can be read");
    let names: Vec<String> = catalog.objects.keys().map(ToString::to_string).collect();
    assert!(names.iter().any(|n| n == "subscription s"), "{names:?}");
    let codes: Vec<&str> = catalog.diagnostics.iter().map(|d| d.code.as_str()).collect();
    assert_eq!(codes, ["subscription-unreadable"]);
}
