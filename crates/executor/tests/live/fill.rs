//! Backfills: every row once, whatever the key, whatever comes between.

use crate::support::*;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use underpin_executor::{
    BackfillProgress, Cancel, ExecutorError, Filling, Options, Outcome, Pace, Progress, backfill_done,
};
use underpin_model::{Backfill, Phase, Plan, Run, Step};

/// Counts how often each row is changed: what a real statement must not do, so that it shows when one is done twice.
const COUNT: &str = "UPDATE public.t SET n = n + 1 WHERE {range}";

fn fill(table: &str, key: &[&str], statement: &str, wrong: Option<&str>) -> Backfill {
    Backfill {
        table: table.to_owned(),
        key: key.iter().map(|k| (*k).to_owned()).collect(),
        statement: statement.to_owned(),
        wrong: wrong.map(str::to_owned),
    }
}

fn filling(backfill: &Backfill) -> Plan {
    let mut step = step("s001", Run::Backfill, &[&backfill.whole()]);
    step.backfill = Some(backfill.clone());
    plan_of(vec![stage(Phase::Backfill, None, vec![alone(step)])])
}

/// Small batches, so that a walk has many of them.
fn small() -> Options {
    Options { pace: Pace { most: 100, ..Pace::default() }, ..hasty() }
}

fn apply(db: &Database, backfill: &Backfill, options: &Options) -> Result<Outcome, ExecutorError> {
    db.apply(&filling(backfill), options)
}

/// Calls something once, as soon as so many rows are walked.
struct At<F: Fn()> {
    rows: u64,
    done: AtomicBool,
    then: F,
}

impl<F: Fn()> Progress for At<F> {
    fn backfill_progress(&self, _step: &Step, progress: &BackfillProgress) {
        if progress.doing == Filling::Rows && progress.rows >= self.rows && !self.done.swap(true, Ordering::SeqCst) {
            (self.then)();
        }
    }
}

fn at(rows: u64, then: impl Fn()) -> At<impl Fn()> {
    At { rows, done: AtomicBool::new(false), then }
}

/// A table of 5000 rows with this key, each row's `n` being 0.
fn table(db: &Database, columns: &str, values: &str, key: &str) {
    db.run(&format!(
        "CREATE TABLE public.t ({columns}, n int NOT NULL DEFAULT 0);
         INSERT INTO public.t SELECT {values} FROM generate_series(1, 5000) i ORDER BY random();
         {key}"
    ));
}

/// Makes a function that takes about 0.3 ms, so that a walk is still under way when something comes between.
fn slow(db: &Database) {
    db.run("CREATE FUNCTION public.slow() RETURNS bool LANGUAGE sql AS 'SELECT pg_sleep(0.0002) IS NOT NULL'");
}

const COUNTED: &str = "SELECT count(*) || ' ' || min(n) || ' ' || max(n) FROM public.t";

#[test]
fn every_row_once_along_any_key() {
    for (columns, values, key) in [
        ("id bigint", "i", vec!["id"]),
        ("id uuid", "md5(i::text)::uuid", vec!["id"]),
        ("\"a B\" text COLLATE \"C\"", "md5(i::text) || '''\\ \"'", vec!["\"a B\""]),
        ("name text COLLATE odd", "CASE i % 2 WHEN 0 THEN 'Ä' ELSE 'z' END || i", vec!["name"]),
        ("a varchar(9), b int", "i % 7, i", vec!["a", "b"]),
        ("a int, b timestamptz, c char(3)", "i % 3, now() - i * interval '1 s', 'x'", vec!["a", "b", "c"]),
        ("f float8", "i / 3.0", vec!["f"]),
        ("d numeric(12, 3)", "CASE i WHEN 1 THEN 'NaN' ELSE i / 1000.0 END", vec!["d"]),
        ("k public.word", "('w' || i)::public.word", vec!["k"]),
    ] {
        let db = Database::new();
        db.run(
            "CREATE COLLATION odd (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
             CREATE DOMAIN public.word AS text CHECK (VALUE <> '')",
        );
        table(&db, columns, values, &format!("ALTER TABLE public.t ADD PRIMARY KEY ({})", key.join(", ")));
        let backfill = fill("public.t", &key, COUNT, Some("n = 0"));
        apply(&db, &backfill, &small()).unwrap_or_else(|e| panic!("{columns}: {e}"));
        assert_eq!(db.value(COUNTED), "5000 1 1", "{columns}");
        // It went along the key, as every index entry of it can tell.
        assert_eq!(db.value("SELECT cardinality(key) FROM underpin.backfill"), key.len().to_string(), "{columns}");
        assert_eq!(db.value("SELECT finished IS NOT NULL FROM underpin.backfill"), "true");
        assert!(backfill_done(&mut db.connect(), &backfill).unwrap());
        // Once more: it is done.
        apply(&db, &backfill, &small()).unwrap();
        assert_eq!(db.value(COUNTED), "5000 1 1", "{columns}");
    }
}

#[test]
fn operators_off_the_path_keep_their_order() {
    let db = Database::new();
    if db.value("SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'citext')") != "true" {
        return;
    }
    db.run("CREATE SCHEMA far; CREATE EXTENSION citext SCHEMA far");
    table(
        &db,
        "id far.citext",
        "CASE i % 2 WHEN 0 THEN 'A' ELSE 'b' END || i",
        "ALTER TABLE public.t ADD PRIMARY KEY (id)",
    );
    apply(&db, &fill("public.t", &["id"], COUNT, Some("n = 0")), &small()).unwrap();
    assert_eq!(db.value(COUNTED), "5000 1 1");
    assert_eq!(db.value("SELECT key FROM underpin.backfill"), "{id}");
}

#[test]
fn without_a_key_along_the_pages() {
    for (key, index) in [
        (vec![], ""),
        // No index that can be read in the order of the key: to sort for each batch would be worse.
        (vec!["id"], ""),
        (
            vec!["id"],
            "ALTER TABLE public.t ALTER id SET NOT NULL; CREATE UNIQUE INDEX ON public.t (id text_pattern_ops)",
        ),
        (vec!["id"], "CREATE UNIQUE INDEX ON public.t (id)"),
    ] {
        let db = Database::new();
        table(&db, "id text", "i", index);
        // The same page twice would not show otherwise: a row that was changed has moved to another page.
        let once = "UPDATE public.t SET n = n + 1 WHERE {range} AND n = 0";
        apply(&db, &fill("public.t", &key, once, Some("n = 0")), &small()).unwrap();
        assert_eq!(db.value(COUNTED), "5000 1 1");
        assert_eq!(db.value("SELECT key FROM underpin.backfill"), "{}");
    }
}

#[test]
fn an_empty_table_is_done_at_once() {
    let db = Database::new();
    db.run("CREATE TABLE public.t (id int PRIMARY KEY, n int); CREATE TABLE public.u (n int)");
    for backfill in [
        fill("public.t", &["id"], COUNT, Some("n = 0")),
        fill("public.u", &[], "UPDATE public.u SET n = 1 WHERE {range}", Some("n IS NULL")),
    ] {
        apply(&db, &backfill, &small()).unwrap();
        assert!(backfill_done(&mut db.connect(), &backfill).unwrap());
    }
}

#[test]
fn partitions_and_children_are_walked_too() {
    let db = Database::new();
    db.run(
        "CREATE TABLE public.t (id int PRIMARY KEY, n int NOT NULL DEFAULT 0) PARTITION BY RANGE (id);
         CREATE TABLE public.t1 PARTITION OF public.t FOR VALUES FROM (0) TO (1000);
         CREATE TABLE public.t2 PARTITION OF public.t FOR VALUES FROM (1000) TO (100000);
         INSERT INTO public.t SELECT generate_series(1, 5000);
         CREATE TABLE public.p (id int, n int); CREATE TABLE public.c () INHERITS (public.p);
         INSERT INTO public.p VALUES (1); INSERT INTO public.c SELECT generate_series(1, 3000)",
    );
    apply(&db, &fill("public.t", &["id"], COUNT, Some("n = 0")), &small()).unwrap();
    assert_eq!(db.value(COUNTED), "5000 1 1");
    let children = "UPDATE public.p SET n = 1 WHERE {range} AND n IS NULL";
    apply(&db, &fill("public.p", &[], children, Some("n IS NULL")), &small()).unwrap();
    assert_eq!(db.value("SELECT count(*) FROM public.p WHERE n = 1"), "3001");
}

#[test]
fn rows_that_come_meanwhile_do_not_extend_it() {
    let db = Database::new();
    table(&db, "id int", "i", "ALTER TABLE public.t ADD PRIMARY KEY (id)");
    let told = at(500, || db.run("INSERT INTO public.t SELECT generate_series(100001, 105000)"));
    let plan = filling(&fill("public.t", &["id"], COUNT, None));
    db.apply_with(&plan, &small(), &told, &Cancel::new()).unwrap();
    assert_eq!(db.value("SELECT count(*) || ' ' || sum(n) FROM public.t WHERE id > 100000"), "5000 0");
    assert_eq!(db.value("SELECT min(n) || ' ' || max(n) FROM public.t WHERE id <= 100000"), "1 1");
    assert_eq!(
        db.value("SELECT upper[1] = (SELECT max(id)::text FROM public.t WHERE id <= 5000) FROM underpin.backfill"),
        "true"
    );
}

#[test]
fn a_killed_session_is_gone_on_with_exactly() {
    for key in [vec!["id"], vec![]] {
        let db = Database::new();
        table(
            &db,
            "id int",
            "i",
            "ALTER TABLE public.t ADD PRIMARY KEY (id); ALTER TABLE public.t SET (autovacuum_enabled = off)",
        );
        slow(&db);
        // Along pages a changed row moves to where the walk has not been, so that a real statement's guard is needed.
        let guard = if key.is_empty() { "AND n = 0" } else { "" };
        let statement = format!("{COUNT} {guard} AND public.slow()");
        let backfill = fill("public.t", &key, &statement, Some("n = 0"));
        let plan = filling(&backfill);
        let options =
            Options { pace: Pace { most: if key.is_empty() { 2 } else { 100 }, ..Pace::default() }, ..hasty() };
        for round in 1..=3 {
            let kill = at(round * 1000, || {
                db.run(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'underpin'
                        AND datname = current_database() AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')",
                );
            });
            let error = db.apply_with(&plan, &options, &kill, &Cancel::new()).unwrap_err();
            assert!(matches!(error, ExecutorError::ConnectionLost { .. }), "{error}");
            assert!(error.stopped_on_the_way());
            assert!(error.to_string().contains("the next run goes on behind them"), "{error}");
        }
        assert!(!backfill_done(&mut db.connect(), &backfill).unwrap());
        let before: u64 = db.value("SELECT sum(n) FROM public.t").parse().unwrap();
        assert!((1..5000).contains(&before), "{before}");
        let outcome = apply(&db, &backfill, &options).unwrap();
        assert_eq!(outcome.steps_run, 1);
        assert_eq!(db.value(COUNTED), "5000 1 1");
        assert_eq!(db.value("SELECT walked >= 4900 AND changed <= 5000 FROM underpin.backfill"), "true");
    }
}

#[test]
fn an_interrupted_walk_is_gone_on_with() {
    let db = Database::new();
    table(&db, "id int", "i", "ALTER TABLE public.t ADD PRIMARY KEY (id)");
    slow(&db);
    let statement = format!("{COUNT} AND (id % 5 > 0 OR public.slow())");
    let backfill = fill("public.t", &["id"], &statement, None);
    let cancel = Cancel::new();
    let error = db.apply_with(&filling(&backfill), &small(), &at(1000, || cancel.cancel()), &cancel).unwrap_err();
    let ExecutorError::Interrupted { left } = &error else { panic!("{error}") };
    assert!(left.backfill.as_ref().unwrap().contains("public.t"), "{error}");
    apply(&db, &backfill, &small()).unwrap();
    assert_eq!(db.value(COUNTED), "5000 1 1");
}

#[test]
fn a_lost_guard_ends_the_walk() {
    let db = Database::new();
    table(&db, "id int", "i", "ALTER TABLE public.t ADD PRIMARY KEY (id)");
    slow(&db);
    let statement = "UPDATE public.t SET n = n + 1 WHERE {range} AND public.slow()";
    let backfill = fill("public.t", &["id"], statement, None);
    let kill = at(100, || {
        db.run("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())");
    });
    let error = db.apply_with(&filling(&backfill), &small(), &kill, &Cancel::new()).unwrap_err();
    assert!(matches!(error, ExecutorError::GuardLost { .. }), "{error}");
    assert!(db.value("SELECT sum(n) < 5000 FROM public.t") == "true");
    apply(&db, &backfill, &small()).unwrap();
    assert_eq!(db.value(COUNTED), "5000 1 1");
}

#[test]
fn a_run_that_was_replaced_ends() {
    let db = Database::new();
    table(&db, "id int", "i", "ALTER TABLE public.t ADD PRIMARY KEY (id)");
    slow(&db);
    let backfill = fill("public.t", &["id"], &format!("{COUNT} AND public.slow()"), None);
    let replace = at(500, || db.run("UPDATE underpin.run SET token = token + 1"));
    let error = db.apply_with(&filling(&backfill), &small(), &replace, &Cancel::new()).unwrap_err();
    assert!(matches!(error, ExecutorError::Replaced { .. }), "{error}");
    assert!(db.value("SELECT sum(n) < 5000 FROM public.t") == "true");
    apply(&db, &backfill, &small()).unwrap();
    assert_eq!(db.value(COUNTED), "5000 1 1");
}

#[test]
fn what_was_made_anew_is_filled_anew() {
    let db = Database::new();
    table(&db, "id int", "i", "ALTER TABLE public.t ADD PRIMARY KEY (id)");
    let backfill = fill("public.t", &["id"], "UPDATE public.t SET n = id WHERE {range} AND n <> id", Some("n <> id"));
    apply(&db, &backfill, &small()).unwrap();
    let done = || backfill_done(&mut db.connect(), &backfill).unwrap();
    db.run("ALTER TABLE public.t ADD COLUMN other int");
    assert!(done(), "another column is no matter");
    db.run("ALTER TABLE public.t DROP COLUMN n; ALTER TABLE public.t ADD COLUMN n int NOT NULL DEFAULT 0");
    assert!(!done(), "a column of the same name is another one");
    apply(&db, &backfill, &small()).unwrap();
    assert_eq!(db.value("SELECT count(*) FROM public.t WHERE n = id"), "5000");
    // A trigger that keeps the rows right was away: what was written meanwhile is not right.
    db.run(
        "CREATE FUNCTION public.f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.n := NEW.id; RETURN NEW; END';
         CREATE TRIGGER zz_underpin_t BEFORE INSERT OR UPDATE ON public.t FOR EACH ROW EXECUTE FUNCTION public.f()",
    );
    assert!(!done());
    apply(&db, &backfill, &small()).unwrap();
    assert!(done());
    db.run("ALTER TABLE public.t DISABLE TRIGGER zz_underpin_t");
    assert!(!done());
    db.run("DROP TABLE public.t");
    assert!(!done());
}

#[test]
fn a_table_that_is_written_anew_is_walked_anew() {
    let db = Database::new();
    table(&db, "id int", "i", "");
    // Whoever is told how far the walk is runs beside it, and shall not come when it is over.
    slow(&db);
    let statement = "UPDATE public.t SET n = 1 WHERE {range} AND n = 0 AND (id % 5 > 0 OR public.slow())";
    let backfill = fill("public.t", &[], statement, Some("n = 0"));
    let options = Options { pace: Pace { most: 2, ..Pace::default() }, ..hasty() };
    // The rows that the walk has not reached stand on the first pages afterwards.
    let rewrite = at(2000, || db.run("CREATE INDEX i ON public.t (n); CLUSTER public.t USING i"));
    db.apply_with(&filling(&backfill), &options, &rewrite, &Cancel::new()).unwrap();
    assert_eq!(db.value(COUNTED), "5000 1 1");
    let files = "SELECT files = pg_relation_filenode('public.t')::text FROM underpin.backfill";
    assert_eq!(db.value(files), "true");
}

#[test]
fn rows_that_are_not_right_are_run_again_or_told() {
    let db = Database::new();
    table(&db, "id int", "i", "ALTER TABLE public.t ADD PRIMARY KEY (id)");
    slow(&db);
    let statement = "UPDATE public.t SET n = 1 WHERE {range} AND n = 0 AND (id % 5 > 0 OR public.slow())";
    // Somebody undoes it behind the walk; that is put right once.
    let undo = at(1000, || {
        db.run("UPDATE public.t SET n = 0 WHERE id <= 50");
    });
    let backfill = fill("public.t", &["id"], statement, Some("n = 0"));
    db.apply_with(&filling(&backfill), &small(), &undo, &Cancel::new()).unwrap();
    assert_eq!(db.value(COUNTED), "5000 1 1");
    // What the statement cannot put right is told, whatever the way.
    db.run("INSERT INTO public.t VALUES (7000, -1), (7001, -1)");
    for (key, shown) in [(vec!["id"], "by id: 7000; 7001"), (vec![], "by ctid: (")] {
        let hopeless = fill("public.t", &key, statement, Some("n <> 1"));
        let error = apply(&db, &hopeless, &small()).unwrap_err();
        let ExecutorError::Unfilled(failure) = &error else { panic!("{error}") };
        assert_eq!((failure.rows.len(), failure.step.as_str()), (2, "s001"));
        assert!(error.to_string().contains(shown) && error.to_string().contains("n <> 1"), "{error}");
        assert!(!error.stopped_on_the_way());
        assert!(!backfill_done(&mut db.connect(), &hopeless).unwrap());
    }
    assert_eq!(db.journal().last().unwrap(), "s001 failed");
}

#[test]
fn a_locked_row_holds_up_nobody_but_the_walk() {
    let db = Database::new();
    table(&db, "id int", "i", "ALTER TABLE public.t ADD PRIMARY KEY (id)");
    let mut other = db.connect();
    other.batch_execute("BEGIN; UPDATE public.t SET n = n WHERE id = 2500").unwrap();
    let backfill = fill("public.t", &["id"], COUNT, Some("n = 0"));
    let error = apply(&db, &backfill, &Options { pace: Pace::default(), ..hasty() }).unwrap_err();
    let ExecutorError::Locks(failure) = &error else { panic!("{error}") };
    assert_eq!(failure.blockers[0].application, "test");
    // All before it is done.
    assert_eq!(db.value("SELECT sum(n) >= 1000 FROM public.t"), "true");
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(600));
            other.batch_execute("COMMIT").unwrap();
        });
        apply(&db, &backfill, &Options::default()).unwrap();
    });
    assert_eq!(db.value(COUNTED), "5000 1 1");
}

#[test]
fn a_statement_that_the_server_refuses_is_told() {
    let db = Database::new();
    table(&db, "id int", "i", "ALTER TABLE public.t ADD PRIMARY KEY (id)");
    let backfill = fill("public.t", &["id"], "UPDATE public.t SET n = 1 / (id - 4000) WHERE {range}", None);
    let error = apply(&db, &backfill, &small()).unwrap_err();
    let ExecutorError::Step(failure) = &error else { panic!("{error}") };
    assert_eq!(failure.code, "22012");
    assert!(failure.left.backfill.is_some(), "{error}");
    let gone = fill("public.nowhere", &["id"], "UPDATE public.nowhere SET n = 1 WHERE {range}", None);
    assert!(matches!(apply(&db, &gone, &small()).unwrap_err(), ExecutorError::Step(f) if f.code == "42P01"));
}

#[test]
fn without_the_right_to_keep_its_place_it_begins_anew() {
    let db = Database::new();
    let user = format!("filler_{}", db.name);
    table(&db, "id int", "i", "ALTER TABLE public.t ADD PRIMARY KEY (id)");
    db.run(&format!("CREATE ROLE {user} LOGIN; GRANT ALL ON public.t TO {user}"));
    let backfill = fill("public.t", &["id"], COUNT, None);
    let outcome = underpin_executor::apply(
        &mut db.connect_as(&user),
        &|| Ok(db.connect_as(&user)),
        &filling(&backfill),
        &mut |_, _| Ok(None),
        &small(),
        &underpin_executor::Silent,
        &Cancel::new(),
    )
    .unwrap();
    assert!(outcome.warnings.iter().any(|w| w.contains("how far the rows of public.t are filled is not kept")));
    assert_eq!(db.value(COUNTED), "5000 1 1");
    assert!(!backfill_done(&mut db.connect_as(&user), &backfill).unwrap());
}
