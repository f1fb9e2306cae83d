//! A second table that takes the place of the first: what writers do meanwhile is in it, whatever they do and however they look at it.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::Value;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use support::Lab;

/// Runs the batches of a plan up to the one that holds a text.
fn run_up_to(lab: &Lab, schema: &str, text: &str) {
    lab.plan(schema, &["--output", "json", "-o", "plan.json"]).code(0).never("not-staged");
    let plan: Value = serde_json::from_str(&std::fs::read_to_string(lab.path("plan.json")).unwrap()).unwrap();
    let stages = plan["stages"].as_array().unwrap().iter();
    for batch in stages.flat_map(|s| s["batches"].as_array().unwrap()) {
        let steps = batch["steps"].as_array().unwrap().iter().filter(|s| s["run"] != "assert");
        let sql: Vec<&str> = steps.flat_map(|s| s["sql"].as_array().unwrap()).map(|s| s.as_str().unwrap()).collect();
        if sql.iter().any(|s| s.contains(text)) {
            return;
        }
        if batch["transaction"] == true {
            lab.sql(&format!("BEGIN;\n{};\nCOMMIT", sql.join(";\n")));
        } else {
            sql.iter().for_each(|s| lab.sql(s));
        }
    }
    panic!("no batch says {text}: {plan:#}");
}

/// Numbers that look like drawn ones, the same in every run.
struct Drawn(u64);

impl Drawn {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }
}

/// Says that it is over when it goes, also where a check has failed: threads would go on, and be waited for.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs what `during` does while three writers change `t`, and a table `mirror` in the same way: each transaction has one to three
/// of the changes that `change` draws. A change names its table `{}` and comes with the first and last number of the rows it is about.
fn while_written(lab: &Lab, change: impl Fn(&mut Drawn) -> (u64, u64, String) + Sync, during: impl FnOnce()) {
    let (over, wrote, change) = (AtomicBool::new(false), AtomicU32::new(0), &change);
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let (over, wrote) = (&over, &wrote);
            scope.spawn(move || {
                let mut client = lab.client();
                let mut drawn = Drawn(writer);
                while !over.load(Ordering::Relaxed) {
                    let level = ["READ COMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"];
                    let mut text = format!("BEGIN ISOLATION LEVEL {};", level[drawn.below(4) as usize]);
                    for _ in 0..=drawn.below(3) {
                        let (first, last, change) = change(&mut drawn);
                        // A statement that finds no row locks none: without this, another writer could commit one between the two
                        // tables, and the second would see what the first did not.
                        for row in first..=last {
                            text.push_str(&format!("SELECT pg_advisory_xact_lock({row});"));
                        }
                        for table in ["mirror", "t"] {
                            text.push_str(&change.replace("{}", table));
                            text.push(';');
                        }
                    }
                    match client.batch_execute(&format!("{text}COMMIT")) {
                        Ok(()) => _ = wrote.fetch_add(1, Ordering::Relaxed),
                        Err(error) => {
                            let code = error.as_db_error().map(|e| e.code().code().to_owned()).unwrap_or_default();
                            // They stand in each other's way, without a change of the schema too.
                            assert!(["40001", "40P01", "23505"].contains(&code.as_str()), "{error:?}: {text}");
                            client.batch_execute("ROLLBACK").unwrap();
                        }
                    }
                }
            });
        }
        let _end = End(&over);
        during();
    });
    assert!(wrote.load(Ordering::Relaxed) > 50, "the writers wrote");
}

/// Writers of all kinds go on while the whole road is taken, and write the same to a table that stays: in the end both are equal.
#[test]
fn nothing_that_writers_do_is_lost() {
    let table = |more: &str| {
        format!(
            "TABLE t (id int PRIMARY KEY, a int NOT NULL, u int UNIQUE, note text{more}); CREATE INDEX ON t (a); \
             CREATE TABLE child (id serial PRIMARY KEY, t int REFERENCES t ON DELETE CASCADE);"
        )
    };
    let lab = Lab::with(&format!(
        "CREATE UNLOGGED {} CREATE TABLE mirror (id int PRIMARY KEY, a int, u int, note text);
         INSERT INTO t SELECT g, g, g, repeat('x', 3000) FROM generate_series(1, 4000) g; INSERT INTO mirror SELECT * FROM t",
        table("").replace("REFERENCES t ON DELETE CASCADE", "")
    ));
    let schema = format!(
        "CREATE {} CREATE TABLE mirror (id int PRIMARY KEY, a int, u int, note text);",
        table(", twice int GENERATED ALWAYS AS (a * 2) STORED").replace("REFERENCES t ON DELETE CASCADE", "")
    );
    let change = |drawn: &mut Drawn| {
        let (id, n) = (drawn.below(5000), drawn.below(1_000_000_000));
        let change = match drawn.below(6) {
            0 => format!("DELETE FROM {{}} WHERE id = {id}"),
            1 => format!("UPDATE {{}} SET id = id + 10000 WHERE id = {id}"),
            2 => format!("UPDATE {{}} SET id = id - 10000 WHERE id = {}", id + 10000),
            3 => format!("UPDATE {{}} SET a = {n}, u = {n} WHERE id BETWEEN {id} AND {}", id + 1),
            4 => format!(
                "INSERT INTO {{}} (id, a, u, note) VALUES ({id}, {n}, NULL, 'new') ON CONFLICT (id) DO UPDATE SET a = {n}"
            ),
            _ => format!("UPDATE {{}} SET note = note || '{n}' WHERE id = {id}"),
        };
        (id, id + 1, change)
    };
    while_written(&lab, change, || {
        lab.apply(&schema, &["--phase", "all", "--allow", "all"]).code(0).never("not-staged").never("Applied 0");
    });
    lab.settled(&schema, &[]);
    let differs = "SELECT count(*) FROM (SELECT id, a, u, note FROM t) t FULL JOIN mirror USING (id, a) \
                   WHERE t.id IS NULL OR mirror.id IS NULL OR (t.u, t.note) IS DISTINCT FROM (mirror.u, mirror.note)";
    assert_eq!(lab.value(differs), "0");
    assert_eq!(lab.value("SELECT count(*) FROM t WHERE twice IS DISTINCT FROM a * 2"), "0");
}

/// A transaction that sees only what was there when it began deletes and changes rows that were copied since.
#[test]
fn what_a_snapshot_does_not_see_is_not_kept() {
    let lab = Lab::with(
        "CREATE UNLOGGED TABLE t (id int PRIMARY KEY, a int); CREATE TABLE other (); INSERT INTO t SELECT g, g FROM generate_series(1, 6) g",
    );
    let schema = "CREATE TABLE t (id int PRIMARY KEY, a int); CREATE TABLE other ();";
    lab.apply(schema, &["--phase", "expand"]).code(0);
    let mut old = lab.client();
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM other").unwrap();
    run_up_to(&lab, schema, "DROP TRIGGER");
    assert_eq!(lab.value("SELECT count(*) FROM _underpin_new_public.t"), "6");
    for change in
        ["DELETE FROM t WHERE id = 1", "UPDATE t SET a = 20 WHERE id = 2", "UPDATE t SET id = 30 WHERE id = 3"]
    {
        // As if somebody had changed the row.
        let refused = old.batch_execute(&format!("SAVEPOINT s; {change}")).unwrap_err();
        assert_eq!(refused.as_db_error().unwrap().code().code(), "40001", "{change}");
        old.batch_execute("ROLLBACK TO s").unwrap();
    }
    old.batch_execute("INSERT INTO t VALUES (7, 7), (8, 8); DELETE FROM t WHERE id = 8; COMMIT").unwrap();
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; DELETE FROM t WHERE id = 6; COMMIT").unwrap();
    lab.apply(schema, &["--phase", "all"]).code(0);
    let rows = lab.column("SELECT id || ' ' || a FROM t ORDER BY id");
    assert_eq!(rows, ["1 1", "2 2", "3 3", "4 4", "5 5", "7 7"]);
    lab.settled(schema, &[]);
}

/// Rows that were not copied yet are no concern of such a transaction.
#[test]
fn what_was_not_copied_yet_is_changed_by_a_snapshot() {
    let lab = Lab::with(
        "CREATE UNLOGGED TABLE t (id int PRIMARY KEY, a int); INSERT INTO t SELECT g, g FROM generate_series(1, 3) g",
    );
    let schema = "CREATE TABLE t (id int PRIMARY KEY, a int);";
    lab.apply(schema, &["--phase", "expand"]).code(0);
    lab.sql(
        "BEGIN ISOLATION LEVEL SERIALIZABLE; DELETE FROM t WHERE id = 1; UPDATE t SET id = 20 WHERE id = 2; COMMIT",
    );
    assert_eq!(lab.column("SELECT id::text FROM _underpin_new_public.t"), ["20"]);
    lab.apply(schema, &["--phase", "all"]).code(0);
    assert_eq!(lab.column("SELECT id || ' ' || a FROM t ORDER BY id"), ["3 3", "20 2"]);
}

/// A row that only the new table refuses does not fail its writer; the switch waits until it is put right.
#[test]
fn what_the_new_table_refuses_stops_the_switch() {
    let lab =
        Lab::with("CREATE TABLE t (id int PRIMARY KEY, a int); INSERT INTO t SELECT g, g FROM generate_series(1, 5) g");
    let schema = "CREATE TABLE t (id int PRIMARY KEY, a int, CONSTRAINT alone EXCLUDE (a WITH =));";
    lab.apply(schema, &["--phase", "expand"]).code(0);
    lab.sql("INSERT INTO t VALUES (6, 5)");
    // Rows that were there and stand against it are named by the server.
    lab.apply(schema, &["--phase", "backfill"]).code(1).says(&["alone", "(a)=(5)"]);
    lab.sql("DELETE FROM t WHERE id = 6");
    run_up_to(&lab, schema, "DROP TRIGGER");
    lab.sql("UPDATE t SET a = 1 WHERE id = 2; INSERT INTO t VALUES (7, 3)");
    let ran = lab.apply(schema, &["--phase", "all"]);
    assert_ne!(ran.status, 0, "{ran}");
    assert_eq!(lab.value("SELECT count(*) FROM t"), "6");
    // One is put right and the other goes; both are noted still.
    lab.sql("UPDATE t SET a = 9 WHERE id = 2; DELETE FROM t WHERE id = 7");
    lab.apply(schema, &["--phase", "all"]).code(0);
    assert_eq!(lab.column("SELECT id || ' ' || a FROM t ORDER BY id"), ["1 1", "2 9", "3 3", "4 4", "5 5"]);
    lab.settled(schema, &[]);
}

/// The user's triggers change rows again, all rows go at once, and columns have the names that functions have for their own.
#[test]
fn triggers_and_truncate_are_followed() {
    let columns = "(id int PRIMARY KEY, found int, old text, \"new\" text, tg_op int)";
    let others = "CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF pg_trigger_depth() = 1 THEN UPDATE t SET found = t.found + 100 \
                  WHERE id = NEW.id; END IF; RETURN NULL; END'; CREATE TRIGGER a AFTER INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION again();";
    let lab = Lab::with(&format!("CREATE UNLOGGED TABLE t {columns}; {others} INSERT INTO t VALUES (1, 1)"));
    let schema = format!("CREATE TABLE t {columns}; {others}");
    run_up_to(&lab, &schema, "DROP TRIGGER");
    let both = || {
        let rows = |table| lab.column(&format!("SELECT concat_ws(' ', id, found, old) FROM {table} ORDER BY id"));
        assert_eq!(rows("t"), rows("_underpin_new_public.t"));
        rows("t")
    };
    assert_eq!(both(), ["1 101"]);
    lab.sql("UPDATE t SET found = 5, old = 'x'; INSERT INTO t VALUES (2, 2)");
    assert_eq!(both(), ["1 105 x", "2 102"]);
    lab.sql("BEGIN; TRUNCATE t; INSERT INTO t VALUES (3, 3); COMMIT");
    assert_eq!(both(), ["3 103"]);
    lab.sql("BEGIN; TRUNCATE t; ROLLBACK; BEGIN; DELETE FROM t; ROLLBACK");
    assert_eq!(both(), ["3 103"]);
    lab.apply(&schema, &["--phase", "all"]).code(0);
    lab.sql("UPDATE t SET found = 7");
    assert_eq!(lab.column("SELECT found::text FROM t"), ["107"]);
    lab.settled(&schema, &[]);
}

/// Writers need no rights on what stands beside, and owner and rights are as they were.
#[test]
fn writers_and_owners_keep_their_rights() {
    let lab = Lab::with(
        "DROP ROLE IF EXISTS shadow_owner; DROP ROLE IF EXISTS shadow_writer; CREATE ROLE shadow_owner; CREATE ROLE shadow_writer LOGIN; \
         CREATE SCHEMA app; GRANT USAGE ON SCHEMA app TO shadow_writer; GRANT CREATE, USAGE ON SCHEMA app TO shadow_owner; \
         CREATE UNLOGGED TABLE app.t (id serial PRIMARY KEY, a int); ALTER TABLE app.t OWNER TO shadow_owner; \
         GRANT SELECT, INSERT (a), UPDATE (a), DELETE ON app.t TO shadow_writer; GRANT USAGE ON SEQUENCE app.t_id_seq TO shadow_writer; \
         INSERT INTO app.t (a) VALUES (1), (2)",
    );
    let schema = "CREATE SCHEMA app; CREATE TABLE app.t (id serial PRIMARY KEY, a int);";
    let rights = "SELECT concat_ws(' ', relowner::regrole, relacl, (SELECT string_agg(attacl::text, ',') FROM pg_attribute WHERE attrelid = c.oid)) \
                  FROM pg_class c WHERE oid IN ('app.t'::regclass, 'app.t_id_seq'::regclass) ORDER BY relname";
    let before = lab.column(rights);
    run_up_to(&lab, schema, "DROP TRIGGER");
    let mut writer = lab.client_of("shadow_writer");
    writer
        .batch_execute(
            "INSERT INTO app.t (a) VALUES (3); UPDATE app.t SET a = 20 WHERE a = 2; DELETE FROM app.t WHERE a = 1",
        )
        .unwrap();
    lab.apply(schema, &["--phase", "all"]).code(0);
    writer.batch_execute("INSERT INTO app.t (a) VALUES (4)").unwrap();
    assert_eq!(lab.column("SELECT id || ' ' || a FROM app.t ORDER BY id"), ["2 20", "3 3", "4 4"]);
    assert_eq!(lab.column(rights), before);
    lab.settled(schema, &[]);
    drop(writer);
    lab.sql("DROP SCHEMA app CASCADE; DROP ROLE shadow_owner; DROP ROLE shadow_writer");
}

/// An owner who is no superuser takes the whole road, and is told what it lacks for it.
#[test]
fn an_owner_needs_two_rights() {
    let lab = Lab::with(
        "DROP ROLE IF EXISTS shadow_small; CREATE ROLE shadow_small LOGIN; CREATE SCHEMA app; GRANT USAGE ON SCHEMA app TO shadow_small; \
         CREATE UNLOGGED TABLE app.t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int); INSERT INTO app.t (a) VALUES (1), (2); \
         ALTER TABLE app.t OWNER TO shadow_small",
    );
    let schema = "CREATE SCHEMA app; CREATE TABLE app.t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int);";
    lab.file("schema.sql", schema);
    let url = lab.url_as("shadow_small", &lab.database);
    let run = |command: &str, more: &[&str]| {
        let args = [command, "--db", &url, "--schema", "schema.sql"].into_iter().chain(more.iter().copied());
        lab.run(args.collect::<Vec<_>>())
    };
    run("plan", &[]).code(0).shows(&["GRANT CREATE ON SCHEMA app TO shadow_small", "GRANT CREATE ON DATABASE"]);
    lab.sql(&format!(
        "GRANT CREATE ON SCHEMA app TO shadow_small; GRANT CREATE ON DATABASE {} TO shadow_small",
        lab.database
    ));
    run("plan", &[]).code(0).never("right-is-lacking");
    run("apply", &["--yes", "--phase", "all"]).code(0).never("not-staged");
    lab.sql("INSERT INTO app.t (a) VALUES (3)");
    assert_eq!(lab.column("SELECT id || ' ' || a FROM app.t ORDER BY id"), ["1 1", "2 2", "3 3"]);
    lab.settled(schema, &[]);
    lab.sql("DROP SCHEMA app CASCADE; DROP OWNED BY shadow_small; DROP ROLE shadow_small");
}

/// Two tables that foreign keys tie to each other go together; their foreign keys hold in the end.
#[test]
fn tables_that_are_tied_go_together() {
    let tables = |word: &str| {
        format!(
            "CREATE {word} TABLE p (id int PRIMARY KEY, up int REFERENCES p); CREATE {word} TABLE c (id int PRIMARY KEY, p int NOT NULL REFERENCES p \
             ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED); CREATE {word} TABLE d (id int REFERENCES c);"
        )
    };
    let lab = Lab::with(&format!(
        "{} INSERT INTO p VALUES (1, NULL), (2, 1); INSERT INTO c VALUES (1, 2); INSERT INTO d VALUES (1)",
        tables("")
    ));
    let schema = tables("UNLOGGED").replace("TABLE d", "TABLE d ");
    run_up_to(&lab, &schema, "DROP TRIGGER");
    lab.sql("BEGIN; INSERT INTO c VALUES (5, 5); INSERT INTO p VALUES (6, 5), (5, NULL); COMMIT; DELETE FROM p WHERE id = 5 AND false");
    lab.apply(&schema, &["--phase", "all", "--allow", "all"]).code(0);
    assert_eq!(
        lab.column("SELECT concat_ws(' ', c.id, p.id, p.up) FROM c JOIN p ON p.id = c.p ORDER BY 1"),
        ["1 2 1", "5 5"]
    );
    assert_eq!(lab.value("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated"), "3");
    lab.settled(&schema, &[]);
}

/// A copy that was left without its triggers is not trusted.
#[test]
fn a_copy_that_was_let_go_is_begun_anew() {
    let lab = Lab::with(
        "CREATE UNLOGGED TABLE t (id int PRIMARY KEY, a int); INSERT INTO t SELECT g, g FROM generate_series(1, 5) g",
    );
    let schema = "CREATE TABLE t (id int PRIMARY KEY, a int);";
    run_up_to(&lab, schema, "DROP TRIGGER");
    lab.sql("DROP TRIGGER \"zz_underpin_.copy\" ON t; UPDATE t SET a = 50 WHERE id = 5; DELETE FROM t WHERE id = 1");
    lab.apply(schema, &["--phase", "all"]).code(0);
    assert_eq!(lab.column("SELECT id || ' ' || a FROM t ORDER BY id"), ["2 2", "3 3", "4 4", "5 50"]);
    lab.settled(schema, &[]);
    // Another column is wanted half-way.
    let lab = Lab::with(
        "CREATE UNLOGGED TABLE t (id int PRIMARY KEY, a int); INSERT INTO t SELECT g, g FROM generate_series(1, 2) g",
    );
    run_up_to(&lab, schema, "DROP TRIGGER");
    let schema =
        "CREATE TABLE t (id int PRIMARY KEY, a int, b int DEFAULT 7, c int GENERATED ALWAYS AS (a + 1) STORED);";
    lab.apply(schema, &["--phase", "all"]).code(0);
    assert_eq!(lab.column("SELECT concat_ws(' ', id, a, b, c) FROM t ORDER BY id"), ["1 1 7 2", "2 2 7 3"]);
    lab.settled(schema, &[]);
}

/// Statements without a list of columns say the same before and after, wherever the schema writes new columns down.
#[test]
fn columns_keep_their_order() {
    let lab =
        Lab::with("CREATE UNLOGGED TABLE t (b text, id int PRIMARY KEY, a text); INSERT INTO t VALUES ('b', 1, 'a')");
    let schema = "CREATE TABLE t (id int PRIMARY KEY, c text DEFAULT 'c', a text, g text GENERATED ALWAYS AS (a || b) STORED, b text);";
    lab.converge(schema, &[]);
    lab.sql("INSERT INTO t VALUES ('bb', 2, 'aa')");
    let rows = lab.column("SELECT concat_ws(' ', id, a, b, c, g) FROM t ORDER BY id");
    assert_eq!(rows, ["1 a b c ab", "2 aa bb c aabb"]);
}

/// A plan for some tables takes their road to its end, and leaves the one of others alone.
#[test]
fn what_is_out_of_scope_is_left_alone() {
    let tables = |a: &str, b: &str| {
        format!("CREATE {a} TABLE a (id int PRIMARY KEY, n int); CREATE {b} TABLE b (id int PRIMARY KEY, n int);")
    };
    let lab = Lab::with(&format!(
        "{} INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (2, 2)",
        tables("UNLOGGED", "UNLOGGED")
    ));
    let schema = tables("", "");
    run_up_to(&lab, &schema, "DROP TRIGGER");
    let only = |table: &'static str| ["--include", table, "--phase", "all"];
    lab.apply(&schema, &only("public.a")).code(0);
    assert_eq!(lab.column("SELECT relname::text || relpersistence::text FROM pg_class WHERE relname IN ('a', 'b') AND relnamespace = 'public'::regnamespace ORDER BY 1"), ["ap", "bu"]);
    lab.sql("INSERT INTO b VALUES (3, 3)");
    assert_eq!(lab.column("SELECT id::text FROM _underpin_new_public.b ORDER BY 1"), ["2", "3"]);
    lab.apply(&schema, &only("public.b")).code(0);
    assert_eq!(lab.column("SELECT id::text FROM b ORDER BY 1"), ["2", "3"]);
    lab.settled(&schema, &[]);
    assert_eq!(lab.value("SELECT count(*) FROM pg_namespace WHERE nspname LIKE '\\_underpin%'"), "0");
}

/// After a crash of the server unlogged tables are empty, and with them the note that the copy was whole: a plan from before does not
/// switch to it, and a new one begins the copy anew.
#[test]
fn a_copy_that_a_crash_emptied_is_not_switched_to() {
    let lab = Lab::with("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 3)");
    let schema = "CREATE UNLOGGED TABLE t (id int PRIMARY KEY);";
    lab.apply(schema, &["--phase", "expand"]).code(0);
    run_up_to(&lab, schema, "DROP TRIGGER");
    lab.plan(schema, &["--output", "json", "-o", "kept.json"]).code(0);
    lab.sql("TRUNCATE _underpin_new_public.t, _underpin_new_public._underpin_missed_t, _underpin_new_public._underpin_seal_t");
    let ran = lab.run(["apply", "--db", &lab.url(), "--plan", "kept.json", "--yes", "--phase", "all"]);
    ran.code(1).says(&["an unlogged table is empty then"]);
    assert_eq!(lab.value("SELECT count(*) FROM t"), "3");
    lab.apply(schema, &["--phase", "all"]).code(0);
    lab.settled(schema, &[]);
    assert_eq!(lab.value("SELECT count(*) FROM t"), "3");
}

/// What an undo would go back to goes in the transaction that ends the plan, so that no moment is left at which a run that is killed
/// would let a later undo take back what is done.
#[test]
fn the_end_leaves_nothing_to_undo() {
    let lab = Lab::with("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 3)");
    let schema = "CREATE UNLOGGED TABLE t (id int PRIMARY KEY);";
    lab.apply(schema, &["--phase", "expand"]).code(0);
    assert_eq!(lab.value("SELECT count(*) FROM underpin.before"), "1");
    lab.sql(
        "CREATE FUNCTION underpin.refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''not now''; END';
         CREATE TRIGGER refuse BEFORE DELETE ON underpin.before FOR EACH ROW EXECUTE FUNCTION underpin.refuse()",
    );
    lab.apply(schema, &["--phase", "all"]).code(1).says(&["not now"]);
    assert_eq!(lab.value("SELECT relpersistence FROM pg_class WHERE oid = 't'::regclass"), "p", "it has not ended");
    lab.sql("DROP FUNCTION underpin.refuse() CASCADE");
    lab.apply(schema, &["--phase", "all"]).code(0);
    assert_eq!(lab.value("SELECT count(*) FROM underpin.before"), "0");
    lab.settled(schema, &[]);
    lab.run(["undo", "--db", &lab.url(), "--yes"]).code(64).says(&["nothing to take back"]);
}

/// Where the road does not apply the harm is told as before.
#[test]
fn what_cannot_go_so_says_its_harm() {
    let same = |before: &str, after: &str| (before.to_owned(), after.to_owned());
    let unlogged = |columns: &str, more: &str| {
        same(&format!("CREATE UNLOGGED TABLE t ({columns}); {more}"), &format!("CREATE TABLE t ({columns}); {more}"))
    };
    for (live, schema) in [
        unlogged("id int", ""),
        unlogged("id int UNIQUE", ""),
        unlogged("id int PRIMARY KEY DEFERRABLE", ""),
        unlogged(
            "id int PRIMARY KEY",
            "ALTER TABLE t ENABLE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY;",
        ),
        unlogged("id int PRIMARY KEY", "CREATE PUBLICATION p FOR ALL TABLES;"),
        unlogged("id int PRIMARY KEY", "CREATE UNLOGGED TABLE heir () INHERITS (t);"),
    ] {
        let lab = Lab::with(&live);
        lab.plan(&schema, &[]).code(0).shows(&["SET LOGGED", "blocks-reads"]).never("shadow-table").never("not-staged");
        lab.converge(&schema, &[]);
    }
}

/// Writers of all kinds go on while a plain table becomes a partitioned one, rows that move between partitions and that fit only one
/// that takes the rest included; and once more while that gets other partitions, and while it becomes a plain one again.
#[test]
fn nothing_is_lost_on_the_way_into_partitions() {
    const MIRROR: &str = "CREATE TABLE mirror (id int PRIMARY KEY, day int NOT NULL, a int, note text);";
    let parted = |key: &str, parts: &str| {
        let columns = "id int NOT NULL, day int NOT NULL, a int, note text";
        format!("CREATE TABLE t ({columns}, PRIMARY KEY ({key})){parts}; CREATE INDEX ON t (a); {MIRROR}")
    };
    let by = |column: &str, name: &str, ends: &[u32], rest: &str| {
        let part = |pair: &[u32]| {
            format!("CREATE TABLE {name}{0} PARTITION OF t FOR VALUES FROM ({0}) TO ({1})", pair[0], pair[1])
        };
        let parts: Vec<String> = ends.windows(2).map(part).collect();
        format!(" PARTITION BY RANGE ({column}); {}; CREATE TABLE {name}_rest PARTITION OF t {rest}", parts.join("; "))
    };
    let plain = parted("id", "");
    let wide = parted("id, day", &by("day", "w", &[0, 10, 20, 30], "DEFAULT"));
    let narrow = parted("day, id", &by("id", "n", &[0, 500, 2000, 10500], "FOR VALUES FROM (10500) TO (MAXVALUE)"));
    let lab = Lab::with(&format!(
        "{plain} INSERT INTO t SELECT g, g % 40, g, repeat('x', 1000) FROM generate_series(1, 3000) g; INSERT INTO mirror SELECT * FROM t"
    ));
    let change = |drawn: &mut Drawn| {
        let (id, n, day) = (drawn.below(4000), drawn.below(1_000_000_000), drawn.below(40));
        let change = match drawn.below(7) {
            0 => format!("DELETE FROM {{}} WHERE id = {id}"),
            1 => format!("UPDATE {{}} SET id = id + 10000 WHERE id = {id}"),
            2 => format!("UPDATE {{}} SET id = id - 10000, day = {day} WHERE id = {}", id + 10000),
            3 => format!("UPDATE {{}} SET day = {day} WHERE id BETWEEN {id} AND {}", id + 1),
            // Of whatever key: no two rows have the same number.
            4 => format!(
                "INSERT INTO {{}} SELECT {id}, {day}, {n}, 'new' WHERE NOT EXISTS (SELECT FROM {{}} WHERE id = {id})"
            ),
            5 => format!("DELETE FROM {{}} WHERE id = {id}; INSERT INTO {{}} VALUES ({id}, {day}, {n}, 'again')"),
            _ => format!("UPDATE {{}} SET note = note || '{n}', a = {n} WHERE id = {id}"),
        };
        (id, id + 1, change)
    };
    for schema in [wide, narrow, parted("id", "")] {
        while_written(&lab, change, || {
            let ran = lab.apply(&schema, &["--phase", "all", "--allow", "all"]);
            ran.code(0).never("not-staged").never("Applied 0").never("blocks-reads");
        });
        lab.settled(&schema, &[]);
        let differs = "SELECT count(*) FROM t FULL JOIN mirror USING (id) WHERE (t.day, t.a, t.note) IS DISTINCT FROM (mirror.day, mirror.a, mirror.note)";
        assert_eq!(lab.value(differs), "0", "{schema}");
    }
}

/// A row that fits no partition stops the copy with words that name it, fails no writer, and keeps the switch from beginning; a
/// partition that comes for it lets the copy go on.
#[test]
fn a_row_that_fits_no_partition_is_not_lost() {
    let lab = Lab::with(
        "CREATE TABLE t (id int PRIMARY KEY, day int NOT NULL); INSERT INTO t SELECT g, g FROM generate_series(1, 9) g",
    );
    let parted = "CREATE TABLE t (id int, day int NOT NULL, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
                  CREATE TABLE t_0 PARTITION OF t FOR VALUES FROM (0) TO (10);";
    lab.apply(parted, &["--phase", "expand"]).code(0);
    lab.sql("INSERT INTO t VALUES (10, 100)");
    lab.apply(parted, &["--phase", "backfill"]).code(1).says(&["no partition of relation", "(day) = (100)"]);
    // The desired schema gets one for it, and what was copied stays.
    let wider = &format!("{parted} CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (10) TO (200);");
    lab.sql("DELETE FROM t WHERE id = 1; ALTER TABLE _underpin_new_public.t_0 SET (fillfactor = 50)");
    run_up_to(&lab, wider, "DROP TRIGGER");
    assert_eq!(lab.column("SELECT id::text FROM _underpin_new_public.t_1"), ["10"]);
    // Written since: moved out of all of them, and new.
    lab.sql("UPDATE t SET day = 500 WHERE id = 2; INSERT INTO t VALUES (11, 600); UPDATE t SET day = 150 WHERE id = 3");
    lab.apply(wider, &["--phase", "all"]).code(1).says(&["rows that it refuses were written since"]);
    assert_eq!(lab.value("SELECT count(*) FROM t"), "10");
    lab.sql("UPDATE t SET day = 20 WHERE id = 2; DELETE FROM t WHERE id = 11");
    lab.apply(wider, &["--phase", "all"]).code(0);
    let rows =
        lab.column("SELECT concat_ws(' ', tableoid::regclass, id, day) FROM t WHERE id < 5 OR id > 8 ORDER BY id");
    assert_eq!(rows, ["t_1 2 20", "t_1 3 150", "t_0 4 4", "t_0 9 9", "t_1 10 100"]);
    lab.settled(wider, &[]);
}

/// A transaction that sees only what was there when it began changes rows that were copied since, also where they go elsewhere.
#[test]
fn a_row_that_a_snapshot_does_not_see_is_not_there_twice() {
    let lab = Lab::with(
        "CREATE TABLE t (id int PRIMARY KEY, day int NOT NULL); CREATE TABLE other (); INSERT INTO t SELECT g, g FROM generate_series(1, 6) g",
    );
    let schema = "CREATE TABLE t (id int, day int NOT NULL, PRIMARY KEY (day, id)) PARTITION BY RANGE (day); CREATE TABLE other ();
                  CREATE TABLE t_0 PARTITION OF t FOR VALUES FROM (0) TO (10); CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (10) TO (20);";
    lab.apply(schema, &["--phase", "expand"]).code(0);
    let mut old = lab.client();
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM other").unwrap();
    let mut before = lab.client();
    before.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; UPDATE t SET day = 15 WHERE id = 5; UPDATE t SET day = 16 WHERE id = 5").unwrap();
    before.batch_execute("COMMIT").unwrap();
    run_up_to(&lab, schema, "DROP TRIGGER");
    for change in [
        "DELETE FROM t WHERE id = 1",
        "UPDATE t SET day = 12 WHERE id = 2",
        "UPDATE t SET day = 12, id = 30 WHERE id = 3",
        "UPDATE t SET day = 4 WHERE id = 4",
    ] {
        let refused = old.batch_execute(&format!("SAVEPOINT s; {change}")).unwrap_err();
        assert_eq!(refused.as_db_error().unwrap().code().code(), "40001", "{change}");
        old.batch_execute("ROLLBACK TO s").unwrap();
    }
    old.batch_execute(
        "INSERT INTO t VALUES (7, 7), (8, 8); UPDATE t SET day = 17 WHERE id = 7; DELETE FROM t WHERE id = 8; COMMIT",
    )
    .unwrap();
    old.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ; UPDATE t SET day = 18 WHERE id = 6; COMMIT").unwrap();
    assert_eq!(lab.value("SELECT count(*) FROM _underpin_new_public._underpin_missed_t"), "0");
    lab.apply(schema, &["--phase", "all"]).code(0);
    let rows = lab.column("SELECT concat_ws(' ', tableoid::regclass, id, day) FROM t ORDER BY id");
    assert_eq!(rows, ["t_0 1 1", "t_0 2 2", "t_0 3 3", "t_0 4 4", "t_1 5 16", "t_1 6 18", "t_1 7 17"]);
    lab.settled(schema, &[]);
}

/// A partition that is emptied alone is empty in the new table too; one that comes or goes meanwhile begins the copy anew.
#[test]
fn partitions_that_change_meanwhile_are_followed() {
    let parts = |parts: &[u32]| {
        let part = |n: &u32| format!("CREATE TABLE t_{n} PARTITION OF t FOR VALUES IN ({n});");
        parts.iter().map(part).collect::<String>()
    };
    let lab = Lab::with(&format!(
        "CREATE TABLE t (id int, k int, PRIMARY KEY (id, k)) PARTITION BY LIST (k); {} INSERT INTO t SELECT g, g % 3 FROM generate_series(1, 9) g",
        parts(&[0, 1, 2])
    ));
    let schema = "CREATE TABLE t (id int PRIMARY KEY, k int NOT NULL);";
    run_up_to(&lab, schema, "DROP TRIGGER");
    lab.sql("TRUNCATE t_0; INSERT INTO t VALUES (12, 0)");
    let mut old = lab.client();
    let refused = old.batch_execute("BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT FROM t; TRUNCATE t_1").unwrap_err();
    assert_eq!(refused.as_db_error().unwrap().code().code(), "40001");
    drop(old);
    assert_eq!(
        lab.column("SELECT n.id::text FROM _underpin_new_public.t n ORDER BY n.id"),
        ["1", "2", "4", "5", "7", "8", "12"]
    );
    lab.plan(schema, &["--output", "json", "-o", "kept.json"]).code(0);
    lab.sql("DROP TABLE t_1; CREATE TABLE t_5 (id int, k int NOT NULL, PRIMARY KEY (id, k)); INSERT INTO t_5 VALUES (50, 5); ALTER TABLE t ATTACH PARTITION t_5 FOR VALUES IN (5)");
    let ran =
        lab.run(["apply", "--db", &lab.url(), "--plan", "kept.json", "--yes", "--phase", "all", "--allow", "all"]);
    assert_ne!(ran.status, 0, "{ran}");
    lab.apply(schema, &["--phase", "all", "--allow", "all"]).code(0).never("not-staged");
    assert_eq!(lab.column("SELECT n.id::text FROM t n ORDER BY n.id"), ["2", "5", "8", "12", "50"]);
    lab.settled(schema, &[]);
}

/// Nor does it go into partitions so without a key that both tables have, or where a partition brings rows of its own.
#[test]
fn what_cannot_go_into_partitions_so_says_its_harm() {
    let part = "CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (10);";
    for (live, columns) in [
        ("CREATE TABLE t (id int, k int NOT NULL);", "id int, k int NOT NULL"),
        ("CREATE TABLE t (id int PRIMARY KEY, k int NOT NULL);", "id int NOT NULL, k int PRIMARY KEY"),
        (
            "CREATE TABLE t (id int PRIMARY KEY, k int NOT NULL); CREATE TABLE t_1 (id int NOT NULL, k int NOT NULL, PRIMARY KEY (id, k));",
            "id int, k int NOT NULL, PRIMARY KEY (id, k)",
        ),
    ] {
        let lab = Lab::with(&format!("{live} INSERT INTO t VALUES (1, 1), (2, 2)"));
        let schema = format!("CREATE TABLE t ({columns}) PARTITION BY RANGE (k); {part}");
        lab.plan(&schema, &[]).code(0).shows(&["blocks-reads"]).never("shadow-table").never("not-staged");
        lab.apply(&schema, &["--phase", "all", "--allow", "all"]).code(0);
        assert_eq!(lab.value("SELECT count(*) FROM t"), "2");
    }
}
