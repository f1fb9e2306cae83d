//! No catalog and no column of a server is overlooked: every one is read, or stands in the inventory with the reason.

use postgres::{Config, NoTls};
use std::collections::{BTreeMap, BTreeSet};
use underpin_postgres::inventory::{CATALOGS, Holds, Unread};
use underpin_postgres::{catalog_query, server_of};
use underpin_scratch::{Options, ScratchServer};

/// The words of a text, as identifiers of SQL are.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect()
}

#[test]
fn every_catalog_and_column_of_the_server_is_accounted_for() {
    let scratch = ScratchServer::start(&Options::default()).expect("PostgreSQL binaries are on this machine");
    let mut client = Config::new()
        .host_path(scratch.socket_dir())
        .port(scratch.port())
        .user(scratch.superuser())
        .dbname("postgres")
        .connect(NoTls)
        .expect("the scratch server takes connections");
    let server = server_of(&mut client).expect("the server is known");
    let rows = client
        .query(
            "SELECT c.relname::text, a.attname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid \
             WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' AND a.attnum > 0",
            &[],
        )
        .expect("the server's own catalogs");
    let mut catalogs: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in &rows {
        catalogs.entry(row.get(0)).or_default().insert(row.get(1));
    }
    let text = catalog_query(&server);
    let read = words(&text);
    let mut problems = Vec::new();
    for (name, columns) in &catalogs {
        let Some(known) = CATALOGS.iter().find(|c| c.name == name) else {
            problems.push(format!(
                "{name}: is in no list; are its rows objects, parts of objects, or no part of a schema?"
            ));
            continue;
        };
        match known.holds {
            Holds::Outside(_) => {
                if !known.unread.is_empty() {
                    problems.push(format!("{name}: is no part of a schema, and yet its columns are told"));
                }
                continue;
            }
            Holds::Objects if !text.contains(&format!("SELECT '{name}'::regclass::oid, ")) => {
                problems.push(format!("{name}: its rows are objects, and the completeness query does not list them"));
            }
            Holds::AllRead if !read.contains(name.as_str()) => problems.push(format!("{name}: no query reads it")),
            Holds::Objects | Holds::AllRead | Holds::PartsOf(_) => {}
        }
        for column in columns {
            let reason = known.unread.iter().find(|(c, _)| c == column).map(|(_, reason)| reason);
            match (read.contains(column.as_str()), reason) {
                (true, None) => {}
                (false, None) => problems.push(format!("{name}.{column}: no query reads it, and no reason is given")),
                (_, Some(Unread::PrintedBy(function))) if !read.contains(function) => {
                    problems.push(format!("{name}.{column}: {function} prints it, and no query calls that"));
                }
                (true, Some(_)) => problems.push(format!("{name}.{column}: is told as not read, and a query names it")),
                (false, Some(_)) => {}
            }
        }
    }
    assert!(problems.is_empty(), "PostgreSQL {}:\n{}", server.text, problems.join("\n"));
}

#[test]
fn the_inventory_is_in_order_and_names_nothing_twice() {
    let names: Vec<&str> = CATALOGS.iter().map(|c| c.name).collect();
    let sorted: Vec<&str> = names.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    assert_eq!(names, sorted);
    for catalog in CATALOGS {
        let columns: BTreeSet<&str> = catalog.unread.iter().map(|(c, _)| *c).collect();
        assert_eq!(columns.len(), catalog.unread.len(), "{}", catalog.name);
    }
}
