//! What making a table anew will cost, from its real size.

use rusqlite::Connection;
use underpin_model::{Hazard, HazardKind, Stage, Work};
use underpin_sql::sqlite::ident;
use underpin_sqlite::rebuilt_table;

/// How many bytes of a table and its indexes are written anew in a second: a guess on the careful side.
const WRITTEN: f64 = 60e6;

/// The time from which on writers that wait are told of as harm: what most drivers wait for is a few seconds.
const LONG: f64 = 1.0;

/// Tells in the steps that make tables anew how large these are, and how long nobody else can write.
pub(crate) fn tell(live: &Connection, stages: &mut [Stage]) -> rusqlite::Result<()> {
    let mode: String = live.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    for step in stages.iter_mut().flat_map(|s| &mut s.batches).flat_map(|b| &mut b.steps) {
        if step.work != Work::Rewrite {
            continue;
        }
        let Some(table) = rebuilt_table(step) else { continue };
        let Ok(bytes) = bytes(live, &table) else { continue };
        let rows: i64 = live.query_row(&format!("SELECT count(*) FROM {}", ident(&table)), [], |row| row.get(0))?;
        #[allow(clippy::cast_precision_loss, reason = "it is an estimate")]
        let seconds = bytes as f64 / WRITTEN;
        let waits = if mode == "wal" {
            "other connections read on, and wait to write"
        } else {
            "other connections wait to write, and at its end to read: the database is not in WAL mode"
        };
        let words = format!("{rows} rows, {}: {}; {waits}", size(bytes), time(seconds));
        if seconds >= LONG {
            let kind = HazardKind::BlocksWrites;
            step.hazards.push(Hazard { kind, message: format!("{table} is written anew in one go: {words}") });
        }
        let reason = step.reason.take().map_or_else(String::new, |r| format!("{r}; "));
        step.reason = Some(format!("{reason}{words}"));
    }
    Ok(())
}

/// The bytes of a table with its indexes.
pub(crate) fn bytes(live: &Connection, table: &str) -> rusqlite::Result<i64> {
    live.query_row(
        "SELECT coalesce(sum(s.pgsize), 0) FROM (SELECT name FROM sqlite_schema WHERE tbl_name = ?1 COLLATE nocase AND rootpage > 0) m \
         CROSS JOIN dbstat('main', 1) s ON s.name = m.name",
        [table],
        |row| row.get(0),
    )
}

fn size(bytes: i64) -> String {
    match bytes {
        #[allow(clippy::cast_precision_loss, reason = "it is shown with one digit")]
        b if b >= 1 << 30 => format!("{:.1} GB", b as f64 / f64::from(1 << 30)),
        b if b >= 1 << 20 => format!("{} MB", b >> 20),
        b => format!("{} kB", b >> 10),
    }
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "less than a second".to_owned(),
        s if s < 120.0 => format!("some {s:.0} s"),
        s => format!("some {:.0} min", s / 60.0),
    }
}
