//! Passwords of user mappings and subscriptions never leave the server's side of the reader, and what the connecting role
//! may not read is said instead of failing.

use postgres::{Client, Config, NoTls};
use std::collections::{BTreeMap, HashMap};
use underpin_model::{Change, Strategy};
use underpin_postgres::{PgCatalog, PgObject, Postgres, create_script, introspect, server_of};
use underpin_scratch::{Options, ScratchServer};

const SCHEMA: &str = "
    CREATE FOREIGN DATA WRAPPER w;
    CREATE SERVER s FOREIGN DATA WRAPPER w OPTIONS (host 'h', api_token 'hunter1');
    CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (\"user\" 'u', password 'hunter2');
    CREATE SUBSCRIPTION words CONNECTION 'host=h.invalid user=u password=''hunter3 hunter4''' PUBLICATION p WITH (connect = false);
    CREATE SUBSCRIPTION uri CONNECTION 'postgresql://u:hunter5@h.invalid/d?sslpassword=hunter6' PUBLICATION p WITH (connect = false);
";

fn connect(server: &ScratchServer, user: &str, database: &str) -> Client {
    let mut config = Config::new();
    config.host_path(server.socket_dir()).port(server.port()).user(user).dbname(database);
    config.connect(NoTls).expect("the scratch server takes connections")
}

fn read(client: &mut Client) -> PgCatalog {
    let server = server_of(client).expect("a known server");
    introspect(client, &server, &HashMap::new()).expect("the catalog can be read")
}

#[test]
fn passwords_are_let_go_of() {
    let server = ScratchServer::start(&Options::default()).expect("PostgreSQL binaries are on this machine");
    let mut admin = connect(&server, server.superuser(), "postgres");
    for statement in [
        "CREATE DATABASE one TEMPLATE template0",
        "CREATE DATABASE two TEMPLATE template0",
        "CREATE ROLE visitor LOGIN",
    ] {
        admin.batch_execute(statement).expect("the superuser may");
    }
    let mut one = connect(&server, server.superuser(), "one");
    one.batch_execute(SCHEMA).expect("the schema is made");
    let catalog = read(&mut one);
    let version = server_of(&mut one).expect("a known server");
    let script = create_script(&version, server.superuser(), &catalog).expect("no cycle").join(";\n");
    assert!(script.contains("CREATE USER MAPPING FOR PUBLIC SERVER s OPTIONS (\"user\" 'u')"), "{script}");
    assert!(script.contains("CONNECTION 'host=h.invalid user=u'"), "{script}");
    assert!(script.contains("CONNECTION 'postgresql://u@h.invalid/d'"), "{script}");
    let empty = PgCatalog::default();
    let changes: Vec<Change<PgObject>> = catalog.objects.keys().cloned().map(Change::Create).collect();
    let usings = BTreeMap::new();
    let dialect = Postgres::new(&version, Strategy::Direct, server.superuser(), &empty, &catalog, &usings);
    let planned = underpin_planner::plan(&dialect, &empty, &catalog, &changes).expect("no cycle");
    let told = format!("{:?} {:?} {:?} {script}", catalog.objects, catalog.diagnostics, planned.batches);
    assert!(!told.contains("hunter"), "{told}");
    // Only another password is no difference: it is the operator's.
    let mut two = connect(&server, server.superuser(), "two");
    two.batch_execute(&SCHEMA.replace("hunter", "other").replace("words", "words2").replace("uri", "uri2"))
        .expect("the schema is made");
    let other = read(&mut two);
    let left: Vec<String> = underpin_diff::diff(&catalog, &other).iter().map(Change::<PgObject>::to_string).collect();
    assert!(left.iter().all(|l| l.contains("subscription")), "{left:?}");

    let seen = read(&mut connect(&server, "visitor", "one"));
    let codes: Vec<&str> = seen.diagnostics.iter().map(|d| d.code.as_str()).collect();
    assert!(codes.contains(&"subscription-unreadable") && codes.contains(&"user-mapping-unreadable"), "{codes:?}");
    let left: Vec<String> = underpin_diff::diff(&catalog, &seen).iter().map(Change::<PgObject>::to_string).collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(!format!("{:?}", seen.objects).contains("hunter"));
}
