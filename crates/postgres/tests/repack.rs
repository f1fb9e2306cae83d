//! What pg_repack is asked to move, what it is not, and that the statements that stand for its commands lead to the same schema.

mod common;

use common::{Databases, read, server};
use std::collections::BTreeSet;
use underpin_model::Strategy;
use underpin_postgres::recipes::Wishes;
use underpin_postgres::recipes::repack::{DEFAULT, Repacking, repacked, repacking};
use underpin_postgres::{PgCatalog, PgId, PgKind, Postgres, Server};

/// A server with two tablespaces.
fn databases() -> Databases {
    let mut databases = Databases::start(false);
    for sql in [
        "SET allow_in_place_tablespaces = on",
        "CREATE TABLESPACE fast LOCATION ''",
        "CREATE TABLESPACE \"co ld\" LOCATION ''",
    ] {
        databases.admin(sql);
    }
    databases
}

/// Both sides, as the server says them.
fn sides(databases: &mut Databases, from: &str, to: &str) -> (postgres::Client, Server, PgCatalog, PgCatalog) {
    let mut wanted = databases.build(to).expect("the wanted side loads");
    let known = server(&mut wanted).expect("the version is known");
    let to = read(&mut wanted, &known).expect("the wanted side is read");
    let mut live = databases.build(from).expect("the live side loads");
    let from = read(&mut live, &known).expect("the live side is read");
    (live, known, from, to)
}

fn found(known: &Server, from: &PgCatalog, to: &PgCatalog, renamed: &BTreeSet<PgId>) -> Repacking {
    let usings = std::collections::BTreeMap::new();
    let dialect = Postgres::new(known, Strategy::Online, "boss", from, to, &usings);
    repacking(&dialect, &Wishes::default(), renamed, DEFAULT)
}

/// The commands as lines, without the words that all of them have; and what is not taken.
fn lines(databases: &mut Databases, from: &str, to: &str) -> (Vec<String>, Vec<String>) {
    let (mut live, known, from, to) = sides(databases, from, to);
    let Repacking { commands, findings } = found(&known, &from, &to, &BTreeSet::new());
    let lines = commands.iter().map(|command| {
        let words: Vec<&str> = command
            .words
            .iter()
            .map(String::as_str)
            .filter(|w| !["--no-order", "--no-kill-backend"].contains(w))
            .collect();
        words.join(" ")
    });
    // What stands for the commands does what they are said to come to, and that can be seen.
    let asked =
        |live: &mut postgres::Client, sql: &str| -> bool { live.query_one(sql, &[]).expect("it is a query").get(0) };
    for command in &commands {
        assert!(!asked(&mut live, &command.done()), "{command:?} is done already");
        assert!(asked(&mut live, &command.needless()), "there are no rows");
        for sql in command.statements() {
            live.batch_execute(&sql).expect("the server takes it");
        }
        assert!(asked(&mut live, &command.done()), "{command:?} is not seen to be done");
    }
    let reached = read(&mut live, &known).expect("the schema is read");
    let left = underpin_diff::diff(&reached, &repacked(&from, &commands));
    assert!(left.is_empty(), "left to do: {left:?}");
    (lines.collect(), findings.into_iter().map(|d| d.message).collect())
}

#[test]
fn tables_and_indexes_that_move_get_commands() {
    let mut databases = databases();
    let base = "CREATE TABLE t (id int PRIMARY KEY, a text, UNIQUE (a)); CREATE INDEX t_a ON t (a);";
    for (to, wanted) in [
        // The table alone, and all with it.
        ("CREATE TABLE t (id int PRIMARY KEY, a text, UNIQUE (a)) TABLESPACE fast; CREATE INDEX t_a ON t (a);", vec![
            "--table public.t --tablespace fast",
        ]),
        (
            "CREATE TABLE t (id int PRIMARY KEY USING INDEX TABLESPACE fast, a text, UNIQUE (a) USING INDEX TABLESPACE fast) TABLESPACE fast;
             CREATE INDEX t_a ON t (a) TABLESPACE fast;",
            vec!["--table public.t --tablespace fast --moveidx"],
        ),
        // An index that goes may go from there.
        (
            "CREATE TABLE t (id int PRIMARY KEY USING INDEX TABLESPACE fast, a text, UNIQUE (a) USING INDEX TABLESPACE fast) TABLESPACE fast;",
            vec!["--table public.t --tablespace fast --moveidx"],
        ),
        // Indexes without their table, to one place together.
        (
            "CREATE TABLE t (id int PRIMARY KEY USING INDEX TABLESPACE fast, a text, UNIQUE (a));
             CREATE INDEX t_a ON t (a) TABLESPACE fast;",
            vec!["--index public.t_pkey --index public.t_a --tablespace fast"],
        ),
        // Each to its own.
        (
            "CREATE TABLE t (id int PRIMARY KEY, a text, UNIQUE (a)) TABLESPACE fast; CREATE INDEX t_a ON t (a) TABLESPACE \"co ld\";",
            vec!["--table public.t --tablespace fast", "--index public.t_a --tablespace co ld"],
        ),
        // Nothing moves.
        ("CREATE TABLE t (id int PRIMARY KEY, a text, UNIQUE (a), b int); CREATE INDEX t_a ON t (a);", vec![]),
    ] {
        assert_eq!(lines(&mut databases, base, to), (wanted.iter().map(|s| (*s).to_owned()).collect(), vec![]), "{to}");
    }
    // And back to where a schema says none; names are quoted as the server takes them.
    let from = "CREATE SCHEMA \"A b\"; CREATE TABLE \"A b\".\"o'd\"\"d\" (id int PRIMARY KEY) TABLESPACE \"co ld\";";
    let to = "CREATE SCHEMA \"A b\"; CREATE TABLE \"A b\".\"o'd\"\"d\" (id int PRIMARY KEY);";
    let wanted = "--table \"A b\".\"o'd\"\"d\" --tablespace pg_default";
    assert_eq!(lines(&mut databases, from, to), (vec![wanted.to_owned()], vec![]));
}

#[test]
fn what_it_does_not_take_is_told_with_the_reason() {
    let mut databases = databases();
    let plain = "CREATE TABLE t (id int PRIMARY KEY, a int)";
    let moved = "CREATE TABLE t (id int PRIMARY KEY, a int) TABLESPACE fast";
    let both = |sql: &str| (sql.to_owned(), sql.to_owned());
    let pairs = [
        (both("CREATE UNLOGGED TABLE t (id int PRIMARY KEY)"), "it takes no unlogged tables"),
        (both("CREATE TABLE t (id int)"), "it has no primary key and no unique index over columns that are NOT NULL"),
        (both("CREATE TABLE t (id int UNIQUE)"), "it has no primary key"),
        (both("CREATE TABLE t (id int PRIMARY KEY DEFERRABLE)"), "rows may be equal in its deferrable key for a while"),
    ];
    for ((from, to), why) in pairs {
        let (commands, told) = lines(&mut databases, &from, &format!("{to} TABLESPACE fast"));
        assert!(commands.is_empty() && told.len() == 1, "{from}: {commands:?} {told:?}");
        assert_eq!(told[0].split_once(": ").map(|(head, _)| head), Some("pg_repack does not move table public.t"));
        assert!(told[0].contains(why), "{told:?}");
    }
    for (more, why) in [
        ("ALTER TABLE t FORCE ROW LEVEL SECURITY", "FORCE ROW LEVEL SECURITY may hide rows from it"),
        ("CREATE PUBLICATION p FOR ALL TABLES", "a publication is FOR ALL TABLES"),
        (
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
             CREATE TRIGGER repack_trigger AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
            "it has a trigger of the name repack_trigger",
        ),
    ] {
        let (commands, told) = lines(&mut databases, &format!("{plain}; {more}"), &format!("{moved}; {more}"));
        assert!(commands.is_empty() && told.len() == 1 && told[0].contains(why), "{more}: {commands:?} {told:?}");
    }
    // A key that tells rows from each other without being the primary one is enough.
    let key = |space: &str| format!("CREATE TABLE t (id int NOT NULL) {space}; CREATE UNIQUE INDEX t_id ON t (id)");
    assert_eq!(lines(&mut databases, &key(""), &key("TABLESPACE fast")).0, ["--table public.t --tablespace fast"]);
    let part = |space: &str| format!("{} WHERE id > 0", key(space));
    assert!(lines(&mut databases, &part(""), &part("TABLESPACE fast")).0.is_empty());
    // An index that is another one by then, a materialized view, a partitioned table's parts.
    let index = |on: &str| format!("{plain}; CREATE INDEX t_a ON t ({on})");
    let told = lines(&mut databases, &index("a"), &format!("{} TABLESPACE fast", index("a, id"))).1;
    assert!(told[0].ends_with("more than its tablespace changes"), "{told:?}");
    let view = |space: &str| format!("CREATE MATERIALIZED VIEW m {space} AS SELECT 1 AS a");
    assert!(lines(&mut databases, &view(""), &view("TABLESPACE fast")).1[0].ends_with("it takes tables only"));
    let part = |space: &str| {
        format!(
            "CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
             CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9) {space}"
        )
    };
    assert_eq!(lines(&mut databases, &part(""), &part("TABLESPACE fast")).0, ["--table public.p1 --tablespace fast"]);
    // One that is written anew for another reason goes there with its copy.
    let to = "CREATE TABLE t (id int PRIMARY KEY, a int, b int GENERATED ALWAYS AS (a + 1) STORED) TABLESPACE fast";
    let (commands, told) = lines(&mut databases, plain, to);
    assert!(
        commands.is_empty() && told[0].ends_with("it is written anew for another reason too"),
        "{commands:?} {told:?}"
    );
}

#[test]
fn what_gets_another_name_moves_without_it() {
    let mut databases = databases();
    let (_live, known, from, to) = sides(
        &mut databases,
        "CREATE TABLE t (id int PRIMARY KEY)",
        "CREATE TABLE t (id int PRIMARY KEY USING INDEX TABLESPACE fast) TABLESPACE fast",
    );
    assert_eq!(found(&known, &from, &to, &BTreeSet::new()).commands.len(), 1);
    for renamed in [PgId::new(PgKind::Table, ["public", "t"]), PgId::new(PgKind::Schema, ["public"])] {
        let Repacking { commands, findings } = found(&known, &from, &to, &BTreeSet::from([renamed]));
        assert!(commands.is_empty(), "{commands:?}");
        assert!(findings.iter().all(|d| d.message.ends_with("it gets another name in the same plan")), "{findings:?}");
    }
}
