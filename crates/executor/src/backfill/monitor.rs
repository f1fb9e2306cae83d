//! The second session's part in a walk: it looks how others fare, and says when to rest and when to wait.

use super::failure::Stop;
use super::pace::{Pace, STRAINED, Strain};
use crate::guard::Guard;
use crate::{BackfillProgress, Blocker, Cancel, Filling};
use postgres::{Client, Error};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How often the flag that stops a run is looked at, and who is in the way while somebody is.
const TICK: Duration = Duration::from_millis(20);
/// How often a cancellation is repeated.
const CANCEL_AGAIN: Duration = Duration::from_millis(250);
/// How often the server is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How often what follows the server's changes is looked at.
const LOOK_BEHIND: Duration = Duration::from_secs(1);
/// Trivial transactions before the walk.
const CALM: usize = 5;
/// A slot that may only keep so much more before it is lost (`max_slot_wal_keep_size`) is waited for, in bytes.
const SLOT_ROOM: i64 = 64 << 20;

/// What the two sessions' threads tell each other at any time.
#[derive(Debug, Default)]
pub(crate) struct Control {
    stopped: AtomicBool,
    paused: AtomicBool,
    busy: AtomicBool,
    rest: AtomicU32,
}

impl Control {
    /// Whether the walk is to end now.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }

    /// Whether the walk is to wait.
    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }

    /// Whether others work on the server.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed)
    }

    /// How long to rest after a batch, in percent of its time.
    pub(crate) fn rest(&self) -> u32 {
        self.rest.load(Ordering::Relaxed)
    }
}

/// What the walk tells.
pub(crate) enum Event {
    /// So many rows are walked; the part of the way, where it can be told.
    Walked { rows: u64, part: Option<f64> },
    /// This part of the table was looked through.
    Checked { part: Option<f64> },
    /// Others have a row of the batch.
    Stuck { attempt: u32 },
    /// No longer.
    Free,
}

/// What is told to whoever follows the run.
pub(crate) enum News {
    Progress(BackfillProgress),
    Blocked { attempt: u32, blockers: Vec<Blocker> },
}

/// The looks at the server.
pub(crate) struct Monitor<'m, 'g> {
    guard: &'m mut Guard<'g>,
    pace: &'m Pace,
    control: &'m Control,
    /// The session that walks.
    pid: i32,
    strain: Strain,
    /// How far each standby was behind before, by its process: some are meant to be.
    behind: BTreeMap<i32, f64>,
    slots: bool,
    /// Whether there is a standby of which this role may not see how far it is.
    blind: bool,
    /// About how many rows there are, and how many of them were walked by earlier runs.
    total: u64,
    before: u64,
}

/// What came of it, apart from what the walk itself found.
#[derive(Default)]
pub(crate) struct Watched {
    /// Why the walk was told to end.
    pub(crate) stop: Option<Stop>,
    /// Who was in the way last.
    pub(crate) blockers: Vec<Blocker>,
    /// How long the walk waited for standbys.
    pub(crate) waited: Duration,
    /// What a person should know.
    pub(crate) warning: Option<String>,
}

impl<'m, 'g> Monitor<'m, 'g> {
    /// Looks at the server before the walk begins.
    pub(crate) fn begin(
        guard: &'m mut Guard<'g>,
        pace: &'m Pace,
        control: &'m Control,
        pid: i32,
        total: u64,
        before: u64,
    ) -> Result<Self, Error> {
        let client = guard.client();
        let calm = (0..CALM).map(|_| trivial(client)).collect::<Result<Vec<_>, _>>()?;
        let row = client.query_one("SELECT current_setting('server_version_num')::int8 >= 130000", &[])?;
        let slots = row.try_get(0)?;
        let behind = standbys(client)?.into_iter().filter_map(|s| Some((s.pid, s.seconds?))).collect();
        let strain = Strain::new(calm);
        let mut monitor = Self { guard, pace, control, pid, strain, behind, slots, blind: false, total, before };
        monitor.look()?;
        Ok(monitor)
    }

    /// Looks on until the walk ends.
    pub(crate) fn watch(
        mut self,
        cancel: &Cancel,
        told: &Receiver<Event>,
        patience: Duration,
        mut hear: impl FnMut(News),
    ) -> Watched {
        let mut watched = Watched::default();
        let (start, mut next_look, mut next_behind) = (Instant::now(), Instant::now() + LOOK, Instant::now());
        let (mut cancelled, mut paused): (Option<Instant>, Option<Instant>) = (None, None);
        let mut stuck = None;
        loop {
            match told.recv_timeout(TICK) {
                Ok(Event::Walked { rows, part }) => {
                    stuck = None;
                    hear(News::Progress(self.progress(start, rows, part)));
                }
                Ok(Event::Checked { part }) => {
                    hear(News::Progress(BackfillProgress { part, ..self.of(Filling::Checking) }));
                }
                Ok(Event::Stuck { attempt }) => {
                    stuck = Some(attempt);
                    hear(News::Blocked { attempt, blockers: watched.blockers.clone() });
                }
                Ok(Event::Free) => stuck = None,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
            if cancel.is_cancelled() && cancelled.is_none_or(|at| at.elapsed() >= CANCEL_AGAIN) {
                self.guard.cancel(self.pid);
                cancelled = Some(Instant::now());
            }
            if stuck.is_some() {
                let blockers = self.guard.blockers(self.pid);
                watched.blockers = if blockers.is_empty() { watched.blockers } else { blockers };
            }
            if watched.stop.is_some() {
                continue;
            }
            let mut looked = Ok(None);
            if Instant::now() >= next_look {
                next_look = Instant::now() + LOOK;
                looked = self.look().map(|()| None);
            }
            if looked.is_ok() && Instant::now() >= next_behind {
                next_behind = Instant::now() + LOOK_BEHIND;
                looked = self.behind(&mut watched.warning).map(Some);
            }
            match looked {
                Err(error) => self.stop(&mut watched, Stop::GuardLost(error)),
                Ok(None) => {}
                Ok(Some(None)) => {
                    self.control.paused.store(false, Ordering::Relaxed);
                    watched.waited += paused.take().map(|at| at.elapsed()).unwrap_or_default();
                }
                Ok(Some(Some(what))) => {
                    self.control.paused.store(true, Ordering::Relaxed);
                    let waited = paused.get_or_insert_with(Instant::now).elapsed();
                    hear(News::Progress(self.of(Filling::Waiting(what.clone()))));
                    if waited >= patience {
                        self.stop(&mut watched, Stop::Behind { what, waited });
                    }
                }
            }
        }
        watched.waited += paused.map(|at| at.elapsed()).unwrap_or_default();
        watched
    }

    fn stop(&self, watched: &mut Watched, why: Stop) {
        self.control.stopped.store(true, Ordering::Relaxed);
        watched.stop = Some(why);
    }

    /// Looks whether others work here, and how long a trivial transaction takes now.
    fn look(&mut self) -> Result<(), Error> {
        let client = self.guard.client();
        let busy = others_work(client, self.pid)?;
        self.strain.felt(trivial(client)?);
        self.control.busy.store(busy, Ordering::Relaxed);
        let rest = if busy { self.strain.rest(self.pace.rest) } else { 0 };
        self.control.rest.store(if self.blind { rest.max(STRAINED) } else { rest }, Ordering::Relaxed);
        Ok(())
    }

    /// What is too far behind to go on; none where nothing is.
    fn behind(&mut self, warning: &mut Option<String>) -> Result<Option<String>, Error> {
        let client = self.guard.client();
        for standby in standbys(client)? {
            if standby.hidden {
                // Nobody can say how far it is: the walk goes on with rests, and says so.
                self.blind = true;
                warning.get_or_insert_with(|| {
                    format!(
                        "this role may not see how far the standby {} is behind, so rows were filled without regard to \
                         it. GRANT pg_monitor to the role to have the walk wait for standbys.",
                        standby.name
                    )
                });
            }
            let usual = self.behind.get(&standby.pid).copied().unwrap_or(0.0);
            let limit = usual + self.pace.lag.as_secs_f64();
            if let Some(seconds) = standby.seconds.filter(|s| *s > limit) {
                return Ok(Some(format!("the standby {} is {seconds:.0} s behind", standby.name)));
            }
        }
        if !self.slots {
            return Ok(None);
        }
        let slot = client.query_opt(
            "SELECT slot_name::text FROM pg_replication_slots WHERE active AND safe_wal_size < $1 LIMIT 1",
            &[&SLOT_ROOM],
        )?;
        let name: Option<String> = slot.map(|s| s.try_get(0)).transpose()?;
        Ok(name.map(|name| format!("the replication slot {name} is about to be lost (max_slot_wal_keep_size)")))
    }

    fn of(&self, doing: Filling) -> BackfillProgress {
        BackfillProgress { doing, rows: 0, total: self.total, part: None, per_second: 0.0, left: None }
    }

    /// How far it is, how fast this run goes, and how long it will take at that.
    // Numbers of rows are told roughly.
    #[allow(clippy::cast_precision_loss)]
    fn progress(&self, start: Instant, rows: u64, part: Option<f64>) -> BackfillProgress {
        let seconds = start.elapsed().as_secs_f64().max(0.001);
        let per_second = rows.saturating_sub(self.before) as f64 / seconds;
        let part = part.or_else(|| (self.total > 0).then(|| rows as f64 / self.total as f64)).map(|p| p.min(1.0));
        let rest = self.total.saturating_sub(rows) as f64;
        let left = (self.total > 0 && per_second > 0.0).then(|| rest / per_second);
        let left = left.and_then(|s| Duration::try_from_secs_f64(s).ok());
        BackfillProgress { rows, part, per_second, left, ..self.of(Filling::Rows) }
    }
}

/// How long a transaction takes that does next to nothing, up to its commit on disk: what an application's statement takes
/// at least. A transaction with an id has something to commit.
fn trivial(client: &mut Client) -> Result<Duration, Error> {
    let start = Instant::now();
    client.batch_execute("SELECT txid_current()")?;
    Ok(start.elapsed())
}

/// Whether other sessions work in this database now or did within the last second. Of those that this role may not look
/// at it is believed. Processes of the server (without a role) and those that send its changes to others do not count.
fn others_work(client: &mut Client, pid: i32) -> Result<bool, Error> {
    let row = client.query_one(
        "SELECT EXISTS (SELECT FROM pg_stat_activity a
                         WHERE a.datname = current_database() AND a.pid NOT IN ($1, pg_backend_pid())
                           AND a.usesysid IS NOT NULL
                           AND coalesce(a.backend_type, 'client backend') NOT IN ('parallel worker', 'walsender')
                           AND NOT EXISTS (SELECT FROM pg_stat_replication r WHERE r.pid = a.pid)
                           AND (a.state IS NULL OR a.state NOT IN ('idle', 'idle in transaction')
                                OR a.state_change > clock_timestamp() - interval '1 s'))",
        &[&pid],
    )?;
    row.try_get(0)
}

/// A standby, or another program that follows the server's changes.
struct Standby {
    pid: i32,
    name: String,
    /// How far it is behind in what it has replayed; none where it has nothing to replay.
    seconds: Option<f64>,
    /// Whether this role may not see it.
    hidden: bool,
}

fn standbys(client: &mut Client) -> Result<Vec<Standby>, Error> {
    let rows = client.query(
        "SELECT pid, coalesce(nullif(application_name, ''), client_addr::text, 'pid ' || pid),
                extract(epoch FROM replay_lag)::float8, state IS NULL
           FROM pg_stat_replication WHERE state IS NULL OR state IN ('streaming', 'catchup') ORDER BY pid",
        &[],
    )?;
    rows.iter()
        .map(|r| Ok(Standby { pid: r.try_get(0)?, name: r.try_get(1)?, seconds: r.try_get(2)?, hidden: r.try_get(3)? }))
        .collect()
}
