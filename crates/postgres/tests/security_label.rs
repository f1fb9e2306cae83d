//! Security labels. PostgreSQL comes without a provider that could be loaded here, so the rows are put into the catalog by
//! hand and the statements are only read, not run.

use postgres::{Config, NoTls};
use std::collections::HashMap;
use underpin_postgres::{create_script, introspect, server_of};
use underpin_scratch::{Options, ScratchServer};

#[test]
fn labels_are_read_and_written() {
    let scratch = ScratchServer::start(&Options::default()).expect("PostgreSQL binaries are on this machine");
    let connect = |database: &str| {
        let mut config = Config::new();
        config.host_path(scratch.socket_dir()).port(scratch.port()).user(scratch.superuser()).dbname(database);
        config.connect(NoTls).expect("the scratch server takes connections")
    };
    connect("postgres").batch_execute("CREATE DATABASE labels TEMPLATE template0").expect("a database");
    let mut client = connect("labels");
    client
        .batch_execute(
            "CREATE TABLE t (a integer); CREATE FUNCTION f(integer) RETURNS integer LANGUAGE sql AS 'SELECT 1';
             INSERT INTO pg_seclabel VALUES ('t'::regclass, 'pg_class'::regclass, 0, 'Odd one', 'it''s'),
                 ('t'::regclass, 'pg_class'::regclass, 1, 'anon', 'MASKED'), ('f'::regproc, 'pg_proc'::regclass, 0, 'anon', 'x')",
        )
        .expect("labels");
    let server = server_of(&mut client).expect("the server is known");
    let catalog = introspect(&mut client, &server, &HashMap::new()).expect("the catalog can be read");
    let script = create_script(&server, scratch.superuser(), &catalog).expect("an order");
    let labels: Vec<&String> = script.iter().filter(|s| s.starts_with("SECURITY LABEL")).collect();
    assert_eq!(
        labels,
        [
            "SECURITY LABEL FOR anon ON FUNCTION public.f(integer) IS 'x'",
            "SECURITY LABEL FOR \"Odd one\" ON TABLE public.t IS 'it''s'",
            "SECURITY LABEL FOR anon ON COLUMN public.t.a IS 'MASKED'",
        ]
    );
}
