//! The walk as plain SQL, run by `psql`.

use crate::support::*;
use std::thread;
use std::time::Duration;
use underpin_executor::procedure;
use underpin_model::Backfill;

fn script(db: &Database, key: &[&str], statement: &str) -> String {
    let backfill = Backfill {
        table: "public.\"T\"".to_owned(),
        key: key.iter().map(|k| (*k).to_owned()).collect(),
        statement: statement.to_owned(),
        wrong: Some("n <> 1".to_owned()),
    };
    procedure(&mut db.connect(), &backfill).unwrap().iter().map(|s| format!("{s};\n")).collect()
}

fn table(db: &Database) {
    db.run(
        "CREATE TABLE public.\"T\" (a text COLLATE \"C\", b int, n int NOT NULL DEFAULT 0, PRIMARY KEY (a, b));
         INSERT INTO public.\"T\" SELECT 'x''' || i % 10, i FROM generate_series(1, 40000) i ORDER BY random();
         CREATE TABLE public.seen (tx bigint);
         CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS
             'BEGIN INSERT INTO public.seen VALUES (txid_current()); RETURN NULL; END';
         CREATE TRIGGER note AFTER UPDATE ON public.\"T\" FOR EACH STATEMENT EXECUTE FUNCTION public.note()",
    );
}

const COUNTED: &str = "SELECT count(*) || ' ' || min(n) || ' ' || max(n) FROM public.\"T\"";
const LEFT: &str = "SELECT count(*) FROM pg_proc WHERE proname LIKE 'underpin%'";

#[test]
fn every_row_once_in_many_transactions() {
    for (key, statement) in [
        (vec!["a", "b"], "UPDATE public.\"T\" SET n = n + 1 WHERE {range}"),
        (vec![], "UPDATE public.\"T\" SET n = n + 1 WHERE {range} AND n = 0"),
    ] {
        let db = Database::new();
        table(&db);
        db.psql(&script(&db, &key, statement)).unwrap();
        assert_eq!(db.value(COUNTED), "40000 1 1");
        assert_eq!(db.value("SELECT count(DISTINCT tx) >= 4 FROM public.seen"), "true");
        assert_eq!(db.value(LEFT), "0");
    }
}

#[test]
fn an_empty_table_and_one_that_is_not_there() {
    let db = Database::new();
    table(&db);
    db.run("TRUNCATE public.\"T\"");
    let statement = "UPDATE public.\"T\" SET n = 1 WHERE {range}";
    db.psql(&script(&db, &["a", "b"], statement)).unwrap();
    db.psql(&script(&db, &[], statement)).unwrap();
    db.run("DROP TABLE public.\"T\"");
    assert_eq!(script(&db, &[], statement), "UPDATE public.\"T\" SET n = 1 WHERE true;\n");
}

#[test]
fn rows_that_are_not_right_end_it() {
    let db = Database::new();
    table(&db);
    let error = db.psql(&script(&db, &["a", "b"], "UPDATE public.\"T\" SET n = 2 WHERE {range}")).unwrap_err();
    assert!(error.contains("not right after all were walked"), "{error}");
}

#[test]
fn a_locked_row_is_waited_for_in_short_tries() {
    let db = Database::new();
    table(&db);
    let mut other = db.connect();
    other.batch_execute("BEGIN; UPDATE public.\"T\" SET n = n WHERE b = 10000").unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(700));
            other.batch_execute("COMMIT").unwrap();
        });
        db.psql(&script(&db, &["a", "b"], "UPDATE public.\"T\" SET n = n + 1 WHERE {range}")).unwrap();
    });
    assert_eq!(db.value(COUNTED), "40000 1 1");
}
