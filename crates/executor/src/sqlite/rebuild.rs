//! Which step makes a table anew, and which columns it takes over as they are.
//!
//! A rebuild is known by the name of the new table, `_underpin_new_…`, and the statements around it: CREATE, INSERT …
//! SELECT, DROP, RENAME. Only what is plain is taken for a copy; a column that comes out of an expression is none.

use super::touch::{Touch, touch};
use underpin_model::Step;
use underpin_sql::sqlite::{Tok, TokKind, toks};

/// What the name of a table begins with while it is made.
const NEW: &str = "_underpin_new_";

/// A column that an INSERT takes over as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copied {
    /// Its name in the new table; `rowid` or one of the other names of the row's number, too.
    pub(super) to: String,
    /// Its name in the old table, likewise.
    pub(super) from: String,
}

/// A step that makes a table anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rebuild {
    /// The table.
    pub(super) table: String,
    /// Its name while it is made.
    pub(super) new: String,
    /// The number of the statement that copies the rows; none where none are.
    pub(super) insert: Option<usize>,
    /// The number of the statement that drops the old table.
    pub(super) drop: usize,
    /// The columns that are taken over as they are; empty where the statement is not understood.
    pub(super) copied: Vec<Copied>,
}

impl Rebuild {
    /// What a step rebuilds; none where it is no rebuild.
    pub(super) fn of(step: &Step) -> Option<Self> {
        let new = step.sql.iter().find_map(|sql| new_table(sql))?;
        let table = new.strip_prefix(NEW)?.to_owned();
        let drop = step.sql.iter().position(|sql| {
            touch(sql) == Touch::Table(table.clone()) && toks(sql).first().is_some_and(|t| t.is(sql, "DROP"))
        })?;
        let makes = |sql: &String| toks(sql).first().is_some_and(|t| t.is(sql, "CREATE"));
        let insert = step.sql[..drop].iter().position(|sql| !makes(sql) && touch(sql) == Touch::Table(new.clone()));
        let copied = insert.and_then(|n| copied(&step.sql[n], &new, &table)).unwrap_or_default();
        Some(Self { table, new, insert, drop, copied })
    }
}

/// The name of the table that a statement makes, where it is that of a rebuild.
fn new_table(sql: &str) -> Option<String> {
    let all = toks(sql);
    let [create, rest @ ..] = all.as_slice() else { return None };
    let name = match rest {
        [table, name, ..] if table.is(sql, "TABLE") => name,
        [virtual_, table, name, ..] if virtual_.is(sql, "VIRTUAL") && table.is(sql, "TABLE") => name,
        _ => return None,
    };
    name.name(sql).filter(|n| create.is(sql, "CREATE") && n.starts_with(NEW))
}

/// The columns that `INSERT INTO new (…) SELECT … FROM old` takes over as they are; none where it is anything else.
fn copied(sql: &str, new: &str, old: &str) -> Option<Vec<Copied>> {
    let all = toks(sql);
    let [insert, into, name, open, rest @ ..] = all.as_slice() else { return None };
    let begins = insert.is(sql, "INSERT")
        && into.is(sql, "INTO")
        && name.name(sql)? == new
        && open.kind == TokKind::Open
        && all.iter().all(|t| t.closed);
    if !begins {
        return None;
    }
    let (into, rest) = list(rest, |t| t.kind == TokKind::Close)?;
    let [select, rest @ ..] = rest else { return None };
    let (values, rest) = list(rest, |t| t.is(sql, "FROM"))?;
    let [table] = rest else { return None };
    if !select.is(sql, "SELECT") || table.name(sql)? != old || into.len() != values.len() {
        return None;
    }
    let mut copied = Vec::new();
    for (to, from) in into.iter().zip(values) {
        let [to] = to else { return None };
        let to = to.name(sql)?;
        if let Some(from) = column(from, sql) {
            copied.push(Copied { to, from });
        }
    }
    Some(copied)
}

/// The items of a list up to the token that ends it, and what stands behind that.
fn list(toks: &[Tok], ends: impl Fn(&Tok) -> bool) -> Option<(Vec<&[Tok]>, &[Tok])> {
    let (mut items, mut depth, mut start) = (Vec::new(), 0usize, 0);
    for (n, tok) in toks.iter().enumerate() {
        if depth == 0 && ends(tok) {
            items.push(&toks[start..n]);
            return Some((items, &toks[n + 1..]));
        }
        if tok.kind == TokKind::Open {
            depth += 1;
        } else if tok.kind == TokKind::Close {
            depth = depth.checked_sub(1)?;
        } else if tok.kind == TokKind::Comma && depth == 0 {
            items.push(&toks[start..n]);
            start = n + 1;
        }
    }
    None
}

/// The column that an expression is; none where it is more. A bare word may be `NULL` or `CURRENT_TIME`, so that it counts
/// only where it is one of the names of the row's number.
fn column(value: &[Tok], sql: &str) -> Option<String> {
    let [one] = value else { return None };
    let is_name = one.kind == TokKind::Quoted || (one.kind == TokKind::Word && is_row_number(one.text(sql)));
    if is_name { one.name(sql) } else { None }
}

/// Whether that is a name of the row's number, where no column has it (manual, "ROWIDs and the INTEGER PRIMARY KEY").
pub(super) fn is_row_number(name: &str) -> bool {
    ["rowid", "_rowid_", "oid"].iter().any(|n| n.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use underpin_model::Run;

    fn step(sql: &[&str]) -> Step {
        Step::new("s001", Run::Sql, sql.iter().map(|s| (*s).to_owned()).collect())
    }

    fn pairs(sql: &str) -> Option<String> {
        let copied = copied(sql, "_underpin_new_t", "t")?;
        Some(copied.iter().map(|c| format!("{}<{}", c.to, c.from)).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn a_rebuild_is_known_by_its_statements() {
        let found = Rebuild::of(&step(&[
            "CREATE TABLE \"_underpin_new_t\" (a)",
            "INSERT INTO \"_underpin_new_t\" (rowid, \"a\") SELECT rowid, \"a\" FROM \"t\"",
            "DELETE FROM sqlite_sequence WHERE name = '_underpin_new_t'",
            "DROP TABLE \"t\"",
            "ALTER TABLE \"_underpin_new_t\" RENAME TO \"t\"",
        ]));
        let found = found.unwrap();
        assert_eq!((found.table.as_str(), found.new.as_str()), ("t", "_underpin_new_t"));
        assert_eq!((found.insert, found.drop, found.copied.len()), (Some(1), 3, 2));
        let empty = Rebuild::of(&step(&["CREATE TABLE \"_underpin_new_t\" (a)", "DROP TABLE \"t\""])).unwrap();
        assert_eq!((empty.insert, empty.drop), (None, 1));
        assert!(
            Rebuild::of(&step(&["CREATE VIRTUAL TABLE \"_underpin_new_t\" USING fts5(a)", "DROP TABLE t"])).is_some()
        );
        assert_eq!(Rebuild::of(&step(&["CREATE TABLE t (a)", "DROP TABLE u"])), None);
        assert_eq!(Rebuild::of(&step(&["CREATE TABLE \"_underpin_new_t\" (a)", "DROP TABLE \"u\""])), None);
    }

    #[test]
    fn only_plain_columns_are_copies() {
        let insert = |into: &str, values: &str| {
            pairs(&format!("INSERT INTO \"_underpin_new_t\" ({into}) SELECT {values} FROM \"t\""))
        };
        assert_eq!(insert("\"a\", \"b\"", "\"a\", \"B b\"").as_deref(), Some("a<a b<B b"));
        assert_eq!(
            insert("rowid, \"a\", \"b\", \"c\", \"d\"", "_rowid_, coalesce(\"a\", (1, 2)), (\"b\"), NULL, \"d\"")
                .as_deref(),
            Some("rowid<_rowid_ d<d")
        );
        assert_eq!(insert("\"a\"", "\"a\", \"b\""), None);
        assert_eq!(insert("\"a\"", "\"a\" || \"b\"").as_deref(), Some(""));
    }

    #[test]
    fn what_else_there_is_in_a_statement_is_not_understood() {
        for sql in [
            "INSERT INTO \"_underpin_new_t\" (\"a\") SELECT \"a\" FROM \"t\" WHERE a",
            "INSERT INTO \"_underpin_new_t\" (\"a\") SELECT \"a\" FROM \"u\"",
            "INSERT OR IGNORE INTO \"_underpin_new_t\" (\"a\") SELECT \"a\" FROM \"t\"",
            "INSERT INTO \"_underpin_new_t\" (\"a\") SELECT DISTINCT \"a\" FROM \"t\" LIMIT 1",
            "INSERT INTO \"_underpin_new_t\" SELECT \"a\" FROM \"t\"",
            "INSERT INTO \"_underpin_new_t\" (\"a\") VALUES (1)",
        ] {
            assert_eq!(pairs(sql), None, "{sql}");
        }
        let distinct = "INSERT INTO \"_underpin_new_t\" (\"a\") SELECT DISTINCT \"a\" FROM \"t\"";
        assert_eq!(pairs(distinct).as_deref(), Some(""));
    }
}
