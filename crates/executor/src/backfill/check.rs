//! The look through the whole table at the end: no row may be left that is not right.

use super::batch::Batch;
use super::bounds::{Place, all, one, page};
use super::failure::Stop;
use super::monitor::Event;
use super::pace::Size;
use super::table::{Way, pages_sql};
use super::walker::{Trouble, Walker};
use postgres::Client;
use std::time::{Duration, Instant};

/// How long one query shall take: it locks nothing, and only keeps vacuum from what died meanwhile.
const TARGET: Duration = Duration::from_millis(200);
/// How many rows are put right at a time.
const AT_ONCE: usize = 500;
/// How many rows a message shows.
const SHOWN: usize = 5;
/// How often rows that are not right are run again, and the whole table looked through.
const ROUNDS: usize = 3;

/// Along what it looks.
enum Along {
    /// The pages up to this one, of these files. Reading needs no key, and pages are read one after the other.
    Pages(u64, String),
    /// The walk's own way up to its end.
    Way(Place),
}

impl Walker<'_> {
    /// Makes sure that `wrong` holds for no row. Rows for which it does are run again, a few times.
    pub(crate) fn check(&mut self, client: &mut Client) -> Result<(), Stop> {
        let Some(wrong) = self.backfill.wrong.clone() else { return Ok(()) };
        let mut found = Vec::new();
        for _ in 0..ROUNDS {
            match self.look_through(client, &wrong)? {
                Looked::Clean => return Ok(()),
                Looked::Repaired(rows) => found = rows,
                Looked::Moved => {}
            }
        }
        if found.is_empty() {
            let what = format!("{} is written anew again and again, as by VACUUM FULL", self.table.name);
            return Err(Stop::Behind { what, waited: Duration::ZERO });
        }
        Err(self.wrong(&found))
    }

    fn wrong(&self, rows: &[Place]) -> Stop {
        let rows = rows.iter().take(SHOWN).map(|r| r.join(", ")).collect();
        Stop::Wrong { rows, named: self.table.row_name() }
    }

    fn look_through(&mut self, client: &mut Client, wrong: &str) -> Result<Looked, Stop> {
        let Some(along) = self.along_what(client)? else { return Ok(Looked::Clean) };
        let mut size = match &along {
            Along::Pages(..) => Size::new(256, 1 << 20),
            Along::Way(_) => Size::new(2000, 1_000_000),
        };
        let (mut at, mut found): (Option<Place>, Vec<Place>) = (None, Vec::new());
        loop {
            self.may_go_on()?;
            let began = Instant::now();
            let (to, condition) = match &along {
                Along::Pages(end, _) => {
                    let from = page(at.as_ref());
                    let to = (from + size.now()).min(*end);
                    (vec![to.to_string()], self.table.page_condition(from, to))
                }
                Along::Way(end) => {
                    let next = self.table.next(client, at.as_ref(), end, size.now());
                    let (to, _) = next.map_err(Stop::server("looking for the end of a range"))?;
                    let condition = self.table.condition(at.as_ref(), &to);
                    (to, condition)
                }
            };
            let count = format!("SELECT count(*) FROM {} WHERE {condition} AND ({wrong})", self.table.name);
            let count = one(client, &count).map_err(Stop::server(&count))?;
            let took = began.elapsed();
            if count.is_some_and(|c| c.first().is_some_and(|c| c != "0")) {
                let repaired = self.repair(client, &condition, wrong)?;
                found = if repaired.is_empty() { found } else { repaired };
            }
            size.took(None, took, TARGET);
            let (end, part) = match &along {
                Along::Pages(end, _) => (vec![end.to_string()], true),
                Along::Way(end) => (end.clone(), false),
            };
            // A table has fewer pages than a float tells apart.
            #[allow(clippy::cast_precision_loss)]
            let part = part.then(|| page(Some(&to)) as f64 / page(Some(&end)).max(1) as f64);
            let _ = self.tell.send(Event::Checked { part });
            let done = to == end;
            at = Some(to);
            if done {
                break;
            }
            self.rest(took);
        }
        if let Along::Pages(_, files) = &along
            && self.pages(client)?.is_some_and(|(_, now)| now != *files)
        {
            return Ok(Looked::Moved);
        }
        Ok(if found.is_empty() { Looked::Clean } else { Looked::Repaired(found) })
    }

    /// Without ranges of pages, a key is the faster way.
    fn along_what(&self, client: &mut Client) -> Result<Option<Along>, Stop> {
        match (&self.table.way, self.table.page_ranges) {
            (Way::Keys(_), false) => {
                let end = self.table.end(client).map_err(Stop::server("looking for the last row"))?;
                Ok(end.map(|(end, _)| Along::Way(end)))
            }
            (Way::Keys(_), true) | (Way::Pages, _) => {
                Ok(self.pages(client)?.map(|(pages, files)| Along::Pages(pages, files)))
            }
        }
    }

    fn pages(&self, client: &mut Client) -> Result<Option<(u64, String)>, Stop> {
        let sql = pages_sql(&self.table.name);
        let found = one(client, &sql).map_err(Stop::server("counting the table's pages"))?;
        let files = found.as_ref().and_then(|f| f.get(1).cloned()).unwrap_or_default();
        Ok(Some(page(found.as_ref())).filter(|pages| *pages > 0).map(|pages| (pages, files)))
    }

    /// Runs the rows of a range that are not right once more; some of them.
    fn repair(&mut self, client: &mut Client, condition: &str, wrong: &str) -> Result<Vec<Place>, Stop> {
        let name = self.table.row_name();
        let sql = format!("SELECT {name} FROM {} WHERE {condition} AND ({wrong}) LIMIT {AT_ONCE}", self.table.name);
        let (mut before, mut tries): (Vec<Place>, usize) = (Vec::new(), 0);
        loop {
            self.may_go_on()?;
            let rows = all(client, &sql).map_err(Stop::server(&sql))?;
            if rows.is_empty() {
                return Ok(before);
            }
            // The same rows again: running them did not help.
            if rows.iter().any(|r| before.contains(r)) {
                tries += 1;
                if tries == ROUNDS {
                    return Err(self.wrong(&rows));
                }
            }
            let statement = self.statement(&self.table.rows_condition(&rows));
            let lock_ms = self.lock_ms(false);
            let batch = Batch { statement: &statement, lock_ms, place: None, look: self.look, ask: None, ahead: None };
            let mut trouble = Trouble::default();
            loop {
                self.may_go_on()?;
                if let Some(done) = self.attempt(client, &batch, &mut trouble)? {
                    self.kept.changed += done.changed;
                    break;
                }
            }
            before = rows;
        }
    }
}

/// What a look through the table found.
enum Looked {
    /// No row that is not right.
    Clean,
    /// Some were, and were run again: these are examples. Whether that helped, another look tells.
    Repaired(Vec<Place>),
    /// The table was written anew meanwhile.
    Moved,
}
