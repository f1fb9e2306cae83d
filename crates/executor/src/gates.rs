//! What must be quiet before a stage behind a gate: the old application.

use crate::Left;
use postgres::{Client, Error};
use std::fmt;
use std::time::Duration;
use underpin_model::Stage;

/// When a stage behind a gate may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gates {
    /// For how long nothing must have been written through the old side. 60 s.
    pub drain: Duration,
    /// Patterns of `application_name` (`*` is any text, `?` any character) by which the old application is known: none of
    /// its sessions may be there.
    pub old_apps: Vec<String>,
    /// Somebody has looked: nothing is asked.
    pub confirmed: bool,
}

impl Default for Gates {
    fn default() -> Self {
        Self { drain: Duration::from_secs(60), old_apps: Vec::new(), confirmed: false }
    }
}

/// The old application is still there.
#[derive(Debug)]
pub struct GateClosed {
    /// What must be true before the stage begins.
    pub gate: String,
    /// What was seen of the old application, each in a sentence.
    pub seen: Vec<String>,
    /// For how long nothing must be written through the old side.
    pub drain: Duration,
    /// What the run leaves.
    pub left: Left,
}

impl fmt::Display for GateClosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the old application is still at work, so that the next stage was not begun")?;
        write!(f, "\n  before it: {}", self.gate)?;
        for seen in &self.seen {
            write!(f, "\n  seen: {seen}")?;
        }
        write!(
            f,
            "\nThe stage takes away what the old application uses, and its statements would fail. End it, wait until \
             nothing was written through the old side for {} s (--drain), then run again. Where what was seen is not the \
             old application, --confirm-gate says that somebody has looked. {}",
            self.drain.as_secs(),
            self.left
        )
    }
}

/// How many sessions a message names.
const SHOWN: usize = 5;

/// What is seen of the old application before `stage`, each in a sentence. `own` are the sessions of the run.
pub(crate) fn seen(client: &mut Client, stage: &Stage, gates: &Gates, own: &[i32]) -> Result<Vec<String>, Error> {
    let mut seen = Vec::new();
    for side in &stage.old_sides {
        if let Some(age) = last_write(client, &side.sequence)?.filter(|age| *age < gates.drain.as_secs_f64()) {
            seen.push(format!("{}: the last write through the old side was {age:.0} s ago", side.what));
        }
    }
    let patterns: Vec<String> = gates.old_apps.iter().map(|glob| like(glob)).collect();
    if !patterns.is_empty() {
        let rows = client.query(
            "SELECT format('pid %s (user %s, application \"%s\"%s), connected since %s', pid, usename, application_name,
                           ', ' || state, to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS TZ'))
               FROM pg_stat_activity
              WHERE datname = current_database() AND pid <> ALL ($2) AND application_name LIKE ANY ($1)
              ORDER BY backend_start, pid",
            &[&patterns, &own],
        )?;
        let all: Vec<String> = rows.iter().map(|r| r.try_get(0)).collect::<Result<_, _>>()?;
        let more = all.len().saturating_sub(SHOWN);
        seen.extend(all.into_iter().take(SHOWN));
        if more > 0 {
            seen.push(format!("and {more} more sessions"));
        }
    }
    Ok(seen)
}

/// How many seconds ago the sequence was last set to the time, by the server's clock; none where it never was, or is gone
/// with all else of the old side.
pub(crate) fn last_write(client: &mut Client, sequence: &str) -> Result<Option<f64>, Error> {
    let there = client.query_one("SELECT to_regclass($1) IS NOT NULL", &[&sequence])?;
    if !there.try_get::<_, bool>(0)? {
        return Ok(None);
    }
    let row = client.query_one(
        &format!(
            "SELECT CASE WHEN is_called THEN extract(epoch FROM clock_timestamp())::float8 - last_value END FROM {sequence}"
        ),
        &[],
    )?;
    row.try_get::<_, Option<f64>>(0).map(|age| age.map(|a| a.max(0.0)))
}

/// A glob as a pattern of `LIKE`.
fn like(glob: &str) -> String {
    let mut out = String::with_capacity(glob.len());
    for c in glob.chars() {
        match c {
            '*' => out.push('%'),
            '?' => out.push('_'),
            '%' | '_' | '\\' => out.extend(['\\', c]),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_become_patterns() {
        assert_eq!(like("web@v1*"), "web@v1%");
        assert_eq!(like("50%_?\\"), "50\\%\\__\\\\");
    }
}
