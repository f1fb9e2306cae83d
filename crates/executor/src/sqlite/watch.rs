//! Work that takes long: told while it goes on, and stopped where a person asks for it.
//!
//! SQLite does it in a thread of its own, so that the caller's thread can tell how it goes. SQLite's progress handler
//! counts the instructions that its virtual machine has run, and EXPLAIN says how many of them a row takes: the lengths of
//! the program's loops.

use super::statement::whole;
use crate::{Cancel, CopyProgress, Copying, Progress};
use rusqlite::{Connection, Result};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use underpin_model::Step;

/// How many instructions there are between two calls of the progress handler: about 0.1 ms.
const INSTRUCTIONS: i32 = 4000;
/// How often it is told how work goes on.
const TELL: Duration = Duration::from_millis(100);

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) doing: Copying,
    /// How many rows it goes over; 0 where nobody knows.
    pub(super) rows: u64,
    /// How many instructions a row takes; 0 where nobody knows.
    pub(super) per_row: u64,
}

impl Load {
    /// Work of which only the kind is known.
    pub(super) fn unknown(doing: Copying) -> Self {
        Self { doing, rows: 0, per_row: 0 }
    }

    /// How far it is after so many instructions and so much time.
    fn progress(self, instructions: u64, time: Duration) -> CopyProgress {
        let Self { doing, rows: total, per_row } = self;
        let walked = instructions.checked_div(per_row).unwrap_or(0);
        // What a row takes differs a little from row to row.
        let rows = walked.min(total);
        let part = (per_row > 0 && total > 0).then(|| rows as f64 / total as f64);
        let left = part.filter(|p| *p > 0.0).and_then(|p| {
            let seconds = time.as_secs_f64() * (1.0 - p) / p;
            Duration::try_from_secs_f64(seconds).ok()
        });
        CopyProgress { doing, rows, total, part, left }
    }
}

/// Watches the work of one connection.
pub(super) struct Watch<'a> {
    progress: &'a dyn Progress,
    cancel: &'a Cancel,
    instructions: Arc<AtomicU64>,
}

impl<'a> Watch<'a> {
    /// Sets the connection's progress handler.
    pub(super) fn new(connection: &mut Connection, progress: &'a dyn Progress, cancel: &'a Cancel) -> Result<Self> {
        let instructions = Arc::new(AtomicU64::new(0));
        let (count, stop) = (Arc::clone(&instructions), cancel.clone());
        let handler = move || {
            count.fetch_add(INSTRUCTIONS.unsigned_abs().into(), Ordering::Relaxed);
            stop.is_cancelled()
        };
        connection.progress_handler(INSTRUCTIONS, Some(handler))?;
        Ok(Self { progress, cancel, instructions })
    }

    /// Takes the progress handler away: what is begun now goes on to its end.
    pub(super) fn end(connection: &mut Connection) -> Result<()> {
        connection.progress_handler(0, None::<fn() -> bool>)
    }

    /// Does `work`, and tells how it goes.
    pub(super) fn run<T: Send>(
        &self,
        connection: &mut Connection,
        step: &Step,
        load: Load,
        work: impl FnOnce(&mut Connection) -> T + Send,
    ) -> T {
        self.instructions.store(0, Ordering::Relaxed);
        let interrupt = connection.get_interrupt_handle();
        std::thread::scope(|scope| {
            let (done, ended) = channel();
            let worker = scope.spawn(move || {
                let result = work(connection);
                // Nobody listens where this thread has panicked.
                let _ = done.send(());
                result
            });
            let start = Instant::now();
            while ended.recv_timeout(TELL) == Err(RecvTimeoutError::Timeout) {
                if self.cancel.is_cancelled() {
                    // Some work, such as a checkpoint, looks for this alone.
                    interrupt.interrupt();
                }
                let progress = load.progress(self.instructions.load(Ordering::Relaxed), start.elapsed());
                self.progress.copy_progress(step, &progress);
            }
            worker.join().unwrap_or_else(|panic| resume_unwind(panic))
        })
    }
}

/// How many instructions a statement takes for each row that it goes over: the loops of its program, one after the other,
/// without those within them. 0 where it has none, or cannot be explained.
pub(super) fn per_row(connection: &Connection, sql: &str) -> u64 {
    let explain = || -> Result<Vec<(u64, String, u64)>> {
        let mut program = connection.prepare(&format!("EXPLAIN {sql}"))?;
        let rows = program.query_map([], |row| Ok((whole(row, 0)?, row.get(1)?, whole(row, 3)?)))?;
        rows.collect()
    };
    // What cannot be explained cannot be run either, and says so then.
    loops(&explain().unwrap_or_default())
}

/// The sum of the lengths of the outer loops of a program, whose lines are number, operation, and where it jumps to.
fn loops(program: &[(u64, String, u64)]) -> u64 {
    let back = |(at, operation, to): &(u64, String, u64)| {
        let jumps = matches!(operation.as_str(), "Next" | "Prev" | "SorterNext" | "Goto" | "VNext" | "DecrJumpZero");
        (jumps && to < at).then_some((*to, *at))
    };
    // A program begins with a jump to where it gets ready, and ends with one to where it begins its work.
    let is_start = |to: u64| to <= 1;
    let mut found: Vec<(u64, u64)> = program.iter().filter_map(back).filter(|(to, _)| !is_start(*to)).collect();
    found.sort_unstable_by_key(|(from, to)| (*from, u64::MAX - to));
    let (mut sum, mut end) = (0, 0);
    for (from, to) in found {
        if from >= end {
            sum += to - from + 1;
            end = to;
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Silent;
    use std::cell::RefCell;
    use underpin_model::Run;

    fn database(rows: u32) -> Connection {
        let connection = Connection::open_in_memory().unwrap();
        connection
            .execute_batch(&format!(
                "CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c);
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
                 INSERT INTO t SELECT i, 'text ' || i, i % 7, i * 1.5 FROM n;
                 CREATE TABLE n (id INTEGER PRIMARY KEY, a NOT NULL, b CHECK (b < 100), c);"
            ))
            .unwrap();
        connection
    }

    #[test]
    fn the_rows_follow_from_the_instructions() {
        const ROWS: u64 = 20_000;
        for sql in [
            "INSERT INTO n (id, a, b, c) SELECT id, a, b, c FROM t",
            "INSERT INTO n (id, a, b, c) SELECT id, coalesce(a, ''), b + 1, c FROM t",
            "CREATE INDEX i ON t (a, b)",
            "UPDATE t SET c = 2 * c",
            // How both sides take turns is in no loop.
            "SELECT id, a FROM t EXCEPT SELECT id, a FROM t",
        ] {
            let mut connection = database(20_000);
            let per_row = per_row(&connection, sql);
            let cancel = Cancel::new();
            let watch = Watch::new(&mut connection, &Silent, &cancel).unwrap();
            let mut statement = connection.prepare(sql).unwrap();
            let mut rows = statement.raw_query();
            while rows.next().unwrap().is_some() {}
            let rows = watch.instructions.load(Ordering::Relaxed) / per_row;
            let off = rows.abs_diff(ROWS) as f64 / ROWS as f64;
            assert!(off < 0.4, "{sql}: {rows} rows, at {per_row} instructions each");
        }
    }

    #[test]
    fn a_statement_without_a_loop_has_no_rows() {
        let connection = database(1);
        assert_eq!(per_row(&connection, "CREATE TABLE x (a)"), 0);
        assert_eq!(per_row(&connection, "no statement"), 0);
        let load = Load { doing: Copying::Rows, rows: 100, per_row: 10 };
        let progress = load.progress(250, Duration::from_secs(1));
        assert_eq!((progress.rows, progress.part, progress.left), (25, Some(0.25), Some(Duration::from_secs(3))));
        assert_eq!(load.progress(5000, Duration::from_secs(1)).part, Some(1.0));
        let unknown = Load::unknown(Copying::Rows).progress(5000, Duration::from_secs(1));
        assert_eq!((unknown.part, unknown.left), (None, None));
    }

    /// Stops the work as soon as it is told of it.
    struct Stopper(Cancel, RefCell<Vec<CopyProgress>>);

    impl Progress for Stopper {
        fn copy_progress(&self, _step: &Step, progress: &CopyProgress) {
            self.1.borrow_mut().push(progress.clone());
            self.0.cancel();
        }
    }

    #[test]
    fn work_is_told_and_stopped() {
        let mut connection = database(1);
        let cancel = Cancel::new();
        let stopper = Stopper(cancel.clone(), RefCell::default());
        let watch = Watch::new(&mut connection, &stopper, &cancel).unwrap();
        let step = Step::new("s001", Run::Sql, Vec::new());
        let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        let load = Load { doing: Copying::Rows, rows: 10, per_row: 1 };
        let start = Instant::now();
        let result = watch.run(&mut connection, &step, load, |c| c.query_row(endless, [], |_| Ok(())));
        assert_eq!(result.unwrap_err().sqlite_error_code(), Some(rusqlite::ErrorCode::OperationInterrupted));
        assert!(start.elapsed() < Duration::from_secs(5));
        assert_eq!(stopper.1.borrow()[0].rows, 10);
        Watch::end(&mut connection).unwrap();
        assert_eq!(connection.query_row("SELECT 7", [], |row| row.get::<_, i64>(0)), Ok(7));
    }
}
