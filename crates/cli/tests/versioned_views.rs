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

/// A type that changes in place does so below the views of the old version, which are made again in the same transaction.
#[test]
fn a_type_changes_in_place() {
    let lab = Change {
        live: "CREATE TABLE t (id int PRIMARY KEY, s varchar(5), w text); CREATE VIEW v AS SELECT s FROM t; GRANT SELECT ON t TO PUBLIC",
        schema: "CREATE TABLE t (id int PRIMARY KEY, s varchar(50), w text); CREATE VIEW v AS SELECT s FROM t; GRANT SELECT ON t TO PUBLIC;",
        old: &["SELECT id, w FROM t", "INSERT INTO t (id) VALUES ($1) RETURNING id", "SELECT id FROM t WHERE s = 'x'"],
        new: &["SELECT * FROM t", "INSERT INTO t VALUES ($1, 'longer than five') RETURNING *"],
    }
    .survives();
    assert_eq!(lab.value("SELECT has_table_privilege('public', 'public_v2.t', 'SELECT')"), "t");
}

/// What only new files hold is made in a copy, which takes the table's place below the views of both versions.
#[test]
fn another_table_takes_the_place() {
    let lab = Change {
        live: "CREATE TABLE t (id int PRIMARY KEY, n int); CREATE TABLE o (id int REFERENCES t); INSERT INTO t VALUES (1, 1)",
        schema: "CREATE TABLE t (id int PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED); CREATE TABLE o (id int REFERENCES t);",
        old: &["SELECT * FROM t", "INSERT INTO t VALUES ($1, 1) RETURNING *", "UPDATE t SET n = 2 WHERE id = $1 RETURNING *"],
        new: &["SELECT * FROM t", "INSERT INTO t (id, n) VALUES ($1, 1) RETURNING *", "UPDATE t SET n = 3 WHERE id = $1 RETURNING *"],
    }
    .survives();
    assert_eq!(lab.value("SELECT bool_and(twice = 2 * n)::text FROM public_v2.t"), "true");
}

/// Columns that are made out of others, and what goes put aside.
#[test]
fn columns_are_made_out_of_others() {
    let lab = Lab::with("CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL); INSERT INTO t VALUES (1, 'Ada L')");
    let schema = "CREATE TABLE t (id int PRIMARY KEY,\n  first text, -- underpin: backfill split_part(name, ' ', 1)\n  \
                  -- underpin: down name = concat_ws(' ', first, last)\n  last text -- underpin: backfill split_part(name, ' ', 2)\n);";
    let asked = ["--versioned-views", "v2", "--quarantine", "9", "--confirm-gate"];
    lab.apply(schema, &[&asked[..], &["--phase", "expand"]].concat()).code(0).never("not-staged");
    lab.apply(schema, &[&asked[..], &["--phase", "backfill"]].concat()).code(0).never("not-staged");
    let mut new =
        App::new(&lab, "public_v2", &["SELECT * FROM t", "UPDATE t SET last = 'M' WHERE id = $1 RETURNING *"]);
    new.works(1, "before the contract");
    assert_eq!(lab.value("SELECT name FROM t"), "Ada M");
    lab.apply(schema, &[&asked[..], &["--phase", "contract"]].concat()).code(0).never("not-staged");
    new.works(1, "after it");
    lab.settled(schema, &asked[..4]);
    assert_eq!(lab.value("SELECT count(*) FROM pg_attribute WHERE attname LIKE '%dropped%name' AND attnum > 0"), "1");
    // The next version does not see it either.
    let next = "CREATE TABLE t (id int PRIMARY KEY, first text, last text, more int);";
    lab.apply(next, &["--versioned-views", "v3", "--phase", "all"]).code(0).never("not-staged");
    new = App::new(
        &lab,
        "public_v3",
        &["SELECT id, first, last, more FROM t", "INSERT INTO t VALUES ($1, 'a', 'b', 3) RETURNING *"],
    );
    new.works(3, "in the third version");
    lab.settled(next, &[]);
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

/// Whether the server of these tests is of this version or a later one.
fn is_from(lab: &Lab, major: u32) -> bool {
    lab.value("SELECT current_setting('server_version_num')").parse::<u32>().unwrap() / 10000 >= major
}

const WAY: &str =
    "CREATE TABLE t (id int PRIMARY KEY, a int, gone text); CREATE TABLE o (id int); INSERT INTO t VALUES (1, 1, 'g')";
const THERE: &str = "-- underpin: renamed-from t\nCREATE TABLE u (id int PRIMARY KEY,\n  b bigint -- underpin: renamed-from a\n); CREATE TABLE o (id int);";
const ASKED: [&str; 4] = ["--versioned-views", "v2", "--allow", "all"];

/// Nobody minds the views, and what is in flight is taken back with them.
#[test]
fn views_are_no_drift_and_are_taken_back() {
    let lab = Lab::with(WAY);
    lab.apply(&lab.inspect(), &["--versioned-views", "v1"]).code(0);
    let schemas = || lab.column("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'public\\_%' ORDER BY 1");
    let before = lab.inspect();
    assert!(!before.contains("public_v1"), "{before}");
    lab.file("schema.sql", THERE);
    let drift = || lab.run(["drift", "--db", &lab.url(), "--schema", "schema.sql"]);
    for phase in ["expand", "backfill"] {
        lab.apply(THERE, &[&ASKED[..], &["--phase", phase]].concat()).code(0).never("not-staged");
        drift().code(0).shows(&["public_v1 for version v1"]);
    }
    assert_eq!(schemas(), ["public_v1", "public_v2"]);
    lab.sql("CREATE TABLE stranger (id int)");
    drift().code(2).shows(&["stranger"]).never("public_v2.");
    lab.sql("DROP TABLE stranger; INSERT INTO public_v2.u VALUES (2, 2)");
    lab.run(["undo", "--db", &lab.url(), "--yes", "--allow", "all"]).code(0);
    assert_eq!((schemas(), lab.inspect()), (vec!["public_v1".to_owned()], before));
    assert_eq!(lab.column("SELECT concat_ws(' ', id, a) FROM public_v1.t"), ["1 1", "2 2"]);
    // The same again, to its end.
    lab.apply(THERE, &[&ASKED[..], &["--phase", "all"]].concat()).code(0).never("not-staged");
    drift().code(0).shows(&["public_v2 for version v2"]);
    assert_eq!(schemas(), ["public_v2"]);
    assert_eq!(lab.column("SELECT concat_ws(' ', id, b) FROM public_v2.u"), ["1 1", "2 2"]);
}

/// A plan in flight is gone on with, whether it is asked for its views again or not, and not under another name.
#[test]
fn a_version_in_flight_is_gone_on_with() {
    let lab = Lab::with(WAY);
    lab.plan(THERE, &ASKED).code(0).never("not-staged").never("rename-by-view").shows(&[
        "make the views of version v2 in public_v2",
        "says public.u and no more public.t",
        "works without column public.t.gone",
    ]);
    for phase in ["expand", "backfill"] {
        lab.apply(THERE, &[&ASKED[..], &["--phase", phase]].concat()).code(0);
    }
    lab.plan(THERE, &["--versioned-views", "v3"]).code(64).says(&["version v2 is in flight"]);
    lab.apply(THERE, &["--phase", "contract", "--allow", "all"]).code(0).never("not-staged");
    assert_eq!(lab.value("SELECT string_agg(b::text, '') FROM public_v2.u"), "1");
    lab.settled(THERE, &ASKED[..2]);
    // Its name is taken from then on, as far as a table would look otherwise.
    let next = "CREATE TABLE u (id int PRIMARY KEY, b text); CREATE TABLE o (id int);";
    lab.plan(next, &ASKED).code(65).says(&["public_v2.u stands and shows the table otherwise", "another name"]);
    let more = "CREATE TABLE u (id int PRIMARY KEY, b bigint); CREATE TABLE o (id int); CREATE TABLE more (id int);";
    lab.apply(more, &ASKED).code(0).never("not-staged");
    assert_eq!(lab.value("SELECT count(*) FROM public_v2.more"), "0");
    // A plan without a version takes it away, behind its gate.
    let plan = lab.plan(next, &[]);
    plan.code(0).shows(&[
        "every running version of the application",
        "works without the views of version v2",
        "takes away",
    ]);
    lab.apply(next, &["--phase", "expand", "--allow", "all"]).code(0).never("not-staged");
    lab.apply(next, &["--phase", "backfill", "--allow", "all"]).code(0);
    assert_eq!(lab.value("SELECT b FROM public_v2.u"), "1");
    lab.apply(next, &["--phase", "contract", "--allow", "all"]).code(0);
    assert_eq!(lab.value("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'public\\_%'"), "0");
    lab.settled(next, &[]);
}

/// Rights and owners are the table's, and so is its row security.
#[test]
fn rights_are_those_of_the_table() {
    let lab = Lab::new();
    let roles: Vec<String> = ["owner", "reader", "writer"].iter().map(|r| format!("{}_{r}", lab.database)).collect();
    let [owner, reader, writer] = &roles[..] else { unreachable!() };
    lab.sql(&format!("CREATE ROLE {owner}; CREATE ROLE {reader} LOGIN; CREATE ROLE {writer} LOGIN"));
    let table = |n: &str| {
        format!(
            "CREATE TABLE t (id int PRIMARY KEY, n {n}, who name DEFAULT current_user); ALTER TABLE t OWNER TO {owner};
             GRANT SELECT (id, n) ON t TO {reader}; GRANT SELECT, INSERT, UPDATE ON t TO {writer};
             CREATE TABLE r (id int, who name DEFAULT current_user); GRANT ALL ON r TO {writer};
             ALTER TABLE r ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON r USING (who = current_user);"
        )
    };
    lab.sql(&format!("{} INSERT INTO t VALUES (1, 1, 'x'); INSERT INTO r VALUES (1, 'x')", table("int")));
    let schema = table("bigint");
    let ran = lab.apply(&schema, &[&ASKED[..], &["--phase", "expand"]].concat()).code(0).never("not-staged");
    lab.apply(&schema, &[&ASKED[..], &["--phase", "backfill"]].concat()).code(0).never("not-staged");
    let with_rows = is_from(&lab, 15);
    assert_eq!(ran.err.contains("no-versioned-view"), !with_rows, "{ran}");
    assert_eq!(lab.value("SELECT to_regclass('public_v2.r') IS NOT NULL"), if with_rows { "t" } else { "f" });
    assert_eq!(&lab.value("SELECT relowner::regrole FROM pg_class WHERE oid = 'public_v2.t'::regclass"), owner);
    for when in ["before the contract", "after it"] {
        let mut reads = lab.client_of(reader);
        reads.batch_execute("SET search_path = public_v2, public; SELECT id, n FROM t").unwrap();
        assert!(reads.batch_execute("SELECT who FROM t").is_err(), "{when}");
        assert!(reads.batch_execute("UPDATE t SET n = 2").is_err(), "{when}");
        let mut writes = lab.client_of(writer);
        writes
            .batch_execute("SET search_path = public_v2, public; UPDATE t SET n = n + 1; INSERT INTO r VALUES (2)")
            .unwrap();
        let seen: i64 = writes.query_one("SELECT count(*) FROM r WHERE id = 1", &[]).unwrap().get(0);
        assert_eq!(seen, 0, "{when}");
        if when == "before the contract" {
            lab.apply(&schema, &[&ASKED[..], &["--phase", "contract"]].concat()).code(0).never("not-staged");
            lab.settled(&schema, &ASKED[..2]);
        }
    }
    assert_eq!(lab.value("SELECT n FROM t"), "3");
    lab.sql(&format!(
        "DROP SCHEMA public_v2 CASCADE; DROP TABLE t, r; DROP OWNED BY {0}; DROP ROLE {0}",
        roles.join(", ")
    ));
}

/// Row security that comes to a table is not gone around by views that stand: not in stages, and not in one.
#[test]
fn views_heed_row_security_that_comes() {
    for strategy in ["online", "direct"] {
        let lab = Lab::new();
        let reader = format!("{}_reader", lab.database);
        let live = format!("CREATE TABLE t (id int, n int, who text); GRANT SELECT (id, who) ON t TO {reader};");
        lab.sql(&format!("CREATE ROLE {reader} LOGIN; {live} INSERT INTO t VALUES (1, 1, 'x')"));
        lab.apply(&live, &["--versioned-views", "v1"]).code(0);
        let read = || lab.client_of(&reader).query("SELECT id, who FROM public_v1.t", &[]).map(|rows| rows.len());
        assert_eq!(read().unwrap(), 1);
        let mine = "ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON t USING (who = current_user);";
        lab.apply(&format!("{live} {mine}"), &["--strategy", strategy, "--phase", "expand"])
            .code(0)
            .never("not-staged");
        // Without rights on all columns nothing is read any more, and with them only one's own.
        assert!(read().is_err(), "{strategy}");
        lab.sql(&format!("GRANT SELECT (n) ON t TO {reader}"));
        assert_eq!(read().ok(), is_from(&lab, 15).then_some(0), "{strategy}");
        lab.sql(&format!("DROP OWNED BY {reader}; DROP ROLE {reader}"));
    }
}

/// A value that is made of several columns is made anew when one of these changes, and not where the new application says it.
#[test]
fn a_type_is_made_of_several_columns() {
    let lab = Lab::with(
        "CREATE TABLE t (id int PRIMARY KEY, n text, z text); INSERT INTO t VALUES (1, '1', '1'), (2, '2', '2')",
    );
    let schema = "CREATE TABLE t (id int PRIMARY KEY,\n  -- underpin: down left(n::text, 1)\n  n int, -- underpin: using (n || z)::int\n  z text);";
    for phase in ["expand", "backfill"] {
        lab.apply(schema, &[&ASKED[..], &["--phase", phase]].concat()).code(0).never("not-staged");
    }
    lab.sql("UPDATE t SET z = '7' WHERE id = 1; UPDATE public_v2.t SET n = 95, z = '8' WHERE id = 2");
    let rows = "SELECT concat_ws(' ', o.n, n.n, n.z) FROM t o JOIN public_v2.t n USING (id) ORDER BY id";
    assert_eq!(lab.column(rows), ["1 17 7", "9 95 8"]);
    lab.apply(schema, &[&ASKED[..], &["--phase", "contract"]].concat()).code(0).never("not-staged");
    assert_eq!(lab.column("SELECT n FROM t ORDER BY id"), ["17", "95"]);
}

/// A plan in one stage keeps what views it can, and says which it cannot.
#[test]
fn a_plan_in_one_stage_keeps_what_it_can() {
    let live = "CREATE TABLE t (id int PRIMARY KEY, a int, b text); CREATE TABLE o (id int);";
    let lab = Lab::with(live);
    lab.plan(live, &["--versioned-views", "v1", "--strategy", "direct"]).code(0).shows(&["no-versioned-views"]);
    lab.plan(live, &["--versioned-views", "V1"]).code(64).says(&["small letters"]);
    lab.apply(live, &["--versioned-views", "v1"]).code(0);
    let direct = ["--strategy", "direct", "--allow", "all"];
    let first = "CREATE TABLE t (id int PRIMARY KEY, a int, b text, c int); CREATE TABLE o (id int);";
    lab.apply(first, &direct).code(0);
    let second = "CREATE TABLE t (id int PRIMARY KEY, a bigint, b text, c int); CREATE TABLE o (id bigint);";
    let third = "CREATE TABLE t (id int PRIMARY KEY, a int, b text, c int); CREATE TABLE o (id bigint);";
    assert_eq!(lab.value("SELECT count(*) FROM pg_views WHERE schemaname = 'public_v1'"), "2");
    lab.apply(third, &direct).code(0).says(&["versioned-views-lost", "public_v1.o"]);
    assert_eq!(lab.column("SELECT viewname FROM pg_views WHERE schemaname = 'public_v1'"), ["t"]);
    lab.settled(third, &[]);
    // A schema of that name that is another's is left alone.
    lab.sql("CREATE SCHEMA public_v2; CREATE TABLE public_v2.mine (id int)");
    lab.plan(second, &[&ASKED[..], &["--exclude", "public_v2"]].concat()).code(65).says(&["is not one of underpin's"]);
}
