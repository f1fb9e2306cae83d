//! How fast a backfill of a million rows is against one plain `UPDATE`, and what an application feels of it.
//!
//! `cargo run --release -p underpin-executor --example backfill_speed [ROUNDS [WAY]]`, with PostgreSQL's server programs
//! on the machine (or `UNDERPIN_PG_BIN`). Each round runs every way, or those whose name holds WAY, on a fresh copy of the
//! same table, next to a plain `UPDATE`; what is printed are medians.

#![allow(clippy::unwrap_used, reason = "it may end at what it did not expect")]

use postgres::{Client, Config, NoTls};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};
use underpin_executor::{Cancel, Options, Pace, Silent};
use underpin_model::{Backfill, Batch, Fingerprint, Phase, Plan, Run, Stage, Step, Strategy};
use underpin_scratch::ScratchServer;

const ROWS: u32 = 1_000_000;
const STATEMENT: &str = "UPDATE public.t SET c_new = c WHERE {range} AND c_new IS DISTINCT FROM c::bigint";
const WRONG: &str = "c_new IS DISTINCT FROM c::bigint";

fn connect(server: &ScratchServer, database: &str) -> Client {
    let mut config = Config::new();
    config.host_path(server.socket_dir()).port(server.port()).user(server.superuser()).dbname(database);
    config.connect(NoTls).unwrap()
}

/// A copy of the table, as it was.
fn fresh(server: &ScratchServer) {
    let mut client = connect(server, "postgres");
    for sql in ["DROP DATABASE IF EXISTS copy", "CREATE DATABASE copy TEMPLATE base", "CHECKPOINT"] {
        client.batch_execute(sql).unwrap();
    }
}

fn plain(server: &ScratchServer) -> Duration {
    let mut client = connect(server, "copy");
    let start = Instant::now();
    client.batch_execute(&STATEMENT.replace(Backfill::RANGE, "true")).unwrap();
    start.elapsed()
}

fn fill(server: &ScratchServer, key: &[&str], wrong: Option<&str>, pace: &Pace) -> Duration {
    let backfill = Backfill {
        table: "public.t".to_owned(),
        key: key.iter().map(|k| (*k).to_owned()).collect(),
        statement: STATEMENT.to_owned(),
        wrong: wrong.map(str::to_owned),
    };
    let options = Options { pace: pace.clone(), ..Options::default() };
    let again = || Ok(connect(server, "copy"));
    let (plan, mut client) = (plan(backfill), connect(server, "copy"));
    let start = Instant::now();
    underpin_executor::apply(&mut client, &again, &plan, &mut |_, _| Ok(None), &options, &Silent, &Cancel::new())
        .unwrap();
    start.elapsed()
}

fn plan(backfill: Backfill) -> Plan {
    let step = Step::new("s001", Run::Backfill, vec![backfill.whole()]);
    let step = Step { backfill: Some(backfill), ..step };
    let stage = Stage {
        phase: Phase::Backfill,
        gate: None,
        old_sides: Vec::new(),
        fingerprint: Fingerprint(String::new()),
        touches: BTreeSet::new(),
        batches: vec![Batch { transaction: false, steps: vec![step] }],
    };
    Plan {
        dialect: "postgres".to_owned(),
        server: String::new(),
        strategy: Strategy::Online,
        from: Fingerprint(String::new()),
        to: Fingerprint(String::new()),
        stages: vec![stage],
        diagnostics: Vec::new(),
    }
}

/// What an application feels that changes a row every 5 ms while `work` goes on, and how long that takes.
fn felt(server: &ScratchServer, work: impl FnOnce() -> Duration) -> (Duration, Vec<Duration>) {
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let application = scope.spawn(|| {
            let mut client = connect(server, "copy");
            let statement = client.prepare("UPDATE public.t SET name = name WHERE id = $1").unwrap();
            let (mut took, mut id) = (Vec::new(), 1_i64);
            while !over.load(Ordering::Relaxed) {
                id = (id * 7919 + 13) % i64::from(ROWS) + 1;
                let start = Instant::now();
                client.execute(&statement, &[&id]).unwrap();
                took.push(start.elapsed());
                thread::sleep(Duration::from_millis(5));
            }
            took
        });
        thread::sleep(Duration::from_millis(300));
        let worked = work();
        over.store(true, Ordering::Relaxed);
        (worked, application.join().unwrap())
    })
}

fn median<T: PartialOrd + Copy>(mut values: Vec<T>) -> T {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap());
    values[values.len() / 2]
}

fn latencies(mut took: Vec<Duration>) -> String {
    took.sort();
    let at = |part: usize| took[(took.len() * part / 1000).min(took.len() - 1)].as_secs_f64() * 1000.0;
    format!("median {:.1} ms, 99 % {:.1} ms, 99.9 % {:.1} ms, worst {:.1} ms", at(500), at(990), at(999), at(1000))
}

fn main() {
    let rounds: usize = std::env::args().nth(1).and_then(|r| r.parse().ok()).unwrap_or(3);
    let only = std::env::args().nth(2).unwrap_or_default();
    // As a server is set up that keeps what it is told.
    let settings = [("track_activities", "on"), ("fsync", "on"), ("synchronous_commit", "on"), ("autovacuum", "on")];
    let settings = settings.map(|(k, v)| (k.to_owned(), v.to_owned())).to_vec();
    let server = ScratchServer::start(&underpin_scratch::Options { settings, ..Default::default() }).unwrap();
    connect(&server, "postgres").batch_execute("CREATE DATABASE base").unwrap();
    // In random physical order, as a table is that has lived for a while.
    let make = format!(
        "CREATE TABLE public.t (id bigint PRIMARY KEY, name text, c int, c_new bigint);
         INSERT INTO public.t SELECT i, md5(i::text), i FROM generate_series(1, {ROWS}) i ORDER BY random()"
    );
    connect(&server, "base").batch_execute(&make).unwrap();
    connect(&server, "base").batch_execute("VACUUM ANALYZE public.t").unwrap();

    let of = |ms: u64| Pace { target: Duration::from_millis(ms), ..Pace::default() };
    let ways: Vec<(String, &[&str], Option<&str>, Pace)> = [10, 30, 90, 200]
        .map(|ms| (format!("along the key, {ms} ms a batch"), &["id"][..], None, of(ms)))
        .into_iter()
        .chain([
            ("along the key, with the check".to_owned(), &["id"][..], Some(WRONG), Pace::default()),
            ("along the pages".to_owned(), &[][..], None, Pace::default()),
        ])
        .collect();
    for (what, key, wrong, pace) in ways.iter().filter(|(what, ..)| what.contains(&only)) {
        let (mut rates, mut shares) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            fresh(&server);
            let one = plain(&server);
            fresh(&server);
            let filled = fill(&server, key, *wrong, pace);
            rates.push(f64::from(ROWS) / filled.as_secs_f64());
            shares.push(one.as_secs_f64() / filled.as_secs_f64());
        }
        println!("{what}: {:.0} rows/s, {:.2} of one UPDATE", median(rates), median(shares));
    }

    if !only.is_empty() && only != "feels" {
        return;
    }
    println!("\nWhat an application feels that changes a row every 5 ms:");
    fresh(&server);
    let (_, alone) = felt(&server, || {
        thread::sleep(Duration::from_secs(8));
        Duration::ZERO
    });
    println!("  nothing else: {}", latencies(alone));
    fresh(&server);
    let (took, took_each) = felt(&server, || plain(&server));
    println!("  one UPDATE ({:.1} s): {}", took.as_secs_f64(), latencies(took_each));
    let paces = [
        ("no rests, 90 ms a batch", Pace { busy_target: Duration::from_millis(90), rest: 0, ..Pace::default() }),
        ("no rests, 40 ms a batch", Pace { rest: 0, ..Pace::default() }),
        ("as usual", Pace::default()),
        ("as usual, 20 ms a batch", Pace { busy_target: Duration::from_millis(20), ..Pace::default() }),
        ("as usual, 10 ms a batch", Pace { busy_target: Duration::from_millis(10), ..Pace::default() }),
        ("rests of 200 %", Pace { rest: 200, ..Pace::default() }),
    ];
    for (what, pace) in &paces {
        fresh(&server);
        let (took, took_each) = felt(&server, || fill(&server, &["id"], None, pace));
        println!("  a backfill, {what} ({:.1} s): {}", took.as_secs_f64(), latencies(took_each));
    }
}
