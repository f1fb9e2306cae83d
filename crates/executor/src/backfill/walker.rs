//! The session that walks: batch after batch, from the place that is kept to the end.

use super::batch::{self, Batch, Done};
use super::bounds::Place;
use super::failure::Stop;
use super::monitor::{Control, Event};
use super::pace::{Pace, Size};
use super::store::{Kept, Store};
use super::table::{Table, Way, pages_sql};
use crate::Cancel;
use postgres::Client;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};
use underpin_model::Backfill;

/// The size of the first batch: small, as nothing is known yet of how long a row takes.
const FIRST_ROWS: u64 = 1000;
const FIRST_PAGES: u64 = 16;
/// The most pages of a batch.
const MOST_PAGES: u64 = 4096;
/// How long a batch of many rows may wait for one that somebody has changed, and how long one of a single row, which keeps
/// nobody waiting meanwhile.
const LOCK_MS: u64 = 100;
const SINGLE_LOCK_MS: u64 = 500;
/// How often a walk along pages is begun anew before it is given up: each time the table was written anew.
const REWRITES: u32 = 10;

/// A walk under way.
pub(crate) struct Walker<'a> {
    pub(crate) backfill: &'a Backfill,
    pub(crate) table: &'a Table,
    pub(crate) store: &'a Store,
    pub(crate) pace: &'a Pace,
    pub(crate) control: &'a Control,
    pub(crate) cancel: &'a Cancel,
    pub(crate) tell: Sender<Event>,
    /// For how long one batch is tried while others have its rows.
    pub(crate) budget: Duration,
    /// The server's `deadlock_timeout` in milliseconds: who waits for less is never in a deadlock that kills another.
    pub(crate) deadlock_ms: u64,
    /// The statement that makes sure that no other run has taken over.
    pub(crate) look: Option<&'a str>,
    pub(crate) kept: Kept,
}

/// How a walk to a place ended.
enum Ended {
    Done,
    /// The table was written anew, so that its rows are on other pages.
    Moved,
}

impl Walker<'_> {
    /// Walks to the end.
    pub(crate) fn walk(&mut self, client: &mut Client) -> Result<(), Stop> {
        for _ in 0..REWRITES {
            let Some(end) = self.kept.end.clone() else { return Ok(()) };
            match self.along(client, &end)? {
                Ended::Done => return Ok(()),
                Ended::Moved => self.begin(client)?,
            }
        }
        let what = format!("{} is written anew again and again, as by VACUUM FULL", self.table.name);
        Err(Stop::Behind { what, waited: Duration::ZERO })
    }

    /// Begins at the beginning, with the end that the table has now.
    pub(crate) fn begin(&mut self, client: &mut Client) -> Result<(), Stop> {
        let end = self.table.end(client).map_err(Stop::server("looking for the last row"))?;
        let (end, files) = end.map_or((None, String::new()), |(end, files)| (Some(end), files));
        self.kept = Kept { end, files, ..Kept::default() };
        self.store
            .begin(client, self.backfill, self.table, &self.kept)
            .map_err(Stop::server("keeping the place of the walk"))
    }

    fn along(&mut self, client: &mut Client, end: &Place) -> Result<Ended, Stop> {
        let mut size = match self.table.way {
            Way::Keys(_) => Size::new(FIRST_ROWS, self.pace.most),
            Way::Pages => Size::new(FIRST_PAGES, MOST_PAGES.min(self.pace.most)),
        };
        let ask = match self.table.way {
            Way::Keys(_) => None,
            Way::Pages => Some(pages_sql(&self.table.name)),
        };
        let mut trouble = Trouble::default();
        let mut known: Option<(Place, Option<u64>)> = None;
        while self.kept.last.as_ref() != Some(end) {
            self.may_go_on()?;
            let last = self.kept.last.clone();
            let (to, rows) = match known.take() {
                Some(next) => next,
                None => self
                    .table
                    .next(client, last.as_ref(), end, size.now())
                    .map_err(Stop::server("looking for the end of a batch"))?,
            };
            let statement = self.statement(&self.table.condition(last.as_ref(), &to));
            let place = self.store.place(&to, self.kept.walked + rows.unwrap_or(0), self.kept.changed);
            let wanted = size.now();
            let ahead = self.table.ahead(&to, end, wanted);
            let batch = Batch {
                statement: &statement,
                lock_ms: self.lock_ms(wanted == 1),
                place: place.as_deref(),
                look: self.look,
                ask: ask.as_deref(),
                ahead: ahead.as_deref(),
            };
            let began = Instant::now();
            let Some(done) = self.attempt(client, &batch, &mut trouble)? else {
                size.halve();
                continue;
            };
            let took = began.elapsed();
            if done.answer.as_ref().is_some_and(|files| *files != self.kept.files) {
                return Ok(Ended::Moved);
            }
            let target = if self.control.is_busy() { self.pace.busy_target } else { self.pace.target };
            size.took(rows, took, target);
            // One of another size is asked for anew.
            if ahead.is_some() && size.is_about(wanted) {
                known = Some(done.ahead.clone().map_or_else(|| (end.clone(), None), |place| (place, Some(wanted))));
            }
            self.advance(to, end, rows, &done);
            self.rest(took);
        }
        Ok(Ended::Done)
    }

    fn advance(&mut self, to: Place, end: &Place, rows: Option<u64>, done: &Done) {
        let part = self.table.part(Some(&to), end);
        self.kept.walked = match part {
            // Between 0 and the number of rows.
            #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Some(part) => (self.table.rows as f64 * part) as u64,
            None => self.kept.walked + rows.unwrap_or(done.changed),
        };
        self.kept.changed += done.changed;
        self.kept.last = Some(to);
        // Nobody listens only where the run is over.
        let _ = self.tell.send(Event::Walked { rows: self.kept.walked, part });
    }

    /// The statement for the rows of a condition.
    pub(crate) fn statement(&self, condition: &str) -> String {
        self.backfill.statement.replace(Backfill::RANGE, &format!("({condition})"))
    }

    /// How long a batch may wait for a row, in milliseconds.
    pub(crate) fn lock_ms(&self, single: bool) -> u64 {
        if single { SINGLE_LOCK_MS } else { LOCK_MS }.min((self.deadlock_ms / 2).max(1))
    }

    /// Runs a batch; none where others had its rows, and it is to be tried again.
    pub(crate) fn attempt(
        &mut self,
        client: &mut Client,
        batch: &Batch<'_>,
        trouble: &mut Trouble,
    ) -> Result<Option<Done>, Stop> {
        match batch::run(client, batch) {
            Ok(done) if done.replaced => Err(Stop::Replaced),
            Ok(done) => {
                if trouble.attempts > 0 {
                    let _ = self.tell.send(Event::Free);
                }
                *trouble = Trouble::default();
                Ok(Some(done))
            }
            Err(error) if batch::is_about_locks(&error) => {
                let since = *trouble.since.get_or_insert_with(Instant::now);
                trouble.attempts += 1;
                if since.elapsed() >= self.budget {
                    return Err(Stop::Locks { attempts: trouble.attempts, waited: since.elapsed() });
                }
                let _ = self.tell.send(Event::Stuck { attempt: trouble.attempts });
                // Those who wait for our rows go first.
                self.cancel.sleep(Duration::from_millis(20 * u64::from(trouble.attempts.min(10))));
                Ok(None)
            }
            Err(error) => Err(Stop::server(batch.statement)(error)),
        }
    }

    /// Waits while it is to; stops where a person asked for it, or where a second run would not be kept out.
    pub(crate) fn may_go_on(&self) -> Result<(), Stop> {
        loop {
            if self.cancel.is_cancelled() || self.control.is_stopped() {
                return Err(Stop::Cancelled);
            }
            if !self.control.is_paused() {
                return Ok(());
            }
            self.cancel.sleep(Duration::from_millis(50));
        }
    }

    /// Leaves the server to others for a share of the time that a batch took.
    pub(crate) fn rest(&self, took: Duration) {
        let rest = took * self.control.rest() / 100;
        if !rest.is_zero() {
            self.cancel.sleep(rest);
        }
    }
}

/// For how long others have been in the way.
#[derive(Default)]
pub(crate) struct Trouble {
    since: Option<Instant>,
    attempts: u32,
}
