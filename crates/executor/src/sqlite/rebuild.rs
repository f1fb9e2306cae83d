//! Which step makes a table anew, and which columns it takes over as they are.
//!
//! A rebuild is known by the name of the new table, `_underpin_new_…`, and the statements around it: CREATE, INSERT …
//! SELECT, DROP, RENAME. Only what is plain is taken for a copy; a column that comes out of an expression is none.

use super::touch::{Touch, touch};
use underpin_model::Step;
use underpin_sql::sqlite::{Tok, TokKind, toks};

/// What the name of a table begins with while it is made; behind it comes a number where that name is taken, and `_`.
const NEW: &str = "_underpin_new";

/// The table that is made anew under a name.
fn made_anew(name: &str) -> Option<&str> {
    name.strip_prefix(NEW)?.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix('_')
}

/// A column that an INSERT takes over as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copied {
    /// Its name in the new table; `rowid` or one of the other names of the row's number, too.
    pub(super) to: String,
    /// Its name in the old table, likewise.
    pub(super) from: String,
}

/// Rows that are copied before the table that they come from is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Copy {
    /// The table that they come from.
    pub(super) from: String,
    /// The table that they go to.
    pub(super) to: String,
    /// The number of the statement that copies them; none where it is not found.
    pub(super) insert: Option<usize>,
    /// The number of the statement that drops the table that they come from.
    pub(super) drop: usize,
    /// The columns that are taken over as they are; empty where the statement is not understood.
    pub(super) columns: Vec<Copied>,
}

/// A step that makes a table anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rebuild {
    /// The table.
    pub(super) table: String,
    /// One where the new table is made beside the old one; two where the rows are put aside and back, as a table has to
    /// be that says its own name.
    pub(super) copies: Vec<Copy>,
}

impl Rebuild {
    /// What a step rebuilds; none where it is no rebuild.
    pub(super) fn of(step: &Step) -> Option<Self> {
        let new = step.sql.iter().find_map(|sql| new_table(sql))?;
        let table = made_anew(&new)?.to_owned();
        let begins = |sql: &String, word: &str| toks(sql).first().is_some_and(|t| t.is(sql, word));
        let mut copies = Vec::new();
        let mut done = 0;
        for (from, to) in [(&table, &new), (&new, &table)] {
            let is_of = |name: &str, sql: &String| touch(sql) == Touch::Table(name.to_owned());
            let drops = |(n, sql): &(usize, &String)| *n >= done && begins(sql, "DROP") && is_of(from, sql);
            let Some((drop, _)) = step.sql.iter().enumerate().find(drops) else { continue };
            let copies_rows =
                |(_, sql): &(usize, &String)| is_of(to, sql) && (begins(sql, "INSERT") || begins(sql, "REPLACE"));
            let insert = step.sql.iter().enumerate().take(drop).skip(done).find(copies_rows);
            let columns = insert.and_then(|(_, sql)| copied(sql, to, from)).unwrap_or_default();
            let insert = insert.map(|(n, _)| n);
            copies.push(Copy { from: from.clone(), to: to.clone(), insert, drop, columns });
            done = drop + 1;
        }
        (!copies.is_empty()).then_some(Self { table, copies })
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
    name.name(sql).filter(|n| create.is(sql, "CREATE") && made_anew(n).is_some())
}

/// The columns that `INSERT INTO to (…) SELECT … FROM from` takes over as they are; none where it is anything else. OR ABORT is
/// what SQLite does anyway, whatever the constraints say.
fn copied(sql: &str, to: &str, from: &str) -> Option<Vec<Copied>> {
    let all = toks(sql);
    let rest = match all.as_slice() {
        [insert, or, abort, rest @ ..] if insert.is(sql, "INSERT") && or.is(sql, "OR") && abort.is(sql, "ABORT") => {
            rest
        }
        [insert, rest @ ..] if insert.is(sql, "INSERT") => rest,
        _ => return None,
    };
    let [into, name, open, rest @ ..] = rest else { return None };
    let begins = into.is(sql, "INTO") && name.name(sql)? == to && open.kind == TokKind::Open;
    if !begins || !all.iter().all(|t| t.closed) {
        return None;
    }
    let (into, rest) = list(rest, |t| t.kind == TokKind::Close)?;
    let [select, rest @ ..] = rest else { return None };
    let (values, rest) = list(rest, |t| t.is(sql, "FROM"))?;
    let [table] = rest else { return None };
    if !select.is(sql, "SELECT") || table.name(sql)? != from || into.len() != values.len() {
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

/// The name that an expression is; none where it is more. Whether there is a column of that name is for the caller to ask.
fn column(value: &[Tok], sql: &str) -> Option<String> {
    let [one] = value else { return None };
    // Even where a column has such a name, they are what they say.
    let said = ["NULL", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP"];
    let is_name =
        one.kind == TokKind::Quoted || (one.kind == TokKind::Word && !said.iter().any(|word| one.is(sql, word)));
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
        assert_eq!((found.table.as_str(), places(&found)), ("t", vec![(Some(1), 3, 2)]));
        assert_eq!((found.copies[0].from.as_str(), found.copies[0].to.as_str()), ("t", "_underpin_new_t"));
        let empty = Rebuild::of(&step(&["CREATE TABLE \"_underpin_new_t\" (a)", "DROP TABLE \"t\""])).unwrap();
        assert_eq!(places(&empty), [(None, 1, 0)]);
        assert!(
            Rebuild::of(&step(&["CREATE VIRTUAL TABLE \"_underpin_new_t\" USING fts5(a)", "DROP TABLE t"])).is_some()
        );
        assert_eq!(Rebuild::of(&step(&["CREATE TABLE t (a)", "DROP TABLE u"])), None);
        assert_eq!(Rebuild::of(&step(&["CREATE TABLE \"_underpin_new_t\" (a)", "DROP TABLE \"u\""])), None);
    }

    /// Where each copy and its DROP are, and how many columns it takes over.
    fn places(rebuild: &Rebuild) -> Vec<(Option<usize>, usize, usize)> {
        rebuild.copies.iter().map(|c| (c.insert, c.drop, c.columns.len())).collect()
    }

    #[test]
    fn rows_may_be_put_aside_and_back() {
        let found = Rebuild::of(&step(&[
            "CREATE TABLE \"_underpin_new_t\" (v1, v2)",
            "INSERT INTO \"_underpin_new_t\" (v1, v2) SELECT rowid, \"a\" FROM \"t\"",
            "DROP TABLE \"t\"",
            "CREATE TABLE t (a CHECK (t.a > 0))",
            "INSERT OR ABORT INTO \"t\" (rowid, \"a\") SELECT v1, v2 FROM \"_underpin_new_t\"",
            "DROP TABLE \"_underpin_new_t\"",
        ]));
        let found = found.unwrap();
        assert_eq!(places(&found), [(Some(1), 2, 2), (Some(4), 5, 2)]);
        assert_eq!((found.copies[1].from.as_str(), found.copies[1].to.as_str()), ("_underpin_new_t", "t"));
    }

    /// What the dialect writes is understood here.
    #[test]
    fn the_dialect_writes_what_is_understood() {
        let catalog = |sql: &str| {
            let connection = rusqlite::Connection::open_in_memory().unwrap();
            connection.execute_batch(sql).unwrap();
            underpin_sqlite::introspect(&connection).unwrap()
        };
        let table = |sql: &str| {
            let catalog = catalog(sql);
            let mut tables = catalog.objects.into_values();
            match tables.next() {
                Some(underpin_sqlite::LiteObject::Table(table)) => table,
                other => panic!("{other:?}"),
            }
        };
        for (from, to, columns) in [
            ("CREATE TABLE t (a, b INT)", "CREATE TABLE t (b TEXT, a NOT NULL, c)", vec![3]),
            (
                "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a)",
                "CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a UNIQUE ON CONFLICT IGNORE)",
                vec![2],
            ),
            ("CREATE TABLE t (a, b)", "CREATE TABLE t (a, b, CHECK (t.a > t.b))", vec![3, 3]),
            (
                "CREATE TABLE t (a PRIMARY KEY, b) WITHOUT ROWID",
                "CREATE TABLE t (a PRIMARY KEY, b CHECK (b <> 1)) WITHOUT ROWID",
                vec![2],
            ),
        ] {
            let wishes = underpin_sqlite::Wishes::default();
            let sql = underpin_sqlite::rebuild(("t", "_underpin_new_t"), &table(from), &table(to), &wishes).sql;
            let sql: Vec<&str> = sql.iter().map(String::as_str).collect();
            let found = Rebuild::of(&step(&sql)).unwrap();
            let understood: Vec<usize> = found.copies.iter().map(|c| c.columns.len()).collect();
            assert_eq!(understood, columns, "{sql:#?}");
            assert!(found.copies.iter().all(|c| c.insert.is_some()), "{sql:#?}");
        }
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
            Some("rowid<_rowid_ d<d"),
            "what is more than a name is none"
        );
        assert_eq!(insert("\"a\"", "\"a\", \"b\""), None);
        assert_eq!(insert("\"a\"", "\"a\" || \"b\"").as_deref(), Some(""));
    }

    #[test]
    fn what_else_there_is_in_a_statement_is_not_understood() {
        for sql in [
            "INSERT INTO \"_underpin_new_t\" (\"a\") SELECT \"a\" FROM \"t\" WHERE a",
            "INSERT INTO \"_underpin_new_t\" (\"a\") SELECT \"a\" FROM \"u\"",
            "INSERT OR REPLACE INTO \"_underpin_new_t\" (\"a\") SELECT \"a\" FROM \"t\"",
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
