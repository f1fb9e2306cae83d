//! Runs work in a session while the second session looks on.

use crate::guard::Guard;
use crate::{Blocker, BuildProgress, Cancel};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How often the flag that stops a run is looked at.
const TICK: Duration = Duration::from_millis(20);
/// How often a cancellation is repeated: the first may come between two statements.
const CANCEL_AGAIN: Duration = Duration::from_millis(250);
/// The most time between two looks at the server.
const RARELY: Duration = Duration::from_secs(1);

/// What is heard or seen while the work goes on.
pub(crate) enum Event {
    /// The step with this number in its batch begins.
    Started(usize),
    /// The session waits for these.
    Blocked(Vec<Blocker>),
    /// An index build goes on.
    Building(BuildProgress),
}

/// Tells from inside the work which step begins.
pub(crate) struct Teller(Sender<usize>);

impl Teller {
    /// The step with this number in its batch begins.
    pub(crate) fn started(&self, step: usize) {
        // Nobody listens only where the run is over.
        let _ = self.0.send(step);
    }
}

/// What to look at, and how soon.
pub(crate) struct Look {
    /// The session in which the work runs.
    pub(crate) pid: i32,
    /// When to look for the first time; then ever more rarely.
    pub(crate) first: Duration,
    /// Whether an index may be built.
    pub(crate) build: bool,
}

/// Runs `work` in a thread of its own. In this one, `hear` is told what happens, and the work's statement is cancelled
/// once `cancel` is set.
pub(crate) fn run<T: Send>(
    guard: &mut Guard<'_>,
    look: &Look,
    cancel: &Cancel,
    work: impl FnOnce(&Teller) -> T + Send,
    mut hear: impl FnMut(Event),
) -> T {
    thread::scope(|scope| {
        let (tell, told) = channel();
        // The sender goes when the work ends, which ends the loop.
        let worker = scope.spawn(move || work(&Teller(tell)));
        watch(guard, look, cancel, &told, &mut hear);
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn watch(guard: &mut Guard<'_>, look: &Look, cancel: &Cancel, told: &Receiver<usize>, hear: &mut impl FnMut(Event)) {
    let mut pause = look.first;
    let mut next_look = Instant::now() + pause;
    let mut cancelled: Option<Instant> = None;
    loop {
        match told.recv_timeout(TICK.min(look.first)) {
            Ok(step) => hear(Event::Started(step)),
            Err(RecvTimeoutError::Disconnected) => return,
            Err(RecvTimeoutError::Timeout) => {}
        }
        if cancel.is_cancelled() && cancelled.is_none_or(|at| at.elapsed() >= CANCEL_AGAIN) {
            guard.cancel(look.pid);
            cancelled = Some(Instant::now());
        }
        if Instant::now() >= next_look {
            let blockers = guard.blockers(look.pid);
            if !blockers.is_empty() {
                hear(Event::Blocked(blockers));
            }
            if look.build
                && let Some(progress) = guard.build_progress(look.pid)
            {
                hear(Event::Building(progress));
            }
            pause = (pause * 2).min(RARELY);
            next_look = Instant::now() + pause;
        }
    }
}
