//! What was called otherwise before: as hints say it, and as far as both sides allow it.

use super::fit::Filled;
use super::rows::Rows;
use super::words;

/// A name that a hint says something had before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// The table, under its new name.
    pub table: String,
    /// The column of it, under its new name; none where the table is meant.
    pub column: Option<String>,
    pub old: String,
}

/// What the hints of a text say in which each stands on the line of what it is about, or on a line of its own above it: names that were
/// others, and values for rows that are there.
pub fn said(sql: &str) -> (Vec<Hint>, Vec<Filled>) {
    let (mut hints, mut filled) = (Vec::new(), Vec::new());
    let (mut table, mut above) = (String::new(), None);
    for line in sql.lines() {
        let (code, said) = match line.split_once("-- underpin: ") {
            Some((code, said)) => (code, said.trim().split_once(' ')),
            None => (line, None),
        };
        let list = words::words(code, &|_| true);
        if list.is_empty() {
            above = said.or(above);
            continue;
        }
        let is_table = list[0].text == "create";
        let mut names = list.iter().filter(|w| !["create", "virtual", "table", "("].contains(&w.text.as_str()));
        let Some(name) = names.next().map(|w| w.text.clone()) else { continue };
        if is_table {
            table.clone_from(&name);
        }
        match said.or(above.take()) {
            Some(("renamed-from", old)) => {
                let old = old.trim_matches('"').replace("\"\"", "\"");
                hints.push(Hint { table: table.clone(), column: (!is_table).then_some(name), old });
            }
            Some((_, value)) => filled.push((table.clone(), name, value.to_owned())),
            None => {}
        }
    }
    (hints, filled)
}

/// The names that tables and columns had before.
#[derive(Debug, Clone, Default)]
pub struct Renamed {
    hints: Vec<Hint>,
    before: Vec<(String, Vec<String>)>,
}

fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// Whether the names that hints give lead back to where they began.
fn goes_round(hints: &[Hint], first: &Hint) -> bool {
    let name = |h: &Hint| h.column.clone().unwrap_or_else(|| h.table.clone());
    let of_a_kind = |h: &&Hint| {
        h.column.is_some() == first.column.is_some() && (h.column.is_none() || same(&h.table, &first.table))
    };
    let mut at = name(first);
    for _ in hints {
        if same(&at, &first.old) {
            return true;
        }
        match hints.iter().filter(of_a_kind).find(|h| same(&h.old, &at)) {
            Some(next) => at = name(next),
            None => return false,
        }
    }
    false
}

impl Renamed {
    /// What the hints can mean. A hint holds where what had the old name is there, and nothing else shall have it; and where the new
    /// name is free, or leaves too. Where names go round they are there before and after, and both may be meant: to rename and not to.
    pub fn variants(hints: &[Hint], before: &Rows, wanted: &Rows) -> Vec<Self> {
        let rounds: Vec<&Hint> = hints.iter().filter(|h| goes_round(hints, h)).collect();
        let without: Vec<Hint> = hints.iter().filter(|h| !rounds.contains(h)).cloned().collect();
        let mut all = vec![Self::new(hints, before, wanted)];
        if !rounds.is_empty() {
            all.push(Self::new(&without, before, wanted));
        }
        all
    }

    fn new(hints: &[Hint], before: &Rows, wanted: &Rows) -> Self {
        let tables = |rows: &Rows| -> Vec<(String, Vec<String>)> {
            rows.0.values().map(|t| (t.name.clone(), t.columns.iter().map(|c| c.name.clone()).collect())).collect()
        };
        let (has, shall) = (tables(before), tables(wanted));
        let find = |list: &[(String, Vec<String>)], name: &str| list.iter().find(|t| same(&t.0, name)).cloned();
        let mut held: Vec<Hint> = Vec::new();
        let said = hints.iter().filter(|h| h.column.is_none() && find(&has, &h.old).is_some());
        let said: Vec<&Hint> = said.filter(|h| find(&shall, &h.table).is_some() && !same(&h.old, &h.table)).collect();
        for hint in &said {
            let comes_back = find(&shall, &hint.old).is_some() && !said.iter().any(|h| same(&h.table, &hint.old));
            let is_taken = find(&has, &hint.table).is_some() && !said.iter().any(|h| same(&h.old, &hint.table));
            if !comes_back && !is_taken {
                held.push((*hint).clone());
            }
        }
        let was = |name: &str| match held.iter().find(|h| same(&h.table, name)) {
            Some(hint) => Some(hint.old.clone()),
            None => (!held.iter().any(|h| same(&h.old, name))).then(|| name.to_owned()),
        };
        let mut columns = Vec::new();
        for hint in hints {
            let Some(column) = &hint.column else { continue };
            let old = was(&hint.table).and_then(|name| find(&has, &name));
            let (Some(new), Some(old)) = (find(&shall, &hint.table), old) else { continue };
            let in_list = |list: &[String], name: &str| list.iter().any(|c| same(c, name));
            let others = || {
                hints.iter().filter(|h| h.column.is_some() && same(&h.table, &hint.table) && in_list(&old.1, &h.old))
            };
            let comes_back =
                in_list(&new.1, &hint.old) && !others().any(|h| h.column.as_ref().is_some_and(|c| same(c, &hint.old)));
            let is_taken = in_list(&old.1, column) && !others().any(|h| same(&h.old, column));
            let holds = in_list(&old.1, &hint.old) && in_list(&new.1, column);
            if holds && !same(&hint.old, column) && !comes_back && !is_taken {
                columns.push(hint.clone());
            }
        }
        held.extend(columns);
        let before = before.0.values().map(|t| (t.name.clone(), t.columns.iter().map(|c| c.name.clone()).collect()));
        Self { hints: held, before: before.collect() }
    }

    /// The name that a table had; none where it was not there.
    pub fn table(&self, new: &str) -> Option<String> {
        let tables = || self.hints.iter().filter(|h| h.column.is_none());
        if let Some(hint) = tables().find(|h| same(&h.table, new)) {
            return Some(hint.old.clone());
        }
        let left = tables().any(|h| same(&h.old, new));
        self.before.iter().find(|t| !left && same(&t.0, new)).map(|t| t.0.clone())
    }

    /// The name that a column had; none where it was not there.
    pub fn column(&self, table: &str, new: &str) -> Option<String> {
        let was = self.table(table)?;
        let columns = || self.hints.iter().filter(|h| h.column.is_some() && same(&h.table, table));
        if let Some(hint) = columns().find(|h| h.column.as_ref().is_some_and(|c| same(c, new))) {
            return Some(hint.old.clone());
        }
        let left = columns().any(|h| same(&h.old, new));
        let (_, list) = self.before.iter().find(|t| same(&t.0, &was))?;
        list.iter().find(|c| !left && same(c, new)).cloned()
    }
}
