//! The whole schema of a database, in one transaction and a fixed number of queries: `sqlite_schema` and the pragmas as tables.

use crate::objects::{
    Column, Generated, Index, LiteCatalog, LiteId, LiteKind, LiteObject, Rule, RuleKind, Table, Trigger, View,
    VirtualTable, option,
};
use crate::reading::read_table_among;
use rusqlite::{Connection, Result, Row};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use underpin_model::{Diagnostic, Severity};
use underpin_sql::sqlite::{Tok, TokKind, ident, keyword, toks, words, words_among};

/// A row of `sqlite_schema`.
struct Entry {
    kind: String,
    name: String,
    table: String,
    sql: String,
}

/// What `table_xinfo` tells of a column.
struct Shown {
    name: String,
    declared: String,
    not_null: bool,
    default: Option<String>,
    key: u32,
    hidden: u32,
}

/// What `table_list` tells of a table.
struct Listed {
    kind: String,
    without_rowid: bool,
    strict: bool,
}

/// Reads the schema `main`. Names that begin with `sqlite_` are SQLite's own.
///
/// # Errors
/// What SQLite says: a file that is no database, or is locked.
pub fn introspect(connection: &Connection) -> Result<LiteCatalog> {
    // A transaction of the caller's own holds the snapshot too.
    let own = connection.is_autocommit();
    if own {
        connection.execute_batch("BEGIN")?;
    }
    let read = read(connection);
    if own {
        connection.execute_batch("ROLLBACK")?;
    }
    read
}

fn read(connection: &Connection) -> Result<LiteCatalog> {
    let entries = entries(connection)?;
    let listed = listed(connection)?;
    let mut shown = shown(connection)?;
    let mut catalog = LiteCatalog::default();
    // Where a module is not there, the tables that it keeps cannot be told from others by the pragma.
    let kept: Vec<(String, String)> =
        entries.iter().filter(|e| is_virtual(e)).map(|e| (format!("{}_", e.name), e.name.clone())).collect();
    let mut shadows: HashMap<String, Vec<String>> = HashMap::new();
    let mut hidden: BTreeSet<&str> = BTreeSet::new();
    for entry in entries.iter().filter(|e| e.kind == "table") {
        let of = kept.iter().find(|(prefix, _)| entry.name.starts_with(prefix.as_str()));
        let is_shadow = listed.get(&entry.name).is_some_and(|l| l.kind == "shadow");
        let without_module = |of: &str| columns_of(connection, of).is_none();
        if let Some((_, of)) = of
            && (is_shadow || without_module(of))
        {
            shadows.entry(of.clone()).or_default().push(entry.name.clone());
            hidden.insert(&entry.name);
        }
    }
    let kinds: HashMap<String, (LiteKind, &str)> = entries
        .iter()
        .filter_map(|e| {
            let kind = match e.kind.as_str() {
                "table" if is_virtual(e) => LiteKind::VirtualTable,
                "table" => LiteKind::Table,
                "view" => LiteKind::View,
                _ => return None,
            };
            Some((e.name.to_ascii_lowercase(), (kind, e.name.as_str())))
        })
        .collect();
    // What cannot be told of a view or virtual table is none.
    let mut told: HashMap<&str, Option<Vec<String>>> = entries
        .iter()
        .filter(|e| e.kind == "view" || (e.kind == "table" && is_virtual(e)))
        .map(|e| (e.name.as_str(), columns_of(connection, &e.name)))
        .collect();
    let of_tables =
        shown.iter().map(|(table, list)| (table, list.iter().map(|c| c.name.to_ascii_lowercase()).collect()));
    let of_others = told.iter().map(|(name, list)| {
        (*name, list.iter().flatten().map(|c| c.to_ascii_lowercase()).collect::<BTreeSet<String>>())
    });
    let columns: HashMap<String, BTreeSet<String>> = of_tables
        .map(|(name, list): (&String, BTreeSet<String>)| (name.to_ascii_lowercase(), list))
        .chain(of_others.map(|(name, list)| (name.to_ascii_lowercase(), list)))
        .collect();
    let words_of = |entry: &Entry, named: &BTreeSet<LiteId>| {
        // What an index says are columns of its table; what else it is in double quotes are strings.
        let named: Vec<&BTreeSet<String>> =
            named.iter().filter_map(|id| columns.get(&id.part(0).to_ascii_lowercase())).collect();
        words_among(&entry.sql, &|name| named.iter().any(|list| list.contains(name)))
    };
    let place = |catalog: &mut LiteCatalog, id: &LiteId, n: usize| {
        catalog.places.insert(id.clone(), u32::try_from(n).unwrap_or(u32::MAX));
    };
    for (n, entry) in entries.iter().enumerate() {
        if hidden.contains(entry.name.as_str()) || hidden.contains(entry.table.as_str()) {
            continue;
        }
        let named = rests_on(entry, &kinds);
        let (id, object) = match entry.kind.as_str() {
            "table" if is_virtual(entry) => {
                let columns = told.remove(entry.name.as_str()).flatten();
                let table = virtual_table(entry, columns, shadows.remove(&entry.name).unwrap_or_default());
                catalog.diagnostics.extend(no_module(entry, &table));
                (LiteId::new(LiteKind::VirtualTable, [&entry.name]), LiteObject::VirtualTable(table))
            }
            "table" => {
                let Some(list) = listed.get(&entry.name) else { continue };
                let columns = shown.remove(&entry.name).unwrap_or_default();
                let (table, told) = table(entry, list, columns);
                catalog.diagnostics.extend(told);
                (LiteId::new(LiteKind::Table, [&entry.name]), LiteObject::Table(table))
            }
            "index" => {
                let index = Index {
                    table: proper(&kinds, &entry.table),
                    words: words_of(entry, &named),
                    sql: entry.sql.clone(),
                };
                (LiteId::new(LiteKind::Index, [&entry.name]), LiteObject::Index(index))
            }
            "view" => {
                let columns = told.remove(entry.name.as_str()).flatten();
                let view = View { words: words_of(entry, &named), sql: entry.sql.clone(), columns };
                (LiteId::new(LiteKind::View, [&entry.name]), LiteObject::View(view))
            }
            "trigger" => {
                let on_kind = kinds.get(&entry.table.to_ascii_lowercase()).map_or(LiteKind::Table, |(kind, _)| *kind);
                let on = proper(&kinds, &entry.table);
                let trigger = Trigger { on, on_kind, words: words_of(entry, &named), sql: entry.sql.clone() };
                (LiteId::new(LiteKind::Trigger, [&entry.name]), LiteObject::Trigger(trigger))
            }
            other => {
                catalog.diagnostics.push(
                    Diagnostic::new(
                        Severity::Warning,
                        "not-modelled",
                        format!("sqlite_schema has an entry {} of the kind `{other}`, which is not known", entry.name),
                    )
                    .note("it is neither compared nor changed"),
                );
                continue;
            }
        };
        place(&mut catalog, &id, n);
        for on in named {
            catalog.add_dependency(id.clone(), on);
        }
        catalog.objects.insert(id, object);
    }
    Ok(catalog)
}

fn is_virtual(entry: &Entry) -> bool {
    let list: Vec<Tok> = toks(&entry.sql).into_iter().take(2).collect();
    keyword(list.get(1), &entry.sql) == "virtual"
}

/// A name as the object itself is written, whatever the case in which it is named.
fn proper(kinds: &HashMap<String, (LiteKind, &str)>, name: &str) -> String {
    kinds.get(&name.to_ascii_lowercase()).map_or_else(|| name.to_owned(), |(_, name)| (*name).to_owned())
}

fn entries(connection: &Connection) -> Result<Vec<Entry>> {
    let mut query = connection.prepare(
        "SELECT type, name, tbl_name, sql FROM main.sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
         ORDER BY rowid",
    )?;
    let entry =
        |row: &Row<'_>| Ok(Entry { kind: row.get(0)?, name: row.get(1)?, table: row.get(2)?, sql: row.get(3)? });
    query.query_map([], entry)?.collect()
}

fn listed(connection: &Connection) -> Result<HashMap<String, Listed>> {
    let mut query = connection.prepare("SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main'")?;
    let row = |row: &Row<'_>| {
        Ok((row.get::<_, String>(0)?, Listed { kind: row.get(1)?, without_rowid: row.get(2)?, strict: row.get(3)? }))
    };
    query.query_map([], row)?.collect()
}

fn shown(connection: &Connection) -> Result<HashMap<String, Vec<Shown>>> {
    // A virtual table whose module is missing, and a view over what is missing, would make the whole query fail.
    let mut query = connection.prepare(
        "SELECT m.name, x.name, x.type, x.\"notnull\", x.dflt_value, x.pk, x.hidden \
         FROM (SELECT name FROM main.sqlite_schema WHERE type = 'table' AND rootpage > 0) m \
         JOIN pragma_table_xinfo(m.name, 'main') x ORDER BY m.name, x.cid",
    )?;
    let mut all: HashMap<String, Vec<Shown>> = HashMap::new();
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let shown = Shown {
            name: row.get(1)?,
            declared: row.get(2)?,
            not_null: row.get(3)?,
            default: row.get(4)?,
            key: row.get(5)?,
            hidden: row.get(6)?,
        };
        all.entry(row.get(0)?).or_default().push(shown);
    }
    Ok(all)
}

/// The columns of a view or virtual table that are not hidden; none where SQLite cannot tell them.
fn columns_of(connection: &Connection, name: &str) -> Option<Vec<String>> {
    let sql = format!("SELECT name FROM pragma_table_xinfo({}) WHERE hidden <> 1", underpin_sql::sqlite::literal(name));
    let mut query = connection.prepare(&sql).ok()?;
    let names: Result<Vec<String>> = query.query_map([], |row| row.get(0)).ok()?.collect();
    // One without any column was not understood.
    names.ok().filter(|names| !names.is_empty())
}

fn table(entry: &Entry, listed: &Listed, shown: Vec<Shown>) -> (Table, Option<Diagnostic>) {
    let own: BTreeSet<String> = shown.iter().map(|c| c.name.to_ascii_lowercase()).collect();
    let text = read_table_among(&entry.sql, &|name| own.contains(name)).filter(|t| {
        // What both tell must agree.
        t.columns.len() == shown.len()
            && t.columns.iter().zip(&shown).all(|(read, shown)| {
                let has = |kind| read.rules.iter().any(|r| r.kind == kind);
                let computed = matches!(shown.hidden, 2 | 3);
                read.name == shown.name
                    && (has(RuleKind::NotNull) || !shown.not_null || shown.key > 0 || listed.without_rowid)
                    && has(RuleKind::Generated) == computed
                    && (shown.default.is_none() || has(RuleKind::Default))
            })
    });
    let read = text.is_some();
    let (names, rules): (Vec<_>, Vec<Rule>) = match text {
        Some(text) => (
            text.columns.into_iter().map(|c| (c.rules, entry.sql[c.span].to_owned())).collect(),
            text.rules.into_iter().map(|(rule, _)| rule).collect(),
        ),
        None => (
            shown.iter().map(|s| (Vec::new(), format!("{} {}", ident(&s.name), s.declared))).collect(),
            vec![Rule { kind: RuleKind::Unread, name: None, words: words(&entry.sql), text: entry.sql.clone() }],
        ),
    };
    let columns = shown
        .into_iter()
        .zip(names)
        .map(|(s, (rules, text))| Column {
            name: s.name,
            declared: s.declared,
            not_null: s.not_null,
            default: s.default,
            key: s.key,
            generated: match s.hidden {
                2 => Generated::Virtual,
                3 => Generated::Stored,
                _ => Generated::No,
            },
            rules,
            text,
        })
        .collect();
    let table =
        Table { columns, rules, strict: listed.strict, without_rowid: listed.without_rowid, sql: entry.sql.clone() };
    let told = (!read).then(|| {
        Diagnostic::new(
            Severity::Warning,
            "table-not-read",
            format!("the statement of the table {} could not be taken apart, so it is compared as a whole", entry.name),
        )
        .note("any change to it makes the table anew, with the columns that both sides have")
        .about(vec![entry.name.clone()])
    });
    (table, told)
}

fn virtual_table(entry: &Entry, columns: Option<Vec<String>>, mut shadows: Vec<String>) -> VirtualTable {
    let list = toks(&entry.sql);
    let using = list.iter().position(|t| t.is(&entry.sql, "USING"));
    let module = using.and_then(|n| list.get(n + 1)).and_then(|t| t.name(&entry.sql)).unwrap_or_default();
    shadows.sort();
    VirtualTable {
        module: module.to_ascii_lowercase(),
        words: words(&entry.sql),
        sql: entry.sql.clone(),
        columns,
        shadows,
    }
}

fn no_module(entry: &Entry, table: &VirtualTable) -> Option<Diagnostic> {
    table.columns.is_none().then(|| {
        Diagnostic::new(
            Severity::Warning,
            "not-modelled",
            format!(
                "the virtual table {} is of the module {}, which this program does not have: its rows and its tables are not looked \
                 at",
                entry.name, table.module
            ),
        )
        .note("its statement is compared; a change to it cannot be made here")
        .about(vec![entry.name.clone()])
    })
}

/// What an object names: what it is on, and for views and triggers what stands where a table does. The order in which things are
/// made follows it; SQLite itself looks for them when they are used.
fn rests_on(entry: &Entry, kinds: &HashMap<String, (LiteKind, &str)>) -> BTreeSet<LiteId> {
    let id = |name: &str| kinds.get(&name.to_ascii_lowercase()).map(|(kind, name)| LiteId::new(*kind, [name]));
    let named = |sql: &str| sources(sql).into_iter().filter_map(|name| id(&name)).collect::<Vec<_>>();
    let mut found = BTreeSet::new();
    match entry.kind.as_str() {
        "table" if is_virtual(entry) => found.extend(option(&entry.sql, "content").and_then(|name| id(&name))),
        "index" => found.extend(id(&entry.table)),
        "trigger" => {
            found.extend(id(&entry.table));
            found.extend(named(&entry.sql));
        }
        "view" => found.extend(named(&entry.sql)),
        _ => {}
    }
    // A view that reads itself rests on nothing by that; an index or trigger may be called as its table is.
    if matches!(entry.kind.as_str(), "table" | "view") {
        found.retain(|on| !on.part(0).eq_ignore_ascii_case(&entry.name));
    }
    found
}

/// The names that stand where a table is named: behind FROM, JOIN, INTO, UPDATE and IN, and behind commas of a FROM. Those that the
/// statement itself makes by WITH are none.
fn sources(sql: &str) -> BTreeSet<String> {
    let list = toks(sql);
    let made = made_by_with(sql, &list);
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    // For each parenthesis that is open, whether what stands there is the list of a FROM.
    let mut in_from = vec![false];
    for (n, tok) in list.iter().enumerate() {
        let lists = in_from.last().copied().unwrap_or_default();
        let before = n.checked_sub(1).map(|m| list[m]);
        let leads = before.is_some_and(|b| {
            SOURCES.contains(&keyword(Some(&b), sql).as_str())
                || (lists && matches!(b.kind, TokKind::Comma | TokKind::Open))
                || (b.kind == TokKind::Dot && n >= 2 && list[n - 2].is(sql, "main"))
        });
        if leads && matches!(tok.kind, TokKind::Word | TokKind::Quoted) {
            let name = tok.name(sql).unwrap_or_default();
            let key = name.to_ascii_lowercase();
            // A query in parentheses stands where a table does.
            let is_query =
                tok.kind == TokKind::Word && matches!(key.as_str(), "select" | "values" | "with" | "on" | "or");
            let is_schema = list.get(n + 1).is_some_and(|t| t.kind == TokKind::Dot);
            if !is_query && !is_schema && !made.contains(&key) {
                found.insert(key, name);
            }
        }
        match tok.kind {
            TokKind::Open => in_from.push(lists && leads),
            TokKind::Close => {
                in_from.pop();
                if in_from.is_empty() {
                    in_from.push(false);
                }
            }
            TokKind::Word => {
                let word = keyword(Some(tok), sql);
                if let Some(last) = in_from.last_mut() {
                    match word.as_str() {
                        "from" | "join" => *last = true,
                        word if ENDS_FROM.contains(&word) => *last = false,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    found.into_values().collect()
}

/// Words behind which a table is named. `UPDATE OR REPLACE t` names it behind the last of them.
const SOURCES: &[&str] = &["from", "join", "into", "update", "in", "replace", "rollback", "ignore", "abort", "fail"];

/// Words that end the list of a FROM.
const ENDS_FROM: &[&str] = &[
    "select",
    "where",
    "group",
    "having",
    "order",
    "limit",
    "window",
    "union",
    "except",
    "intersect",
    "on",
    "using",
    "set",
    "values",
];

/// The names that WITH makes: `name [(columns)] AS [[NOT] MATERIALIZED] (`.
fn made_by_with(sql: &str, list: &[Tok]) -> BTreeSet<String> {
    let mut made = BTreeSet::new();
    for (n, tok) in list.iter().enumerate().skip(1) {
        if !tok.is(sql, "AS") {
            continue;
        }
        let behind = list[n + 1..].iter().find(|t| !t.is(sql, "NOT") && !t.is(sql, "MATERIALIZED"));
        if behind.is_none_or(|t| t.kind != TokKind::Open) {
            continue;
        }
        let mut at = n - 1;
        if list[at].kind == TokKind::Close {
            let mut depth = 0_usize;
            while at > 0 {
                match list[at].kind {
                    TokKind::Close => depth += 1,
                    TokKind::Open => depth -= 1,
                    _ => {}
                }
                at -= 1;
                if depth == 0 {
                    break;
                }
            }
        }
        made.extend(list[at].name(sql).map(|name| name.to_ascii_lowercase()));
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sql: &str) -> String {
        sources(sql).into_iter().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_tables_of_a_query_are_found() {
        assert_eq!(
            names("CREATE VIEW v AS SELECT a, b FROM t AS x, \"u\" JOIN (SELECT c, d FROM w) ON e = f WHERE g IN z"),
            "t u w z"
        );
        assert_eq!(
            names(
                "CREATE VIEW v AS WITH c(x, y) AS (SELECT 1), d AS NOT MATERIALIZED (SELECT 2 FROM t) SELECT * FROM c, d, main.e"
            ),
            "e t"
        );
        assert_eq!(
            names(
                "CREATE TRIGGER r AFTER UPDATE ON t BEGIN INSERT INTO a SELECT b FROM c; UPDATE OR REPLACE d SET e = 1, f = 2; DELETE FROM g; END"
            ),
            "a c d g"
        );
    }
}
