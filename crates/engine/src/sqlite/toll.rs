//! Which rows the statements of a plan write or read, by how the dialect writes them: what others have to wait for.

use std::collections::BTreeSet;
use underpin_model::{Step, Work};
use underpin_sql::sqlite::{TokKind, keyword, toks};
use underpin_sqlite::facts::fact;
use underpin_sqlite::rebuilt_table;

/// What a step does to all rows of a table, or to all pages of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Toll {
    /// The table, or the index where it is one that goes.
    pub of: String,
    pub way: Way,
}

/// How rows are gone through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The table is made anew with its indexes.
    Anew,
    /// Each row is written once more.
    Written,
    /// An index is built.
    Indexed,
    /// A full-text table reads what it is over.
    TextIndexed,
    /// Each row is read.
    Read,
    /// The table's pages are given back.
    Dropped,
    /// The index's pages are given back.
    IndexDropped,
}

impl Way {
    /// What happens, in words.
    pub(crate) fn words(self, of: &str) -> String {
        match self {
            Self::Anew => format!("{of} is written anew in one go"),
            Self::Written => format!("each row of {of} is written in one go"),
            Self::Indexed => format!("an index of {of} is built in one go"),
            Self::TextIndexed => format!("the words of {of} are indexed in one go"),
            Self::Read => format!("each row of {of} is read in one go"),
            Self::Dropped => format!("the pages of {of} are given back in one go"),
            Self::IndexDropped => format!("the pages of the index {of} are given back in one go"),
        }
    }
}

/// Goes through the steps of a plan in order.
#[derive(Default)]
pub(crate) struct Tolls {
    /// Tables, in lower case, that the plan makes: they have no rows yet.
    made: BTreeSet<String>,
}

impl Tolls {
    /// What the next step does.
    pub(crate) fn of(&mut self, step: &Step) -> Vec<Toll> {
        if let Some(table) = rebuilt_table(step) {
            // What full-text tables read anew is beside that.
            let mut list: Vec<Toll> = step.sql.iter().filter_map(|sql| text_index(sql)).collect();
            list.insert(0, Toll { of: table, way: Way::Anew });
            return list;
        }
        let mut list: Vec<Toll> = step.sql.iter().filter_map(|sql| self.of_statement(sql)).collect();
        // To read what was just written takes no time beside that.
        let written: Vec<String> = list.iter().filter(|t| t.way == Way::Written).map(|t| t.of.clone()).collect();
        list.retain(|t| t.way != Way::Read || !written.contains(&t.of));
        for sql in &step.sql {
            let words = toks(sql);
            if keyword(words.first(), sql) == "create" && keyword(words.get(1), sql) == "table" {
                self.made.extend(words.get(2).and_then(|t| t.name(sql)).map(|name| name.to_ascii_lowercase()));
            }
        }
        list
    }

    fn of_statement(&self, sql: &str) -> Option<Toll> {
        let fact = fact(sql)?;
        if fact.work == Work::Instant {
            return None;
        }
        if let Some(toll) = text_index(sql) {
            return Some(toll);
        }
        let list = toks(sql);
        let name = |n: usize| list.get(n).and_then(|t| t.name(sql));
        let behind = |word: &str| list.iter().position(|t| t.is(sql, word)).map(|n| n + 1);
        let (of, way) = match fact.id {
            "create-index" => (name(behind("ON")?)?, Way::Indexed),
            "drop-column" => (name(2)?, Way::Written),
            "set-not-null" | "add-check" | "add-column-that-is-checked" => (name(2)?, Way::Read),
            "drop-table" => (name(2)?, Way::Dropped),
            "drop-index" => (name(2)?, Way::IndexDropped),
            // UPDATE name, or UPDATE OR ABORT name.
            "write-rows" if list.first().is_some_and(|t| t.is(sql, "UPDATE")) => {
                let at = if list.get(1).is_some_and(|t| t.is(sql, "OR")) { 3 } else { 1 };
                (name(at)?, Way::Written)
            }
            _ => return None,
        };
        (!self.made.contains(&of.to_ascii_lowercase())).then_some(Toll { of, way })
    }
}

/// The full-text table that `INSERT INTO f (f) VALUES ('rebuild')` tells to read what it is over.
fn text_index(sql: &str) -> Option<Toll> {
    let list = toks(sql);
    let [insert, into, name, .., value, _] = list.as_slice() else { return None };
    let tells = insert.is(sql, "INSERT") && into.is(sql, "INTO") && value.kind == TokKind::Text;
    let of = name.name(sql).filter(|_| tells && value.text(sql) == "'rebuild'")?;
    Some(Toll { of, way: Way::TextIndexed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use underpin_model::Run;

    fn tolls(steps: &[&[&str]]) -> Vec<String> {
        let mut tolls = Tolls::default();
        let step = |sql: &[&str]| Step::new("s001", Run::Sql, sql.iter().map(|s| (*s).to_owned()).collect());
        steps.iter().flat_map(|sql| tolls.of(&step(sql))).map(|t| format!("{:?} {}", t.way, t.of)).collect()
    }

    #[test]
    fn what_goes_through_rows_is_known() {
        let all = tolls(&[
            &["CREATE UNIQUE INDEX \"on\" ON \"T x\" (a)"],
            &["ALTER TABLE \"t\" DROP COLUMN \"b\""],
            &["UPDATE OR ABORT \"t\" SET a = 1 WHERE a IS NULL", "ALTER TABLE \"t\" ALTER COLUMN \"a\" SET NOT NULL"],
            &["ALTER TABLE \"t\" ADD CHECK (a > 0)"],
            &["ALTER TABLE \"t\" ADD COLUMN a INT"],
            &["DROP INDEX \"i\""],
            &["DROP TABLE \"t\""],
            &["CREATE VIEW v AS SELECT 1"],
            &["CREATE VIRTUAL TABLE f USING fts5(a, content=t)", "INSERT INTO \"f\" (\"f\") VALUES ('rebuild')"],
        ]);
        assert_eq!(
            all,
            ["Indexed T x", "Written t", "Written t", "Read t", "IndexDropped i", "Dropped t", "TextIndexed f"]
        );
    }

    #[test]
    fn what_the_plan_makes_has_no_rows() {
        assert!(tolls(&[&["CREATE TABLE n (a)"], &["CREATE INDEX i ON N (a)"]]).is_empty());
    }
}
