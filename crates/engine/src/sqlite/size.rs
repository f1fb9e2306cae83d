//! What the steps of a plan will cost that go through all rows of a table, from its real size.

use super::toll::{Toll, Tolls, Way};
use super::values::Names;
use rusqlite::{Connection, Result};
use std::collections::{BTreeMap, BTreeSet};
use underpin_model::{Diagnostic, Hazard, HazardKind, Severity, Stage, Step};
use underpin_sql::sqlite::{ident, keyword, toks};
use underpin_sqlite::{LiteKind, LiteObject};

/// How many bytes of a table and its indexes are written anew in a second: a guess on the careful side, like the others.
const WRITTEN: f64 = 60e6;
/// How many bytes are read in a second.
const READ: f64 = 200e6;
/// How many rows are sorted into an index in a second, beside the reading.
const SORTED: f64 = 1e6;
/// How many bytes virtual tables take in a second: they take texts to pieces, or look for a place for each row.
const TAKEN: f64 = 10e6;

/// The time from which on writers that wait are told of as harm: what most drivers wait for is a few seconds.
const LONG: f64 = 1.0;

/// What is known of a table, or of an index that goes.
#[derive(Clone, Copy)]
struct Measured {
    /// None of an index.
    rows: Option<i64>,
    bytes: i64,
    is_virtual: bool,
}

/// A step's tolls, measured.
struct Cost {
    /// Its place in the plan.
    step: usize,
    of: String,
    way: Way,
    words: String,
    seconds: f64,
}

/// Tells in the steps that go through all rows of a table how large it is, and how long nobody else can write. What cannot be read of one
/// table is given back in words, and keeps nothing back of the others.
pub(crate) fn tell(live: &Connection, names: &Names<'_>, stages: &mut [Stage]) -> Vec<Diagnostic> {
    let waits = match live.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0)) {
        Ok(mode) if mode == "wal" => "other connections read on, and wait to write",
        Ok(_) => "other connections wait to write, and at its end to read: the database is not in WAL mode",
        // Whoever cannot say so much has told why by now, of the schema.
        Err(error) => return vec![unknown("the database", &error)],
    };
    let mut sizes = Sizes { live, names, known: BTreeMap::new() };
    let (mut told, mut costs) = (Vec::new(), Vec::new());
    let mut steps: Vec<&mut Step> = stages.iter_mut().flat_map(|s| &mut s.batches).flat_map(|b| &mut b.steps).collect();
    let mut tolls = Tolls::default();
    let all: Vec<(usize, Toll)> =
        steps.iter().enumerate().flat_map(|(n, step)| tolls.of(step).into_iter().map(move |toll| (n, toll))).collect();
    let anew: BTreeSet<String> =
        all.iter().filter(|(_, t)| t.way == Way::Anew).map(|(_, t)| t.of.to_ascii_lowercase()).collect();
    for (step, Toll { of, way }) in all {
        // An index that is made again is a part of what its table is written anew with.
        if way == Way::Indexed
            && anew.contains(&of.to_ascii_lowercase())
            && indexed(steps[step]).is_some_and(|index| sizes.has(&index))
        {
            continue;
        }
        match sizes.measured(&of, way) {
            Ok(Some(size)) => {
                let seconds = seconds(way, size);
                let rows = size.rows.map(|rows| format!("{rows} rows, ")).unwrap_or_default();
                let words = format!("{rows}{}: {}; {waits}", in_words(size.bytes), time(seconds));
                costs.push(Cost { step, of, way, words, seconds });
            }
            Ok(None) => {}
            Err(error) => told.push(unknown(&of, &error)),
        }
    }
    let whole: f64 = costs.iter().map(|c| c.seconds).sum();
    let longest = costs.iter().map(|c| c.seconds).fold(0.0, f64::max);
    let mut whole_is_told = longest >= LONG || whole < LONG;
    for Cost { step, of, way, words, seconds } in costs {
        let step = &mut steps[step];
        let what = way.words(&of);
        let message = if seconds >= LONG {
            Some(format!("{what}: {words}"))
        } else if !whole_is_told && seconds >= longest {
            // The lock is held from the first step to the last.
            whole_is_told = true;
            Some(format!("{what}: {words}; with the other steps, in the one transaction, {}", time(whole)))
        } else {
            None
        };
        let kind = HazardKind::BlocksWrites;
        step.hazards.extend(message.map(|message| Hazard { kind, message }));
        let reason = step.reason.take().map_or_else(String::new, |r| format!("{r}; "));
        step.reason = Some(format!("{reason}{words}"));
    }
    told
}

fn unknown(of: &str, error: &rusqlite::Error) -> Diagnostic {
    // Only what it costs is not told.
    let message =
        format!("how large {of} is could not be read, so the plan does not tell for how long others wait: {error}");
    Diagnostic::new(Severity::Note, "size-unknown", message)
}

fn seconds(way: Way, Measured { rows, bytes, is_virtual }: Measured) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "it is an estimate")]
    let (bytes, rows) = (bytes as f64, rows.unwrap_or(0) as f64);
    match way {
        Way::Anew if is_virtual => bytes / TAKEN,
        Way::TextIndexed => bytes / TAKEN,
        Way::Anew | Way::Written => bytes / WRITTEN,
        Way::Indexed => bytes / READ + rows / SORTED,
        Way::Read | Way::Dropped | Way::IndexDropped => bytes / READ,
    }
}

/// The name of the index that a step makes.
fn indexed(step: &Step) -> Option<String> {
    let sql = step.sql.first()?;
    let list = toks(sql);
    let at = list.iter().position(|t| t.is(sql, "INDEX"))? + 1;
    (keyword(list.first(), sql) == "create").then(|| list.get(at).and_then(|t| t.name(sql))).flatten()
}

/// Tables and indexes of the database, under the names that they have there.
struct Sizes<'a> {
    live: &'a Connection,
    names: &'a Names<'a>,
    /// By name in lower case, and whether indexes count.
    known: BTreeMap<(String, bool), Measured>,
}

impl Sizes<'_> {
    fn has(&self, index: &str) -> bool {
        self.names.from.objects.keys().any(|id| id.kind == LiteKind::Index && id.part(0).eq_ignore_ascii_case(index))
    }

    /// The table or virtual table of a name in the database.
    fn find(&self, name: &str) -> Option<&LiteObject> {
        let is_it =
            |kind, id: &str| matches!(kind, LiteKind::Table | LiteKind::VirtualTable) && id.eq_ignore_ascii_case(name);
        self.names.from.objects.iter().find(|(id, _)| is_it(id.kind, id.part(0))).map(|(_, object)| object)
    }

    /// The size of what a step says by that name; none where that is not there yet.
    fn measured(&mut self, of: &str, way: Way) -> Result<Option<Measured>> {
        if way == Way::IndexDropped {
            let bytes = self.bytes("name", of)?;
            return Ok(Some(Measured { rows: None, bytes, is_virtual: false }));
        }
        let table = self.names.table(of).to_owned();
        if way == Way::TextIndexed {
            return self.read_by(of, &table);
        }
        let Some(object) = self.find(&table) else { return Ok(None) };
        let shadows = match object {
            LiteObject::VirtualTable(of_module) => Some(of_module.shadows.clone()),
            LiteObject::Table(_) | LiteObject::Index(_) | LiteObject::View(_) | LiteObject::Trigger(_) => None,
        };
        let with_indexes = matches!(way, Way::Anew | Way::Dropped);
        let key = (table.to_ascii_lowercase(), with_indexes);
        if let Some(size) = self.known.get(&key) {
            return Ok(Some(*size));
        }
        let rows = self.live.query_row(&format!("SELECT count(*) FROM {}", ident(&table)), [], |row| row.get(0))?;
        let bytes = match &shadows {
            Some(shadows) => shadows.iter().map(|shadow| self.bytes("tbl_name", shadow)).sum::<Result<i64>>()?,
            None => self.bytes(if with_indexes { "tbl_name" } else { "name" }, &table)?,
        };
        let size = Measured { rows: Some(rows), bytes, is_virtual: shadows.is_some() };
        self.known.insert(key, size);
        Ok(Some(size))
    }

    /// The size of what a full-text table is over.
    fn read_by(&mut self, of: &str, there: &str) -> Result<Option<Measured>> {
        let content = [self.names.base.objects.iter(), self.names.from.objects.iter()]
            .into_iter()
            .flatten()
            .chain(&self.names.to.objects)
            .filter(|(id, _)| id.part(0).eq_ignore_ascii_case(of) || id.part(0).eq_ignore_ascii_case(there))
            .filter_map(|(_, object)| match object {
                LiteObject::VirtualTable(table) => table.content(),
                LiteObject::Table(_) | LiteObject::Index(_) | LiteObject::View(_) | LiteObject::Trigger(_) => None,
            })
            .find(|content| !content.is_empty());
        // What a view gives is not kept anywhere.
        content.map_or(Ok(None), |content| self.measured(&content, Way::Read))
    }

    /// The bytes of all that has that in a column of the schema.
    fn bytes(&self, column: &str, name: &str) -> Result<i64> {
        self.live.query_row(
            &format!(
                "SELECT coalesce(sum(s.pgsize), 0) FROM (SELECT name FROM sqlite_schema WHERE {column} = ?1 COLLATE nocase AND rootpage > 0) m \
                 CROSS JOIN dbstat('main', 1) s ON s.name = m.name"
            ),
            [name],
            |row| row.get(0),
        )
    }
}

fn in_words(bytes: i64) -> String {
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
