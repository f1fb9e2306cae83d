//! Progress on a terminal: a bar over the steps, with what is waited for.

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use std::time::Duration;
use underpin_connect::LockHolder;
use underpin_executor::{
    BackfillProgress, Blocker, BuildProgress, CopyProgress, Copying, FileWait, Filling, Outcome, Progress,
};
use underpin_model::Step;

/// A bar on stderr; indicatif draws nothing where that is no terminal.
pub struct Bar(ProgressBar);

impl Bar {
    /// A bar that is not yet drawn.
    pub fn new(quiet: bool) -> Self {
        Self(if quiet { ProgressBar::hidden() } else { ProgressBar::no_length() })
    }
}

fn head(step: &Step) -> String {
    step.changes.first().cloned().unwrap_or_else(|| step.id.clone())
}

/// How far work on a SQLite file is, in words.
fn copying(progress: &CopyProgress) -> String {
    let CopyProgress { doing, rows, total, part, left } = progress;
    let doing = match doing {
        Copying::Rows => "copying rows",
        Copying::Comparing => "comparing the copy",
        Copying::Index => "building an index",
        Copying::Statement => "running",
        Copying::References => "looking at foreign keys",
        Copying::Committing => "committing",
        Copying::Checkpoint => "committed; bringing the log into the file",
    };
    let Some(part) = part else { return doing.to_owned() };
    let left = left.map_or_else(String::new, |l| format!(", {} left", HumanDuration(l)));
    format!("{doing} {:.0} % ({rows} of {total} rows{left})", part * 100.0)
}

fn listed(blockers: &[Blocker]) -> String {
    blockers.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Progress for Bar {
    fn plan_started(&self, steps: usize) {
        self.0.set_length(u64::try_from(steps).unwrap_or(u64::MAX));
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {elapsed} {wide_msg}") {
            self.0.set_style(style);
        }
        self.0.enable_steady_tick(Duration::from_millis(200));
    }

    fn step_started(&self, step: &Step, attempt: u32) {
        let again = if attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
        self.0.set_message(format!("{}{again}", head(step)));
    }

    fn blocked(&self, step: &Step, blockers: &[Blocker]) {
        self.0.set_message(format!("{}: waits for {}", head(step), listed(blockers)));
    }

    fn waiting_for_lock(&self, step: &Step, blockers: &[Blocker], attempt: u32, next: Duration) {
        let line = format!(
            "{}: attempt {attempt} did not get its lock; again in {} ms. In the way: {}",
            step.id,
            next.as_millis(),
            listed(blockers)
        );
        self.0.set_message(line);
    }

    fn build_progress(&self, step: &Step, progress: &BuildProgress) {
        let done = progress.done.map_or_else(String::new, |d| format!(" {:.0} %", d * 100.0));
        let waits = progress.waits_for.as_ref().map_or_else(String::new, |b| format!("; waits for {b}"));
        self.0.set_message(format!("{}: {}{done}{waits}", head(step), progress.phase));
    }

    fn backfill_progress(&self, step: &Step, progress: &BackfillProgress) {
        let BackfillProgress { doing, rows, total: _, part, per_second, left } = progress;
        let part = part.map_or_else(String::new, |p| format!(" {:.0} %", p * 100.0));
        let doing = match doing {
            Filling::Rows => {
                let left = left.map_or_else(String::new, |l| format!(", {} left", HumanDuration(l)));
                format!("{part} ({rows} rows, {per_second:.0} a second{left})")
            }
            Filling::Checking => format!("looking whether all is right{part}"),
            Filling::Waiting(what) => format!("waiting: {what}"),
        };
        self.0.set_message(format!("{}: {}", head(step), doing.trim_start()));
    }

    fn file_locked(&self, step: &Step, waits: FileWait, holders: &[LockHolder], waited: Duration) {
        let holders: Vec<String> = holders.iter().map(ToString::to_string).collect();
        let who = if holders.is_empty() { "another program".to_owned() } else { holders.join("; ") };
        let what = match waits {
            FileWait::Begin | FileWait::Statement => "waits to write",
            FileWait::Commit => "waits to commit",
        };
        self.0.set_message(format!("{}: {what} for {} s; in the way: {who}", head(step), waited.as_secs()));
    }

    fn copy_progress(&self, step: &Step, progress: &CopyProgress) {
        self.0.set_message(format!("{}: {}", head(step), copying(progress)));
    }

    fn step_done(&self, _step: &Step) {
        self.0.inc(1);
    }

    fn finished(&self, _outcome: &Outcome) {
        self.0.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_on_a_file_is_told_as_far_as_it_is_known() {
        let mut progress = CopyProgress {
            doing: Copying::Rows,
            rows: 400_000,
            total: 1_000_000,
            part: Some(0.4),
            left: Some(Duration::from_secs(3)),
        };
        assert_eq!(copying(&progress), "copying rows 40 % (400000 of 1000000 rows, 3 seconds left)");
        progress.doing = Copying::Committing;
        progress.part = None;
        assert_eq!(copying(&progress), "committing");
    }
}
