//! Queries above tables that say where their rows come from: read, checked by the development server, and put into its words.

use crate::desired::{RowsHint, Said};
use crate::dev::DevDatabase;
use crate::error::server_words;
use crate::files::FileTexts;
use crate::ground::Ground;
use crate::live::Live;
use crate::renames::Rename;
use crate::{EngineError, stages};
use std::collections::BTreeSet;
use underpin_model::{Diagnostic, Severity, Span};
use underpin_postgres::recipes::RowExpr;
use underpin_postgres::recipes::rows_moved::{Moved, RowsFrom, moved};
use underpin_postgres::{PgCatalog, PgId, PgKind, PgObject, parts_of};
use underpin_sql::{Lexer, LineIndex, Token, TokenKind, byte_of_position, ident, quote};

/// What the queries stand for in a plan, and what is to be told of them.
type Rows = (Vec<RowsFrom>, Vec<Diagnostic>);

/// What keeps columns named by their table in what the server prints, on every version.
const BESIDE: &str = "_underpin_beside";

/// How such a query looks like, for who wrote another.
const FORM: &str = "write a query of this form: `SELECT EXPR AS column, … FROM table WHERE CONDITION`, with one table, expressions \
                    over its row, and perhaps a WHERE";

/// The queries of a plan from one side to the other, in the words of a server.
pub(crate) fn rows(
    ground: &Ground<'_>,
    (from, to): (&PgCatalog, &PgCatalog),
    (said, texts): (&Said, &FileTexts),
    pending: &[Rename],
    live: Option<&mut Live>,
) -> Result<Rows, EngineError> {
    let (mut list, mut told) = (Vec::new(), Vec::new());
    let mut here: Option<DevDatabase<'_>> = None;
    let mut there: Option<DevDatabase<'_>> = None;
    for hint in &said.rows {
        let target = PgId::new(PgKind::Table, [&hint.table.0, &hint.table.1]);
        if !matches!(to.objects.get(&target), Some(PgObject::Table(_))) {
            continue;
        }
        let place = Place { hint, texts };
        let query = Query::read(&hint.query.0).map_err(|(at, why)| place.error(Some(at), &why).0)?;
        let sources = query.may_be(&hint.path);
        let is_about = |id: &PgId| sources.contains(id) || *id == target;
        let renamed = |r: &&Rename| match r.to.kind {
            PgKind::Table => is_about(&r.to) || is_about(&r.from),
            PgKind::Column => is_about(&r.to.prefix(PgKind::Table, 2)) || is_about(&r.from.prefix(PgKind::Table, 2)),
            _ => false,
        };
        if let Some(rename) = pending.iter().find(renamed) {
            let why =
                format!("{} gets another name in the same plan, and rows move in a plan of their own", rename.from);
            return Err(place.error(Some(query.table.0), &why).help("rename first, and add the query after that"));
        }
        let Some(source) = sources.iter().find(|id| from.objects.contains_key(id)) else {
            told.push(place.spent(&format!("{} is not in the database", query.name)));
            continue;
        };
        let begun = moved(from, &target, source);
        let is_there = from.objects.contains_key(&target);
        if let Some(why) = unfit(from, source).or_else(|| unfit(to, &target)) {
            return Err(place.error(Some(query.table.0), &why).0);
        }
        let is_taken = |id: &&PgId| {
            id.of.is_none() && id.kind != PgKind::Table && id.depth() == 2 && id.parts() == source.parts() && {
                matches!(id.kind, PgKind::View | PgKind::MaterializedView | PgKind::Sequence | PgKind::Index)
            }
        };
        if let Some(other) = to.objects.keys().find(is_taken) {
            let why = format!("{other} takes the place of the table, which has to stay until its rows have moved");
            return Err(place.error(Some(query.table.0), &why).help("give it that name after the rows have moved"));
        }
        if *source == target {
            return Err(place.error(Some(query.table.0), "a table's rows cannot come from itself").0);
        }
        if here.is_none() {
            here = Some(ground.database(from, &[])?);
        }
        let Some(database) = &mut here else { continue };
        let (outputs, condition) = match canonical(database, &query, &hint.path) {
            Ok(read) => read,
            Err(Refused { code, .. })
                if is_there && begun != Moved::InFlight && matches!(&*code, "42703" | "42P01") =>
            {
                told.push(place.spent(&format!("what it reads of {} is gone", query.name)));
                continue;
            }
            Err(Refused { words, at, .. }) => return Err(place.error(at, &words).0),
        };
        let mut rows = RowsFrom { target, source: source.clone(), outputs, condition, downs: Vec::new() };
        if begun == Moved::Not && is_there && !rows.empties(to) {
            told.push(place.spent(&format!(
                "{} is there, and nothing of {} goes",
                quote::qualified(&rows.target.parts()),
                query.name
            )));
            continue;
        }
        fits(&rows, (from, to), &place, said)?;
        if let Some((text, _)) = &hint.down {
            if there.is_none() {
                there = Some(ground.database(to, &[])?);
            }
            if let Some(database) = &mut there {
                rows.downs = way_back(database, text, &rows, from).map_err(|why| place.error_below(&why))?;
            }
        }
        list.push((rows, begun));
    }
    if let Some(live) = live {
        collisions(live, &list, (from, to))?;
    }
    Ok((list.into_iter().map(|(rows, _)| rows).collect(), told))
}

/// What is told where rows that a query moves do not move, since all is in one stage.
pub(crate) fn rows_stay(rows: &[RowsFrom], from: &PgCatalog) -> Option<Diagnostic> {
    let waiting = rows.iter().filter(|r| moved(from, &r.target, &r.source) != Moved::Done);
    let words: Vec<String> = waiting
        .map(|r| format!("{} to {}", quote::qualified(&r.source.parts()), quote::qualified(&r.target.parts())))
        .collect();
    (!words.is_empty()).then(|| {
        let message = format!("no rows move in a plan of one stage: {}", words.join(", "));
        Diagnostic::new(Severity::Warning, "rows-not-moved", message)
            .help("use --strategy online, or copy the rows yourself before what they come from is dropped")
    })
}

/// Where a hint stands, for messages about it.
struct Place<'a> {
    hint: &'a RowsHint,
    texts: &'a FileTexts,
}

/// An error about a hint.
struct Wrong(EngineError);

impl Wrong {
    fn help(self, help: &str) -> EngineError {
        match self.0 {
            EngineError::Input(list) => EngineError::Input(
                list.into_iter()
                    .map(|mut d| {
                        d.help = Some(help.to_owned());
                        d
                    })
                    .collect(),
            ),
            other => other,
        }
    }
}

impl Place<'_> {
    /// The place of a byte of the query, and of the word that begins there.
    fn span(&self, at: Option<usize>) -> Span {
        let (query, whole) = &self.hint.query;
        let Some(at) = at.map(|at| at.min(query.len())) else { return whole.clone() };
        let word = Lexer::new(query.get(at..).unwrap_or_default()).next().map_or(0, |token| token.end);
        let start = whole.start + at;
        let (line, column) = match self.texts.get(&whole.file) {
            Some(text) => LineIndex::new(&text).line_column(start),
            None => (whole.line, whole.column),
        };
        Span { file: whole.file.clone(), line, column, start, end: start + word }
    }

    fn error(&self, at: Option<usize>, why: &str) -> Wrong {
        let (schema, name) = &self.hint.table;
        let message = format!("the rows of {} cannot come from this query: {why}", quote::qualified(&[schema, name]));
        let d = Diagnostic::new(Severity::Error, "bad-rows-query", message).at(Some(self.span(at))).help(FORM);
        Wrong(EngineError::Input(vec![d]))
    }

    /// An error about the way back.
    fn error_below(&self, why: &str) -> EngineError {
        let span = self.hint.down.as_ref().map(|(_, span)| span.clone());
        let message = format!("this way back cannot be gone: {why}");
        let d = Diagnostic::new(Severity::Error, "bad-rows-query", message).at(span);
        EngineError::Input(vec![d.help(
            "write what columns of the source table get, with expressions over a row of the table below: \
             `-- underpin: down COLUMN = EXPR, COLUMN = EXPR`",
        )])
    }

    fn spent(&self, why: &str) -> Diagnostic {
        let (schema, name) = &self.hint.table;
        let message = format!("no rows move to {}: {why}", quote::qualified(&[schema, name]));
        Diagnostic::new(Severity::Note, "hint-is-spent", message)
            .at(Some(self.span(Some(0))))
            .help("where the rows have moved, the hint can go")
    }
}

/// A query as it is written.
struct Query<'a> {
    text: &'a str,
    /// Where the table stands, up to the end of its alias.
    table: (usize, usize),
    schema: Option<String>,
    name: String,
    /// What columns may have before them.
    alias: String,
}

fn tokens(text: &str) -> Vec<Token> {
    Lexer::new(text).filter(|t| !t.kind.is_trivia()).collect()
}

fn is_word(text: &str, token: &Token, word: &str) -> bool {
    token.kind == TokenKind::Word && token.text(text).eq_ignore_ascii_case(word)
}

/// The place of the first of these words outside parentheses. `IS DISTINCT FROM` is none.
fn clause(text: &str, tokens: &[Token], words: &[&str]) -> Option<usize> {
    let mut depth = 0_usize;
    for (n, token) in tokens.iter().enumerate() {
        match token.kind {
            TokenKind::OpenParen => depth += 1,
            TokenKind::CloseParen => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            _ => {
                let distinct = n > 0 && is_word(text, &tokens[n - 1], "distinct");
                let dotted = n > 0 && tokens[n - 1].kind == TokenKind::Dot;
                if !distinct && !dotted && words.iter().any(|w| is_word(text, token, w)) {
                    return Some(n);
                }
            }
        }
    }
    None
}

impl<'a> Query<'a> {
    /// Reads the query; what is wrong comes back with its place.
    fn read(text: &'a str) -> Result<Self, (usize, String)> {
        let text = text.trim_end_matches(|c: char| c == ';' || c.is_whitespace());
        let toks = tokens(text);
        let at = |n: usize| toks.get(n).map_or(text.len(), |t| t.start);
        let plain = |n: usize, what: &str| Err((at(n), format!("{what}, and it may only say what each row becomes")));
        if let Some(n) = toks.iter().skip(1).position(|t| is_word(text, t, "select")) {
            return plain(n + 1, "it holds another query");
        }
        if toks.get(1).is_some_and(|t| is_word(text, t, "distinct") || is_word(text, t, "all")) {
            return plain(1, "it makes rows one");
        }
        let Some(from) = clause(text, &toks, &["from"]) else {
            return Err((text.len(), "it names no table".to_owned()));
        };
        let mut next = from + 1;
        if toks.get(next).is_some_and(|t| is_word(text, t, "only")) {
            next += 1;
        }
        let name = |n: usize| toks.get(n).filter(|t| t.kind.is_name()).map(|t| ident(text, *t));
        let Some(first) = name(next) else { return plain(next, "it reads something that is no table") };
        let dot = |n: usize| toks.get(n).is_some_and(|t| t.kind == TokenKind::Dot);
        let (schema, table) = if dot(next + 1) {
            let Some(second) = name(next + 2) else { return plain(next + 2, "it reads something that is no table") };
            next += 2;
            (Some(first), second)
        } else {
            (None, first)
        };
        let begins = at(from + 1);
        next += 1;
        let word = |n: usize, w: &str| toks.get(n).is_some_and(|t| is_word(text, t, w));
        let mut alias = table.clone();
        let more =
            ["group", "order", "having", "limit", "offset", "fetch", "window", "union", "intersect", "except", "for"];
        let joins = ["cross", "inner", "left", "right", "full", "join", "natural", "tablesample", "where"];
        if word(next, "as") {
            next += 1;
        } else if more.iter().any(|w| word(next, w)) {
            return plain(next, "it does more than choose rows");
        }
        if !joins.iter().any(|w| word(next, w))
            && let Some(other) = name(next)
        {
            alias = other;
            next += 1;
        }
        let ends = toks.get(next - 1).map_or(text.len(), |t| t.end);
        if next < toks.len() && !word(next, "where") {
            return plain(next, "it does more than read one table");
        }
        let behind = toks.get(next..).unwrap_or_default();
        if let Some(n) = clause(text, behind, &more) {
            return plain(next + n, "it does more than choose rows");
        }
        Ok(Self { text, table: (begins, ends), schema, name: table, alias })
    }

    /// The tables that may be meant, in the order of the path.
    fn may_be(&self, path: &[String]) -> Vec<PgId> {
        let schemas = self.schema.as_ref().map_or(path, std::slice::from_ref);
        schemas.iter().map(|schema| PgId::new(PgKind::Table, [schema, &self.name])).collect()
    }
}

/// Why a server does not take a query.
struct Refused {
    code: String,
    words: String,
    /// The byte of the query.
    at: Option<usize>,
}

impl Refused {
    fn because(words: impl Into<String>) -> Self {
        Self { code: String::new(), words: words.into(), at: None }
    }
}

impl From<postgres::Error> for Refused {
    fn from(error: postgres::Error) -> Self {
        Self::because(server_words(&error))
    }
}

impl From<EngineError> for Refused {
    fn from(error: EngineError) -> Self {
        Self::because(error.to_string())
    }
}

/// Output columns with their expressions, and the condition on rows.
type Read = (Vec<(String, RowExpr)>, Option<RowExpr>);

/// The query in the server's words: every name in full, `*` as columns.
fn canonical(database: &mut DevDatabase<'_>, query: &Query<'_>, path: &[String]) -> Result<Read, Refused> {
    let dev = database.dev();
    dev.set_search_path(&mut database.loader, Some(path))?;
    let made = make_view(database, query);
    let back = dev.set_search_path(&mut database.loader, Some(&[]));
    made?;
    back?;
    let client = &mut database.loader;
    let row = client.query_one("SELECT pg_get_viewdef('pg_temp._underpin_rows'::regclass)", &[])?;
    let text: String = row.get(0);
    let names: Vec<String> = client
        .query(
            "SELECT attname::text FROM pg_attribute WHERE attrelid = 'pg_temp._underpin_rows'::regclass AND attnum > 0 ORDER BY attnum",
            &[],
        )?
        .iter()
        .map(|row| row.get(0))
        .collect();
    // The functions and operators that a query calls stand in its tree.
    let volatile = client.query(
        "SELECT DISTINCT p.proname::text FROM pg_rewrite r, regexp_matches(r.ev_action::text, ':(?:funcid|opfuncid) (\\d+)', 'g') m \
         JOIN pg_proc p ON p.oid = m[1]::oid WHERE r.ev_class = 'pg_temp._underpin_rows'::regclass AND p.provolatile = 'v'",
        &[],
    )?;
    client.batch_execute("DROP VIEW pg_temp._underpin_rows")?;
    if let Some(row) = volatile.first() {
        let name: String = row.get(0);
        return Err(Refused::because(format!(
            "{name} gives another value each time; leave the column out of the query and give it that as its DEFAULT"
        )));
    }
    let read = taken_apart(&text, names, &query.alias)?;
    // No aggregate, window or set of rows can stand in a condition.
    let values: Vec<String> = read.0.iter().map(|(_, value)| value.over(&quote::ident(&query.alias))).collect();
    let table = &query.text[query.table.0..query.table.1];
    dev.set_search_path(&mut database.loader, Some(path))?;
    let explained =
        database.loader.batch_execute(&format!("EXPLAIN SELECT FROM {table} WHERE ROW({}) IS NULL", values.join(", ")));
    explained.map_err(|error| {
        Refused::because(format!("it makes something else than one row of each: {}", server_words(&error)))
    })?;
    Ok(read)
}

fn make_view(database: &mut DevDatabase<'_>, query: &Query<'_>) -> Result<(), Refused> {
    let before = "CREATE TEMP VIEW _underpin_rows AS ";
    let beside = format!(" CROSS JOIN (SELECT) AS {BESIDE}");
    let (head, tail) = query.text.split_at(query.table.1);
    let text = format!("{before}{head}{beside}{tail}");
    database.loader.batch_execute(&text).map_err(|error| {
        let (code, position) = error.as_db_error().map_or((String::new(), None), |db| {
            let at = match db.position() {
                Some(postgres::error::ErrorPosition::Original(at)) => usize::try_from(*at).ok(),
                _ => None,
            };
            (db.code().code().to_owned(), at)
        });
        let at = position.and_then(|p| byte_of_position(&text, p)).map(|at| {
            let at = at.saturating_sub(before.len());
            if at > head.len() { at.saturating_sub(beside.len()) } else { at }
        });
        let words = error.as_db_error().map_or_else(|| server_words(&error), |db| db.message().to_owned());
        Refused { code, words, at }
    })
}

/// Takes what the server prints of a view apart.
fn taken_apart(text: &str, names: Vec<String>, alias: &str) -> Result<Read, Refused> {
    let toks = tokens(text);
    let odd = || Refused::because("the server prints it in a way that is not known");
    let whole = |text: &str| {
        RowExpr::of(text, alias)
            .ok_or_else(|| Refused::because("it is about whole rows; name the columns that are meant"))
    };
    let from = clause(text, &toks, &["from"]).ok_or_else(odd)?;
    let mut outputs = Vec::new();
    let (mut depth, mut start) = (0_usize, 1);
    for n in 1..=from {
        match toks[n].kind {
            TokenKind::OpenParen | TokenKind::OpenBracket => depth += 1,
            TokenKind::CloseParen | TokenKind::CloseBracket => depth = depth.saturating_sub(1),
            TokenKind::Comma if depth == 0 => {}
            _ if n == from => {}
            _ => continue,
        }
        if (depth > 0 || toks[n].kind != TokenKind::Comma) && n != from {
            continue;
        }
        let named = n >= start + 3 && is_word(text, &toks[n - 2], "as");
        let last = if named { n - 3 } else { n - 1 };
        let expression = text.get(toks[start].start..toks[last].end).ok_or_else(odd)?;
        outputs.push(whole(expression)?);
        start = n + 1;
    }
    if outputs.len() != names.len() {
        return Err(odd());
    }
    let condition = match clause(text, &toks, &["where"]) {
        Some(n) => {
            let end = toks.iter().rev().find(|t| t.kind != TokenKind::Semicolon).map_or(text.len(), |t| t.end);
            Some(whole(&text[toks[n].end..end])?)
        }
        None => None,
    };
    Ok((names.into_iter().zip(outputs).collect(), condition))
}

/// The assignments of a way back, in the server's words.
fn way_back(
    database: &mut DevDatabase<'_>,
    text: &str,
    rows: &RowsFrom,
    from: &PgCatalog,
) -> Result<Vec<(String, RowExpr)>, String> {
    let list = underpin_sql::hints::assignments(text).ok_or("it is not understood")?;
    let mut outputs = Vec::new();
    for (column, expression) in list {
        let id = PgId::new(PgKind::Column, [rows.source.part(0), rows.source.part(1), &column]);
        if !from.objects.contains_key(&id) {
            return Err(format!("{} has no column {column}", quote::qualified(&rows.source.parts())));
        }
        outputs.push(format!("({expression}) AS {}", quote::ident(&column)));
    }
    let query = format!("SELECT {} FROM {}", outputs.join(", "), quote::qualified(&rows.target.parts()));
    let query = Query::read(&query).map_err(|(_, why)| why)?;
    let path = vec![rows.target.part(0).to_owned(), "public".to_owned()];
    canonical(database, &query, &path).map(|(outputs, _)| outputs).map_err(|refused| refused.words)
}

/// Why the rows of a table cannot be carried over.
fn unfit(catalog: &PgCatalog, table: &PgId) -> Option<String> {
    let name = quote::qualified(&table.parts());
    let Some(PgObject::Table(t)) = catalog.objects.get(table) else { return Some(format!("{name} is no table")) };
    if t.foreign.is_some() {
        return Some(format!("{name} is a foreign table"));
    }
    let is_part = catalog.objects.contains_key(&table.attached(PgKind::Partition, &[]));
    let is_heir = |o: &PgObject| matches!(o, PgObject::Table(t) if t.inherits.contains(table));
    if t.partition_by.is_some() || is_part || !t.inherits.is_empty() || catalog.objects.values().any(is_heir) {
        return Some(format!("{name} has partitions or heirs, or is one"));
    }
    None
}

/// Whether the query's columns make rows of the table, with a key by which they are known.
fn fits(
    rows: &RowsFrom,
    (from, to): (&PgCatalog, &PgCatalog),
    place: &Place<'_>,
    said: &Said,
) -> Result<(), EngineError> {
    let column = |name: &str| PgId::new(PgKind::Column, [rows.target.part(0), rows.target.part(1), name]);
    let table = quote::qualified(&rows.target.parts());
    let mut given: BTreeSet<&str> = BTreeSet::new();
    for (name, _) in &rows.outputs {
        match to.objects.get(&column(name)) {
            Some(PgObject::Column(c)) if c.generated.is_none() => {}
            Some(_) => return Err(place.error(None, &format!("{name} of {table} is generated")).0),
            None => {
                return Err(place
                    .error(None, &format!("{table} has no column {name}"))
                    .help("name each output after a column of the table: `EXPR AS column`"));
            }
        }
        if !given.insert(name) {
            return Err(place.error(None, &format!("{name} is given twice")).0);
        }
    }
    if rows.key(from, to).is_none() {
        let why = format!("{table} has no key among its columns by which a row could be known again");
        return Err(place.error(None, &why).help(
            "give the table a primary key or a unique constraint on columns that are NOT NULL, and have the query give all \
             of them values",
        ));
    }
    for (id, object) in parts_of(to, PgKind::Column, &rows.target.parts()) {
        let PgObject::Column(c) = object else { continue };
        if given.contains(id.last()) {
            continue;
        }
        let has_value = !c.not_null
            || c.identity.is_some()
            || c.generated.is_some()
            || to.objects.contains_key(&id.prefix(PgKind::Default, 3));
        if !has_value {
            let origin = stages::origin(id, said).map(|o| format!(" ({}:{})", o.file, o.line)).unwrap_or_default();
            let why = format!("{}{origin} is NOT NULL, has no default, and gets no value", id.last());
            return Err(place.error(None, &why).help("give the column a DEFAULT, or have the query give it a value"));
        }
    }
    Ok(())
}

/// Refuses rows that would have the key of other ones: of two sources, or of those that are in the table. What lacks the
/// right to be read is left to the run, which finds out as well.
fn collisions(
    live: &mut Live,
    list: &[(RowsFrom, Moved)],
    (from, to): (&PgCatalog, &PgCatalog),
) -> Result<(), EngineError> {
    let select = |rows: &RowsFrom, names: &[String]| {
        let source = quote::qualified(&rows.source.parts());
        let values = names.iter().filter_map(|name| {
            let (_, value) = rows.outputs.iter().find(|(n, _)| n == name)?;
            let of = match to.objects.get(&PgId::new(PgKind::Column, [rows.target.part(0), rows.target.part(1), name]))
            {
                Some(PgObject::Column(c)) => c.type_name.clone(),
                _ => return None,
            };
            Some(format!("({})::{of} AS {}", value.over(&source), quote::ident(name)))
        });
        let condition = rows.condition.as_ref().map(|c| format!(" WHERE {}", c.over(&source))).unwrap_or_default();
        format!("SELECT {} FROM {source}{condition}", values.collect::<Vec<_>>().join(", "))
    };
    let mut refused = |one: String,
                       other: String,
                       key: &[String],
                       names: &[String],
                       rows: &RowsFrom,
                       and: &RowsFrom| {
        let image =
            |row: &str| names.iter().map(|n| format!("{row}.{}", quote::ident(n))).collect::<Vec<_>>().join(", ");
        let key = key.iter().map(|k| quote::ident(k)).collect::<Vec<_>>().join(", ");
        let query = format!(
            "SELECT EXISTS (SELECT FROM ({one}) AS a JOIN ({other}) AS b USING ({key}) WHERE ROW({})::record OPERATOR(pg_catalog.*<>) ROW({}))",
            image("a"),
            image("b")
        );
        let row = live.client.query_one(&query, &[]).ok()?;
        if !row.get::<_, bool>(0) {
            return None;
        }
        let (source, table) = (quote::qualified(&rows.source.parts()), quote::qualified(&rows.target.parts()));
        let others = if rows == and {
            format!("that {table} has")
        } else {
            format!("of {}", quote::qualified(&and.source.parts()))
        };
        let message = format!("rows of {source} would have the key ({key}) of other rows, {others}");
        Some(EngineError::Input(vec![Diagnostic::new(Severity::Error, "rows-collide", message).help(
            "give them other keys in the query: an expression such as `id + 1000000 AS id`, or a column that tells them apart, \
             as a constant of the query and a part of the table's key: `'user' AS kind`",
        )]))
    };
    for (n, (rows, begun)) in list.iter().enumerate() {
        if *begun != Moved::Not {
            continue;
        }
        let Some((_, key)) = rows.key(from, to) else { continue };
        let names: Vec<String> = rows.outputs.iter().map(|(name, _)| name.clone()).collect();
        if from.objects.contains_key(&rows.target) {
            let there = |name: &String| {
                from.objects.contains_key(&PgId::new(PgKind::Column, [rows.target.part(0), rows.target.part(1), name]))
            };
            let known: Vec<String> = names.iter().filter(|name| there(name)).cloned().collect();
            let columns: Vec<String> = known.iter().map(|name| quote::ident(name)).collect();
            let own = format!("SELECT {} FROM {}", columns.join(", "), quote::qualified(&rows.target.parts()));
            if let Some(error) = refused(select(rows, &known), own, &key, &known, rows, rows) {
                return Err(error);
            }
        }
        for (other, begun) in list.iter().skip(n + 1).filter(|(other, _)| other.target == rows.target) {
            let both: Vec<String> =
                names.iter().filter(|name| other.outputs.iter().any(|(n, _)| n == *name)).cloned().collect();
            if *begun == Moved::Not
                && key.iter().all(|k| both.contains(k))
                && let Some(error) = refused(select(rows, &both), select(other, &both), &key, &both, rows, other)
            {
                return Err(error);
            }
        }
    }
    Ok(())
}
