//! Views for each version of the application: its shape of the tables before the tables have it, through every stage.

#![allow(clippy::unwrap_used)]

mod support;

use postgres::{Client, Statement};
use support::Lab;

/// A session of one version of the application, with statements that it has prepared.
struct App {
    client: Client,
    prepared: Vec<(String, Statement)>,
}

impl App {
    /// A session with this search path and these statements; `{}` in them is a number that each run has for itself.
    fn new(lab: &Lab, path: &str, statements: &[&str]) -> Self {
        let mut client = lab.client();
        client.batch_execute(&format!("SET search_path = {path}")).unwrap();
        let prepared = statements.iter().map(|sql| ((*sql).to_owned(), client.prepare(sql).unwrap())).collect();
        Self { client, prepared }
    }

    /// Runs all of its statements, with a number that is its own.
    #[track_caller]
    fn works(&mut self, number: i32, when: &str) {
        for (sql, statement) in &self.prepared {
            let run = if statement.params().is_empty() {
                self.client.query(statement, &[])
            } else {
                self.client.query(statement, &[&number])
            };
            if let Err(error) = run {
                panic!("{when}: {sql}: {error:?}");
            }
        }
    }
}

const PHASES: [&str; 3] = ["expand", "backfill", "contract"];

/// A change under two versions of the application: the first on its own views or on the tables, the second on the views of v2. Each
/// statement works at every moment: before, between and after the stages in which its version is there.
struct Change {
    live: &'static str,
    schema: &'static str,
    /// The statements of the old version, each on the number that it is given.
    old: &'static [&'static str],
    new: &'static [&'static str],
}

impl Change {
    #[track_caller]
    fn survives(&self) -> Lab {
        let lab = Lab::with(self.live);
        // What stands is the first version's.
        let as_it_is = lab.inspect();
        lab.apply(&as_it_is, &["--versioned-views", "v1"]).code(0);
        let v2 = ["--versioned-views", "v2", "--allow", "all"];
        let mut old = App::new(&lab, "public_v1, public", self.old);
        old.works(101, "before");
        let mut new: Option<App> = None;
        for (n, phase) in PHASES.iter().enumerate() {
            let n = i32::try_from(n).unwrap() * 10;
            if *phase == "contract" {
                new = Some(App::new(&lab, "public_v2, public", self.new));
            }
            if let Some(new) = &mut new {
                new.works(200 + n, &format!("new before {phase}"));
                old.works(300 + n, &format!("old beside new before {phase}"));
            }
            lab.apply(self.schema, &[&["--phase", phase, "--confirm-gate"], &v2[..]].concat())
                .code(0)
                .never("not-staged");
            if *phase != "contract" {
                old.works(400 + n, &format!("old after {phase}"));
            }
            if let Some(new) = &mut new {
                new.works(500 + n, &format!("new after {phase}"));
            }
        }
        lab.settled(self.schema, &["--versioned-views", "v2"]);
        lab.settled(self.schema, &[]);
        assert_eq!(lab.column("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'public\\_%'"), ["public_v2"]);
        lab
    }
}

#[test]
fn a_column_gets_another_name() {
    let lab = Change {
        live: "CREATE TABLE t (id int PRIMARY KEY, a text DEFAULT 'x', z int); INSERT INTO t VALUES (1, 'one', 1)",
        schema: "CREATE TABLE t (id int PRIMARY KEY,\n  b text DEFAULT 'x', -- underpin: renamed-from a\n  z int);",
        old: &[
            "SELECT * FROM t",
            "INSERT INTO t (id) VALUES ($1) RETURNING *",
            "UPDATE t SET a = 'u', z = 2 WHERE id = $1 RETURNING *",
        ],
        new: &[
            "SELECT * FROM t",
            "INSERT INTO t (id) VALUES ($1) RETURNING *",
            "UPDATE t SET id = id, b = 'v', z = 3 WHERE id = $1 RETURNING *",
        ],
    }
    .survives();
    assert_eq!(lab.value("SELECT count(*) FROM t WHERE b = 'v'"), "2");
}

#[test]
fn columns_get_other_types() {
    let lab = Change {
        live: "CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL DEFAULT 7, s text); INSERT INTO t VALUES (1, 1, 'a')",
        schema: "CREATE TABLE t (id bigint PRIMARY KEY, n numeric NOT NULL DEFAULT 7, s text);",
        old: &[
            "SELECT * FROM t",
            "INSERT INTO t (id) VALUES ($1) RETURNING *",
            "UPDATE t SET n = 2 WHERE id = $1 RETURNING *",
        ],
        new: &[
            "SELECT * FROM t",
            "INSERT INTO t (id, s) VALUES ($1::int, 'x') ON CONFLICT (id) DO UPDATE SET s = 'y' RETURNING *",
            "UPDATE t SET n = '3' WHERE id = $1::int RETURNING *",
        ],
    }
    .survives();
    assert_eq!(lab.column("SELECT DISTINCT n FROM t ORDER BY 1"), ["1", "2", "3"]);
    // The values that nobody gave were the old default's, on both sides.
    let lab = Change {
        live: "CREATE TABLE t (id int PRIMARY KEY, n int DEFAULT 7); INSERT INTO t VALUES (1, 1)",
        schema: "CREATE TABLE t (id int PRIMARY KEY, n text DEFAULT 'none');",
        old: &["INSERT INTO t (id) VALUES ($1) RETURNING *", "SELECT * FROM t"],
        new: &["INSERT INTO t (id) VALUES ($1) RETURNING *", "SELECT * FROM t"],
    }
    .survives();
    assert_eq!(lab.column("SELECT id || n FROM t WHERE id > 500"), ["520none"]);
}

/// While both columns stand, each side's changes go over to the other, and nobody's are undone by who changes something else.
#[test]
fn both_sides_of_a_type_are_written() {
    let lab = Lab::with(
        "CREATE TABLE t (id int PRIMARY KEY, n text DEFAULT '0', z int); INSERT INTO t VALUES (1, '1'), (2, '02'), (3, '3')",
    );
    let said = "CREATE TABLE t (id int PRIMARY KEY,\n  n int DEFAULT 0, -- underpin: using n::int\n  z int);";
    let asked = ["--versioned-views", "v2", "--allow", "all"];
    lab.plan(said, &asked[..2]).code(65).says(&["no-way-back", "underpin: down", "schema.sql:2"]);
    let schema = "CREATE TABLE t (id int PRIMARY KEY,\n  -- underpin: down '<' || n || '>'\n  n int DEFAULT 0, -- underpin: using trim(n, '<>')::int\n  z int);";
    for phase in ["expand", "backfill"] {
        lab.apply(schema, &[&asked[..], &["--phase", phase]].concat()).code(0).never("not-staged");
    }
    let rows =
        || lab.column("SELECT concat_ws(' ', o.id, o.n, n.n, o.z) FROM t o JOIN public_v2.t n USING (id) ORDER BY 1");
    // What was filled is not carried back: it would lose how it was written.
    assert_eq!(rows(), ["1 1 1", "2 02 2", "3 3 3"]);
    lab.sql("UPDATE public_v2.t SET n = 20 WHERE id = 2; UPDATE t SET z = 5 WHERE id = 2");
    lab.sql("UPDATE t SET n = '30' WHERE id = 3; UPDATE public_v2.t SET z = 6, n = n WHERE id = 3; UPDATE public_v2.t SET n = NULL WHERE id = 1");
    lab.sql("INSERT INTO t VALUES (4, '04'); INSERT INTO public_v2.t VALUES (5, 50), (6, DEFAULT)");
    assert_eq!(rows(), ["1", "2 <20> 20 5", "3 30 30 6", "4 04 4", "5 <50> 50", "6 0 0"]);
    lab.apply(schema, &[&asked[..], &["--phase", "contract"]].concat()).code(0).never("not-staged");
    assert_eq!(
        lab.column("SELECT concat_ws(' ', id, n, z) FROM t ORDER BY 1"),
        ["1", "2 20 5", "3 30 6", "4 4", "5 50", "6 0"]
    );
    lab.settled(schema, &asked[..2]);
}

#[test]
fn a_column_goes_and_others_come() {
    Change {
        live: "CREATE TABLE t (id int PRIMARY KEY, gone text NOT NULL, z int); INSERT INTO t VALUES (1, 'g', 1)",
        schema: "CREATE TABLE t (id int PRIMARY KEY, fresh text NOT NULL DEFAULT md5(random()::text), z int);",
        old: &[
            "SELECT * FROM t",
            "INSERT INTO t VALUES ($1, 'g', 1) RETURNING *",
            "UPDATE t SET gone = 'h' WHERE id = $1 RETURNING *",
        ],
        new: &[
            "SELECT * FROM t",
            "INSERT INTO t (id) VALUES ($1) RETURNING *",
            "UPDATE t SET fresh = 'f' WHERE id = $1 RETURNING *",
        ],
    }
    .survives();
}

#[test]
fn a_table_gets_another_name() {
    let lab = Change {
        live: "CREATE TABLE t (id int PRIMARY KEY, a text); CREATE TABLE other (id serial PRIMARY KEY); INSERT INTO t VALUES (1, 'one')",
        schema: "-- underpin: renamed-from t\nCREATE TABLE u (id int PRIMARY KEY, a text); CREATE TABLE other (id serial PRIMARY KEY);",
        old: &["SELECT * FROM t", "INSERT INTO t VALUES ($1, 'o') RETURNING *", "INSERT INTO other DEFAULT VALUES RETURNING *"],
        new: &["SELECT * FROM u", "INSERT INTO u VALUES ($1, 'n') RETURNING *", "INSERT INTO other DEFAULT VALUES RETURNING *"],
    }
    .survives();
    assert_eq!(lab.value("SELECT count(*) FROM u WHERE a = 'n'"), "2");
}
