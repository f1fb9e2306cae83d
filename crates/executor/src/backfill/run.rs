//! A walk from its beginning, or from the place where an earlier run stopped, to the check at its end.

use super::failure::Stop;
use super::monitor::{Control, Monitor, News, Watched};
use super::store::Store;
use super::table::Table;
use super::walker::Walker;
use crate::guard::Guard;
use crate::{Blocker, Cancel, Options, Progress};
use postgres::Client;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;
use underpin_model::{Backfill, Step};

/// What a walk is given.
pub(crate) struct Fill<'a> {
    pub(crate) step: &'a Step,
    pub(crate) backfill: &'a Backfill,
    /// The session that walks.
    pub(crate) pid: i32,
    /// The statement that makes sure that no other run has taken over.
    pub(crate) look: Option<&'a str>,
    pub(crate) options: &'a Options,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) cancel: &'a Cancel,
}

/// What a walk did.
#[derive(Default)]
pub(crate) struct Filled {
    /// Why it did not come to its end.
    pub(crate) stop: Option<Stop>,
    /// What a person should know.
    pub(crate) warnings: Vec<String>,
    /// Who was in the way last.
    pub(crate) blockers: Vec<Blocker>,
    /// How long it waited for others.
    pub(crate) waited: Duration,
    /// About how many rows are walked, in words; none where the next run begins anew.
    pub(crate) reached: Option<String>,
}

/// Walks, and checks.
pub(crate) fn run(client: &mut Client, guard: &mut Guard<'_>, fill: &Fill<'_>) -> Filled {
    let mut filled = Filled::default();
    if let Err(stop) = walk(client, guard, fill, &mut filled) {
        filled.stop = Some(stop);
    }
    filled
}

fn walk(client: &mut Client, guard: &mut Guard<'_>, fill: &Fill<'_>, filled: &mut Filled) -> Result<(), Stop> {
    let Fill { step, backfill, pid, look, options, progress, cancel } = *fill;
    let whole = backfill.whole();
    // Where the table is not there, the statement says so in the server's words.
    let Some(table) = Table::read(client, backfill).map_err(Stop::server("reading about the table"))? else {
        return client.batch_execute(&whole).map_err(Stop::server(&whole));
    };
    let (opened, warning) = Store::open(client, backfill).map_err(Stop::server("making underpin.backfill"))?;
    let store = &opened;
    filled.warnings.extend(warning);
    let deadlock_ms = deadlock_timeout(client).map_err(Stop::server("asking for deadlock_timeout"))?;
    let control = Control::default();
    let (tell, told) = channel();
    let mut walker = Walker {
        backfill,
        table: &table,
        store,
        pace: &options.pace,
        control: &control,
        cancel,
        tell,
        budget: options.lock_budget,
        deadlock_ms,
        look,
        kept: Default::default(),
    };
    let kept = store.load(client, &table).map_err(Stop::server("reading underpin.backfill"))?;
    let here = table.end(client).map_err(Stop::server("looking for the last row"))?;
    let files = here.map(|(_, files)| files).unwrap_or_default();
    match kept {
        // A table that was written anew since then has its rows on other pages; a key's values stay what they are.
        Some(kept) if kept.files == files || kept.finished => walker.kept = kept,
        _ => walker.begin(client)?,
    }
    let finished = walker.kept.finished;
    let patience = options.lock_budget;
    let monitor =
        Monitor::begin(guard, &options.pace, &control, pid, table.rows, walker.kept.walked).map_err(Stop::GuardLost)?;
    let (result, reached, watched) = thread::scope(|scope| {
        // The sender goes with the walker when it ends, which ends the watch.
        let worker = scope.spawn(move || {
            let walked = if finished { Ok(()) } else { walker.walk(client) };
            let result = walked.and_then(|()| walker.check(client)).and_then(|()| {
                let finish = store.finish(client, walker.kept.walked, walker.kept.changed);
                finish.map_err(Stop::server("writing to underpin.backfill that the walk is done"))
            });
            let reached = store.keeps().then_some(walker.kept.walked);
            (result, reached)
        });
        let watched = monitor.watch(cancel, &told, patience, |news| match news {
            News::Progress(news) => progress.backfill_progress(step, &news),
            News::Blocked { attempt, blockers } => {
                progress.waiting_for_lock(step, &blockers, attempt, Duration::from_millis(20));
            }
        });
        let (result, reached) = worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (result, reached, watched)
    });
    let Watched { stop, blockers, waited, warning } = watched;
    filled.warnings.extend(warning);
    filled.blockers = blockers;
    filled.waited = waited;
    filled.reached = reached.filter(|rows| *rows > 0).map(|rows| {
        format!("about {rows} of {} rows of {} are walked; the next run goes on behind them", table.rows, table.name)
    });
    match (result, stop) {
        (Err(Stop::Cancelled), Some(stop)) => Err(stop),
        (result, _) => result,
    }
}

fn deadlock_timeout(client: &mut Client) -> Result<u64, postgres::Error> {
    let row = client.query_one("SELECT setting::int8 FROM pg_settings WHERE name = 'deadlock_timeout'", &[])?;
    row.try_get::<_, i64>(0).map(|ms| u64::try_from(ms).unwrap_or(1000))
}
