//! How fast a backfill is against one plain `UPDATE`. Run by hand:
//! `cargo test -p underpin-executor --test live -- --ignored --nocapture speed`.

use crate::support::*;
use std::time::{Duration, Instant};
use underpin_executor::{Options, Pace};
use underpin_model::{Backfill, Phase, Run};

const ROWS: u32 = 1_000_000;

/// A table of a million rows in random physical order, as one is that has lived for a while.
fn fresh(db: &Database) {
    db.run(&format!(
        "DROP TABLE IF EXISTS public.t;
         CREATE TABLE public.t (id bigint PRIMARY KEY, name text, c int, c_new bigint);
         INSERT INTO public.t SELECT i, md5(i::text), i FROM generate_series(1, {ROWS}) i ORDER BY random();
         ANALYZE public.t"
    ));
    db.run("VACUUM public.t");
    db.run("CHECKPOINT");
}

fn rate(took: Duration) -> f64 {
    f64::from(ROWS) / took.as_secs_f64()
}

#[test]
#[ignore = "takes minutes; prints figures"]
fn speed_against_one_update() {
    let db = Database::new();
    let statement = "UPDATE public.t SET c_new = c WHERE {range} AND c_new IS DISTINCT FROM c::bigint";
    let run = |key: &[&str], wrong: Option<&str>, pace: Pace| {
        fresh(&db);
        db.run("DROP TABLE IF EXISTS underpin.backfill");
        let backfill = Backfill {
            table: "public.t".to_owned(),
            key: key.iter().map(|k| (*k).to_owned()).collect(),
            statement: statement.to_owned(),
            wrong: wrong.map(str::to_owned),
        };
        let mut step = step("s001", Run::Backfill, &[&backfill.whole()]);
        step.backfill = Some(backfill);
        let plan = plan_of(vec![stage(Phase::Backfill, None, vec![alone(step)])]);
        let start = Instant::now();
        db.apply(&plan, &Options { pace, ..Options::default() }).unwrap();
        let took = start.elapsed();
        assert_eq!(db.value("SELECT count(*) FROM public.t WHERE c_new = c"), ROWS.to_string());
        (rate(took), db.value("SELECT pg_size_pretty(pg_table_size('public.t'))"))
    };
    let plain = || {
        fresh(&db);
        let start = Instant::now();
        db.run(&statement.replace(Backfill::RANGE, "true"));
        rate(start.elapsed())
    };
    let of = |ms: u64| Pace { target: Duration::from_millis(ms), ..Pace::default() };
    let wrong = Some("c_new IS DISTINCT FROM c::bigint");
    let before = plain();
    let (mut lines, mut all) = (Vec::new(), Vec::new());
    for ms in [10, 25, 50, 90, 200] {
        let (keyed, size) = run(&["id"], None, of(ms));
        lines.push((format!("along the key, {ms} ms"), keyed, size));
    }
    let (checked, size) = run(&["id"], wrong, Pace::default());
    lines.push(("along the key, with the check".to_owned(), checked, size));
    let (pages, size) = run(&[], None, Pace::default());
    lines.push(("along the pages".to_owned(), pages, size));
    let after = plain();
    all.extend([before, after]);
    let usual = all.iter().sum::<f64>() / 2.0;
    eprintln!("one UPDATE: {before:.0} and {after:.0} rows/s");
    for (what, rows, size) in lines {
        eprintln!("{what}: {rows:.0} rows/s, {:.2} of one UPDATE, {size} afterwards", rows / usual);
    }
}
