//! The desired SQL elaborated by a real server.

use crate::EngineError;
use crate::dev::{Dev, DevDatabase};
use crate::files::{SqlFile, SqlFiles};
use crate::loader::{Piece, Rejected, run};
use std::collections::BTreeMap;
use underpin_model::{Diagnostic, Severity, Source as Origin, Span};
use underpin_postgres::{PgCatalog, introspect, server_of};
use underpin_sql::{Class, Hint, HintKind, HintTarget, Name, ObjectWord, Space, Statement, byte_of_position};

/// A name that was said to have been another.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Renamed {
    /// Schema (where it was written or found), and for a part of a relation the relation.
    pub schema: Option<String>,
    /// The object, under its new name.
    pub name: String,
    /// The column, constraint or value of it that is meant.
    pub part: Option<Part>,
    /// The old name in its parts.
    pub old: Vec<String>,
    /// What the statement makes: `relation`, `type`, `routine`, `schema`.
    pub space: String,
    pub origin: Origin,
}

/// What of an object a hint is about.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Part {
    Column(String),
    Constraint(String),
    Value(String),
}

/// What becomes of values of an enum: schema, type, old and new values.
pub(crate) type Mapped = (String, String, Vec<(String, String)>);

/// Where the rows of a table come from, by hint.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct RowsHint {
    /// The schema and the name of the table.
    pub table: (String, String),
    /// The query, and where it stands.
    pub query: (String, Span),
    /// The way back, as assignments, and where it stands.
    pub down: Option<(String, Span)>,
    /// The path on which names in it are looked up.
    pub path: Vec<String>,
}

/// What the files say that a catalog does not hold.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Said {
    /// Where objects are made: by schema, name and part.
    pub origins: BTreeMap<(String, String, String), Origin>,
    /// Renames by hint.
    pub renames: Vec<Renamed>,
    /// Conversions by hint: schema, table, column, expression.
    pub usings: Vec<(String, String, String, String)>,
    /// Ways back by hint, likewise.
    #[serde(default)]
    pub downs: Vec<(String, String, String, String)>,
    /// Values for rows that are there by hint, likewise.
    #[serde(default)]
    pub backfills: Vec<(String, String, String, String)>,
    /// What becomes of values of an enum that go, by hint.
    #[serde(default)]
    pub maps: Vec<Mapped>,
    /// Where rows of tables come from, by hint.
    #[serde(default)]
    pub rows: Vec<RowsHint>,
}

/// A desired schema.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Desired {
    pub catalog: PgCatalog,
    pub said: Said,
    pub diagnostics: Vec<Diagnostic>,
    /// The major version of the server that read it; none where that is not known.
    pub major: Option<u32>,
}

/// Loads the files into a new database and reads it back.
pub(crate) fn elaborate(dev: &Dev, files: &SqlFiles, trust: bool) -> Result<Desired, EngineError> {
    let mut database = dev.database()?;
    let ordered = files.ordered();
    let mut diagnostics = files.findings();
    let mut kept: Vec<(&SqlFile, &Statement)> = Vec::with_capacity(ordered.len());
    let mut left: BTreeMap<&'static str, (usize, Span)> = BTreeMap::new();
    for (file, statement) in ordered {
        match leave_out(dev, &statement.class) {
            None => kept.push((file, statement)),
            Some("") => {}
            Some(why) => {
                left.entry(why).or_insert_with(|| (0, file.span(statement.span.clone()))).0 += 1;
            }
        }
    }
    for (why, (count, span)) in left {
        let place = format!("first at {}:{}", span.file, span.line);
        let severity = if why.starts_with("DML") { Severity::Warning } else { Severity::Note };
        diagnostics.push(Diagnostic::new(
            severity,
            "left-out",
            format!("{count} statement(s) were not run: {why} ({place})"),
        ));
    }
    let pieces: Vec<Piece<'_>> = kept
        .iter()
        .map(|(file, s)| Piece {
            sql: &file.text[s.span.clone()],
            class: s.class.clone(),
            search_path: s.search_path.as_ref(),
            role: s.role.as_ref(),
        })
        .collect();
    let rejected = run(&mut database, &pieces, trust)?;
    let (soft, hard): (Vec<_>, Vec<_>) = rejected.into_iter().partition(|r| {
        // Memberships and the like belong to the server, not to the schema.
        matches!(kept[r.place].1.class, Class::Role | Class::ReassignOwned)
            || r.words == crate::loader::ROLES_MADE
            || (kept[r.place].1.class == Class::Grant && !pieces[r.place].sql.to_ascii_lowercase().contains(" on "))
    });
    for r in soft {
        let (file, statement) = kept[r.place];
        diagnostics.push(
            // Not with its source: it may hold a password.
            Diagnostic::new(
                Severity::Note,
                "left-out",
                format!(
                    "{}:{}: a statement about roles was left out: roles belong to the server, not to a schema",
                    file.name, statement.line
                ),
            )
            .note(r.words),
        );
    }
    if !hard.is_empty() {
        return Err(EngineError::Input(rejections(&hard, &kept, dev, diagnostics)));
    }
    diagnostics.extend(not_in_role(&database, &kept));
    let catalog = read_back(&mut database)?;
    if !dev.is_private() {
        diagnostics.extend(lost_grants(&catalog, &kept));
    }
    let mut said = Said::default();
    for (file, statement) in &kept {
        diagnostics.extend(note(&mut said, file, statement));
    }
    diagnostics.extend(catalog.diagnostics.iter().cloned());
    Ok(Desired { catalog, said, diagnostics, major: Some(dev.major()?) })
}

/// Statements that the role which their file has set may not run, so that somebody else owns what they made.
fn not_in_role(database: &DevDatabase<'_>, kept: &[(&SqlFile, &Statement)]) -> Vec<Diagnostic> {
    let told = database.not_in_role.iter().filter_map(|place| {
        let (file, statement) = kept.get(*place)?;
        let role = statement.role.as_deref()?;
        let message = format!("the role {role} may not run this statement, so it was run as the schema's owner");
        Some(
            Diagnostic::new(Severity::Warning, "not-as-role", message)
                .at(Some(file.span(statement.span.clone())))
                .note("what it makes belongs to the schema's owner in the desired schema")
                .help(format!("grant {role} what it lacks in the files, or say OWNER TO {role}")),
        )
    });
    told.collect()
}

/// Grants on functions that are an extension's, where no superuser can give them: the loader does not own them, and the
/// server only warns where one grants what one cannot.
fn lost_grants(catalog: &PgCatalog, kept: &[(&SqlFile, &Statement)]) -> Vec<Diagnostic> {
    use underpin_postgres::PgKind;
    if !catalog.objects.keys().any(|id| id.kind == PgKind::Extension) {
        return Vec::new();
    }
    let ours: std::collections::HashSet<&str> = catalog
        .objects
        .keys()
        .filter(|id| matches!(id.kind, PgKind::Function | PgKind::Procedure | PgKind::Aggregate))
        .map(|id| id.part(1))
        .collect();
    let grants = kept.iter().filter(|(_, s)| matches!(s.class, Class::Grant | Class::Revoke));
    grants
        .filter_map(|(file, s)| {
            let names = s.refers.iter().chain(&s.alters);
            let other = names.filter(|n| n.space == Space::Routine).find(|n| !ours.contains(n.name.as_str()))?;
            Some(
                Diagnostic::new(
                    Severity::Warning,
                    "grant-not-taken",
                    format!("what is granted or revoked on the function {} is not part of the desired schema: it is an extension's or the server's own", other.name),
                )
                .at(Some(file.span(s.span.clone())))
                .help("grant it by hand on the database; plans neither make nor check it"),
            )
        })
        .collect()
}

/// Reads a development database back, with roles under the live side's names.
pub(crate) fn read_back(database: &mut DevDatabase<'_>) -> Result<PgCatalog, EngineError> {
    let server = server_of(&mut database.loader)?;
    let alias = database.dev().role_alias();
    Ok(if database.dev().is_private() {
        introspect(database.admin()?, &server, &alias)?
    } else {
        introspect(&mut database.loader, &server, &alias)?
    })
}

/// Why a statement is not run; an empty reason needs no mention.
fn leave_out(dev: &Dev, class: &Class) -> Option<&'static str> {
    match class {
        Class::Transaction | Class::SelectSetConfigSearchPath { .. } => Some(""),
        Class::Set { name } => match name.as_str() {
            // The splitter hands the path to each statement that it holds for.
            "search_path" => Some(""),
            "role" | "session authorization" if dev.is_private() => Some(""),
            "default_tablespace" | "default_table_access_method" | "xmloption" | "standard_conforming_strings" => None,
            _ => Some("they set something of a session, which says nothing of a schema"),
        },
        Class::Dml => Some("DML reads or changes rows, and a schema has none"),
        Class::Database => Some("databases, tablespaces and server settings are not part of a schema"),
        Class::Role if !dev.is_private() => Some("roles belong to the server; make them there"),
        _ => None,
    }
}

/// The findings for statements that the server does not take, each with its place.
fn rejections(
    list: &[Rejected],
    kept: &[(&SqlFile, &Statement)],
    dev: &Dev,
    mut out: Vec<Diagnostic>,
) -> Vec<Diagnostic> {
    out.retain(|d| d.severity == Severity::Warning);
    const SHOWN: usize = 8;
    let mut sorted: Vec<&Rejected> = list.iter().collect();
    sorted.sort_by_key(|r| (&kept[r.place].0.name, kept[r.place].1.span.start));
    for r in sorted.iter().take(SHOWN) {
        let (file, statement) = kept[r.place];
        let sql = &file.text[statement.span.clone()];
        let span = match r.position.and_then(|p| byte_of_position(sql, p)) {
            Some(at) => {
                let start = statement.span.start + at;
                let word: usize = file.text[start..statement.span.end]
                    .char_indices()
                    .take_while(|(n, c)| *n == 0 || c.is_alphanumeric() || *c == '_' || *c == '.')
                    .map(|(_, c)| c.len_utf8())
                    .sum();
                file.span(start..start + word)
            }
            None => {
                let first = sql.lines().next().map_or(0, str::len);
                file.span(statement.span.start..statement.span.start + first)
            }
        };
        let head: String = sql.split_whitespace().take(6).collect::<Vec<_>>().join(" ");
        let mut d = Diagnostic::new(
            Severity::Error,
            "rejected-sql",
            format!("the server does not take this statement: {}", r.words),
        )
        .at(Some(span))
        .note(format!("in the statement that begins with `{head}`"));
        d.help = help(r, dev).map(str::to_owned);
        out.push(d);
    }
    if list.len() > SHOWN {
        out.push(Diagnostic::new(
            Severity::Error,
            "rejected-sql",
            format!("{} more statements are not taken", list.len() - SHOWN),
        ));
    }
    out
}

fn help(r: &Rejected, dev: &Dev) -> Option<&'static str> {
    let first = r.words.lines().next().unwrap_or_default();
    if first.contains("extension \"")
        && (first.contains("is not available") || first.contains("could not open extension control file"))
    {
        return Some(
            "install the package that holds the extension on this machine (Debian: postgresql-contrib, or one named after the \
             extension), or give --dev-db a server that has it",
        );
    }
    if !dev.is_private() && first.contains("role \"") && first.contains("does not exist") {
        return Some(
            "roles belong to the server and are not made on one that others use; make it there first (CREATE ROLE …), or leave \
             out --dev-db for a private server, where it is made",
        );
    }
    match r.code.as_str() {
        "42P01" | "42704" | "42883" | "3F000" | "42703" => Some(
            "what it refers to is made nowhere in the desired SQL; add the file that makes it, or correct the name",
        ),
        "42501" if dev.is_private() => Some(
            "the desired SQL is loaded without a superuser's rights; if you trust where it comes from, --trust-sql runs it with them",
        ),
        "42601" => Some("correct the SQL where it is marked"),
        _ => None,
    }
}

fn schema_of(name: &Name, statement: &Statement) -> String {
    name.schema.clone().unwrap_or_else(|| {
        let path = statement.search_path.as_deref().unwrap_or_default();
        path.iter().find(|p| *p != "pg_catalog" && *p != "$user").cloned().unwrap_or_else(|| "public".to_owned())
    })
}

/// A hint above a table about its rows: the query that they come from, or the way back of the query above it.
fn note_rows(said: &mut Said, (file, statement): (&SqlFile, &Statement), hint: &Hint, table: (String, String)) -> bool {
    let (HintKind::Backfill(text) | HintKind::Down(text)) = &hint.kind else { return false };
    if !matches!(statement.class, Class::Create(ObjectWord::Table)) {
        return false;
    }
    let start = hint.span.start + file.text[hint.span.clone()].find(text.as_str()).unwrap_or_default();
    let place = (text.clone(), file.span(start..start + text.len()));
    if matches!(hint.kind, HintKind::Down(_)) {
        let above = said.rows.last_mut().filter(|rows| rows.table == table && rows.down.is_none());
        return above.map(|rows| rows.down = Some(place)).is_some();
    }
    let is_query = text.get(..6).is_some_and(|word| word.eq_ignore_ascii_case("select"));
    if is_query {
        let path = statement.search_path.as_deref().map(<[String]>::to_vec);
        let path = path.unwrap_or_else(|| vec![table.0.clone(), "public".to_owned()]);
        said.rows.push(RowsHint { table, query: place, down: None, path });
    }
    is_query
}

/// Notes where a statement's objects are made and what its hints say; comes back with what is wrong with those.
fn note(said: &mut Said, file: &SqlFile, statement: &Statement) -> Vec<Diagnostic> {
    let mut wrong = Vec::new();
    let origin = |line: usize| Origin { file: file.name.clone(), line };
    let main = statement
        .creates
        .iter()
        .find(|n| n.space != Space::Type)
        .or(statement.creates.first())
        .or(statement.alters.first());
    let Some(main) = main else { return wrong };
    let schema = schema_of(main, statement);
    for name in &statement.creates {
        let key = (schema_of(name, statement), name.name.clone(), String::new());
        said.origins.entry(key).or_insert_with(|| origin(statement.line));
    }
    for (column, line) in &statement.columns {
        said.origins.insert((schema.clone(), main.name.clone(), column.clone()), origin(*line));
    }
    let space = match main.space {
        Space::Schema => "schema",
        Space::Relation => "relation",
        Space::Type => "type",
        Space::Routine => "routine",
        Space::Part | Space::Key | Space::Other => "other",
    };
    for hint in &statement.hints {
        let part = match &hint.target {
            HintTarget::Statement => None,
            HintTarget::Column(c) => Some(Part::Column(c.clone())),
            HintTarget::Constraint(c) => Some(Part::Constraint(c.clone())),
            HintTarget::EnumValue(v) => Some(Part::Value(v.clone())),
        };
        match &hint.kind {
            HintKind::RenamedFrom(old) => said.renames.push(Renamed {
                schema: Some(schema.clone()),
                name: main.name.clone(),
                part,
                old: old.clone(),
                space: space.to_owned(),
                origin: origin(hint.line),
            }),
            HintKind::Using(text) | HintKind::Down(text) | HintKind::Backfill(text) => {
                let list = match &hint.kind {
                    HintKind::Using(_) => &mut said.usings,
                    HintKind::Down(_) => &mut said.downs,
                    _ => &mut said.backfills,
                };
                if let HintTarget::Column(column) = &hint.target {
                    list.push((schema.clone(), main.name.clone(), column.clone(), text.clone()));
                } else if !note_rows(said, (file, statement), hint, (schema.clone(), main.name.clone())) {
                    let message = "the hint is about no column, and is none that a table has";
                    wrong.push(
                        Diagnostic::new(Severity::Warning, "hint-not-understood", message)
                            .at(Some(file.span(hint.span.clone())))
                            .help(
                                "write it on a column; above CREATE TABLE a query says where the table's rows come from: \
                                 `-- underpin: backfill SELECT … FROM …`, and below that the way back: \
                                 `-- underpin: down COLUMN = EXPR, …`",
                            ),
                    );
                }
            }
            HintKind::Map(pairs) => said.maps.push((schema.clone(), main.name.clone(), pairs.clone())),
        }
    }
    wrong
}
