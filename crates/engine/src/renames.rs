//! Renames by hint. What is renamed is renamed first, on a development database too, so that the rest of the plan is made
//! from what the server itself says after the rename: no definition is rewritten as text.

use crate::EngineError;
use crate::desired::{Part, Renamed};
use crate::ground::Ground;
use crate::swaps;
use std::collections::BTreeSet;
use underpin_model::{Change, Diagnostic, Kind, Object, Severity, Source as Origin};
use underpin_postgres::{PgCatalog, PgId, PgKind, PgObject};
use underpin_sql::Sql;

/// One rename to carry out.
#[derive(Clone)]
pub(crate) struct Rename {
    /// The address in the live schema.
    pub from: PgId,
    /// The address in the desired one.
    pub to: PgId,
    /// What is renamed, in words.
    pub words: String,
    pub sql: Vec<String>,
    pub reason: &'static str,
    pub origin: Option<Origin>,
}

impl Rename {
    /// Whether it follows from another one.
    pub fn is_along(&self) -> bool {
        self.reason == BY_NAME
    }
}

const BY_HINT: &str = "a hint in the desired SQL says so";
const BY_NAME: &str = "what it belongs to has another name, and its own name was made from that";

/// The renames that the hints say and that are still to be done; and the hints that cannot be followed.
fn pending(from: &PgCatalog, to: &PgCatalog, hints: &[Renamed]) -> (Vec<Rename>, Vec<Diagnostic>) {
    let mut done = Done::default();
    let mut findings = Vec::new();
    let mut sorted: Vec<&Renamed> = hints.iter().collect();
    // What holds others first, so that these are found under its new name.
    sorted.sort_by_key(|h| match (&h.part, h.space.as_str()) {
        (None, "schema") => 0,
        (None, "relation" | "type" | "routine") => 1,
        _ => 2,
    });
    for hint in sorted {
        let found = if let Some(Part::Value(value)) = &hint.part {
            enum_value(from, to, hint, value, &done)
        } else {
            object(from, to, hint, &done)
        };
        match found {
            Found::Rename(rename) => done.renames.push(*rename),
            // Done already, or made anew: a hint may stay in the file for good.
            Found::Stale => {}
            Found::Not(why) => findings.push(finding(hint, why)),
        }
    }
    make_schemas(from, &mut done);
    (done.renames, findings)
}

/// What moves into a schema that is new needs it there. A plan in stages makes it before, among all else that is new.
fn make_schemas(from: &PgCatalog, done: &mut Done) {
    let mut made: BTreeSet<String> = BTreeSet::new();
    for at in 0..done.renames.len() {
        let (old, new) = (&done.renames[at].from, &done.renames[at].to);
        let schema = new.part(0);
        if new.depth() < 2 || space_of(new.kind) == "part" || done.new_schema(old.part(0)) == schema {
            continue;
        }
        let live = PgId::new(PgKind::Schema, [done.live_schema(schema)]);
        if !from.objects.contains_key(&live) && made.insert(schema.to_owned()) {
            let make = Sql::new("CREATE SCHEMA IF NOT EXISTS").ident(schema).build();
            done.renames[at].sql.insert(0, make);
        }
    }
}

enum Found {
    Rename(Box<Rename>),
    Stale,
    Not(&'static str),
}

const NO_OBJECT: &str = "what it stands on is no object that can be renamed";
const STILL_WANTED: &str = "the old name is still wanted too, so this is no rename";

/// The renames so far, and the addresses that follow from them.
#[derive(Default)]
struct Done {
    renames: Vec<Rename>,
}

impl Done {
    /// What a schema is called in the live database.
    fn live_schema<'a>(&'a self, schema: &'a str) -> &'a str {
        self.renames
            .iter()
            .find(|r| r.to.kind == PgKind::Schema && r.to.part(0) == schema)
            .map_or(schema, |r| r.from.part(0))
    }

    /// What a schema of the live database is called when the renames of schemas are done.
    fn new_schema<'a>(&'a self, schema: &'a str) -> &'a str {
        self.renames
            .iter()
            .find(|r| r.from.kind == PgKind::Schema && r.from.part(0) == schema)
            .map_or(schema, |r| r.to.part(0))
    }

    /// What an object that has parts is called in the live database: its schema and name.
    fn live_holder<'a>(&'a self, schema: &'a str, name: &'a str, kind: PgKind) -> (&'a str, &'a str) {
        let of_kind = |id: &PgId| id.depth() == 2 && holds(id.kind, kind);
        let renamed = self.renames.iter().find(|r| of_kind(&r.to) && r.to.part(0) == schema && r.to.part(1) == name);
        renamed.map_or_else(|| (self.live_schema(schema), name), |r| (r.from.part(0), r.from.part(1)))
    }
}

/// Whether objects of one kind have parts of another, told by what kinds of names they have.
fn holds(holder: PgKind, part: PgKind) -> bool {
    let type_part = part == PgKind::DomainConstraint || part.is_type();
    let space = space_of(holder);
    if type_part { space == "type" } else { space == "relation" }
}

fn space_of(kind: PgKind) -> &'static str {
    match kind {
        PgKind::Schema => "schema",
        PgKind::Function | PgKind::Procedure | PgKind::Aggregate => "routine",
        kind if kind.is_type() || kind == PgKind::BaseType => "type",
        PgKind::Trigger | PgKind::Policy | PgKind::Rule | PgKind::Constraint => "part",
        kind if matches!(
            kind.name(),
            "table" | "view" | "materialized view" | "sequence" | "index" | "foreign table"
        ) =>
        {
            "relation"
        }
        _ => "other",
    }
}

fn finding(hint: &Renamed, why: &str) -> Diagnostic {
    Diagnostic::new(
        Severity::Warning,
        "rename-not-followed",
        format!(
            "{}:{}: the hint renamed-from {} was not followed: {why}",
            hint.origin.file,
            hint.origin.line,
            hint.old.join(".")
        ),
    )
}

/// A value of an enum, which has no address of its own.
fn enum_value(from: &PgCatalog, to: &PgCatalog, hint: &Renamed, value: &str, done: &Done) -> Found {
    let schema = hint.schema.as_deref().unwrap_or("public");
    let Some(old) = hint.old.last() else { return Found::Stale };
    let new_id = PgId::new(PgKind::Enum, [schema, hint.name.as_str()]);
    let (live_schema, live_name) = done.live_holder(schema, &hint.name, PgKind::Enum);
    let live_id = PgId::new(PgKind::Enum, [live_schema, live_name]);
    let Some(PgObject::Enum(wanted)) = to.objects.get(&new_id) else { return Found::Not(NO_OBJECT) };
    let Some(PgObject::Enum(live)) = from.objects.get(&live_id) else { return Found::Stale };
    if !live.labels.contains(old) || live.labels.iter().any(|l| l == value) {
        return Found::Stale;
    }
    if wanted.labels.contains(old) {
        return Found::Not(STILL_WANTED);
    }
    let alter = Sql::new("ALTER TYPE").name(&new_id.parts()).kw("RENAME VALUE").literal(old).kw("TO").literal(value);
    Found::Rename(Box::new(Rename {
        words: format!("rename value '{old}' of {live_id} to '{value}'"),
        from: live_id,
        to: new_id,
        sql: vec![alter.build()],
        reason: BY_HINT,
        origin: Some(hint.origin.clone()),
    }))
}

/// All else that a hint can be about.
fn object(from: &PgCatalog, to: &PgCatalog, hint: &Renamed, done: &Done) -> Found {
    let schema = hint.schema.as_deref().unwrap_or("public");
    let Some(old) = hint.old.last() else { return Found::Stale };
    if let Some(Part::Column(column)) = &hint.part {
        let composite = PgId::new(PgKind::Composite, [schema, hint.name.as_str()]);
        if let Some(PgObject::Composite(wanted)) = to.objects.get(&composite) {
            return attribute(from, hint, &composite, wanted.fields.iter().map(|f| f.name.as_str()), column, done);
        }
    }
    let candidates: Vec<PgId> = match &hint.part {
        Some(Part::Column(c)) => vec![PgId::new(PgKind::Column, [schema, hint.name.as_str(), c])],
        Some(Part::Constraint(c)) => [PgKind::Constraint, PgKind::DomainConstraint]
            .map(|kind| PgId::new(kind, [schema, hint.name.as_str(), c]))
            .into_iter()
            .collect(),
        Some(Part::Value(_)) => Vec::new(),
        None => by_statement(to, hint, schema),
    };
    let candidates: Vec<PgId> = candidates.into_iter().filter(|id| to.objects.contains_key(id)).collect();
    if candidates.is_empty() {
        return Found::Not(NO_OBJECT);
    }
    let mut last = Found::Stale;
    for new in candidates {
        let (live, still) = addresses(hint, &new, old, done);
        let (Some(object), true) = (from.objects.get(&live), still != new) else { continue };
        let new_in_live = live_twin(&new, done);
        let there_already = from.objects.contains_key(&new_in_live);
        match (to.objects.contains_key(&still), there_already) {
            (true, true) => {}
            (true, false) => last = Found::Not(STILL_WANTED),
            (false, true) => last = Found::Not("both the old and the new name are there already"),
            (false, false) => {
                return Found::Rename(Box::new(Rename {
                    words: format!("rename {live} to {new}"),
                    sql: statements(object, &live, &new, done),
                    from: live,
                    to: new,
                    reason: BY_HINT,
                    origin: Some(hint.origin.clone()),
                }));
            }
        }
    }
    last
}

/// An attribute of a composite type, which has no address of its own.
fn attribute<'a>(
    from: &PgCatalog,
    hint: &Renamed,
    new_id: &PgId,
    mut wanted: impl Iterator<Item = &'a str>,
    name: &str,
    done: &Done,
) -> Found {
    let Some(old) = hint.old.last() else { return Found::Stale };
    let (live_schema, live_name) = done.live_holder(new_id.part(0), new_id.part(1), PgKind::Composite);
    let live_id = PgId::new(PgKind::Composite, [live_schema, live_name]);
    let Some(PgObject::Composite(live)) = from.objects.get(&live_id) else { return Found::Stale };
    let has = |n: &str| live.fields.iter().any(|f| f.name == n);
    if !has(old) || has(name) {
        return Found::Stale;
    }
    if wanted.any(|w| w == old) {
        return Found::Not(STILL_WANTED);
    }
    // CASCADE: typed tables have the same columns.
    let alter = Sql::new("ALTER TYPE")
        .name(&new_id.parts())
        .kw("RENAME ATTRIBUTE")
        .ident(old)
        .kw("TO")
        .ident(name)
        .kw("CASCADE");
    Found::Rename(Box::new(Rename {
        words: format!("rename attribute {old} of {live_id} to {name}"),
        from: live_id,
        to: new_id.clone(),
        sql: vec![alter.build()],
        reason: BY_HINT,
        origin: Some(hint.origin.clone()),
    }))
}

/// The objects that the statement with the hint can have made.
fn by_statement(to: &PgCatalog, hint: &Renamed, schema: &str) -> Vec<PgId> {
    let matches = |id: &&PgId| {
        let space = space_of(id.kind);
        if id.of.is_some() || !(id.kind.is_renamable() || id.kind == PgKind::Constraint) {
            return false;
        }
        match hint.space.as_str() {
            "schema" => space == "schema" && id.part(0) == hint.name,
            wanted @ ("relation" | "type" | "routine") => {
                space == wanted && id.part(1) == hint.name && id.part(0) == schema
            }
            // A part is noted under the name of its relation and its own.
            _ if space == "part" => id.part(0) == schema && format!("{}.{}", id.part(1), id.part(2)) == hint.name,
            _ => {
                space == "other"
                    && (id.last() == hint.name || (id.depth() > 1 && id.part(0) == schema && id.part(1) == hint.name))
            }
        }
    };
    let found: Vec<PgId> = to.objects.keys().filter(matches).cloned().collect();
    if !found.is_empty() || hint.space != "relation" {
        return found;
    }
    // An index stands in the schema of its table, whatever the search path is.
    to.objects
        .keys()
        .filter(|id| id.kind == PgKind::Index && id.of.is_none() && id.last() == hint.name)
        .cloned()
        .collect()
}

/// The address of what a hint calls by its old name: in the live schema, and as it would be in the desired one.
fn addresses(hint: &Renamed, new: &PgId, old: &str, done: &Done) -> (PgId, PgId) {
    let old_schema =
        if hint.part.is_none() && hint.old.len() > 1 { Some(hint.old[hint.old.len() - 2].as_str()) } else { None };
    let parts = new.parts();
    let (mut live, mut still) = (parts.clone(), parts.clone());
    match (new.depth(), space_of(new.kind)) {
        (1, _) => {
            live[0] = old;
            still[0] = old;
        }
        (_, "relation" | "type" | "routine" | "other") if hint.part.is_none() => {
            live[0] = old_schema.unwrap_or_else(|| done.live_schema(parts[0]));
            live[1] = old;
            still[0] = done.new_schema(live[0]);
            still[1] = old;
        }
        _ => {
            (live[0], live[1]) = done.live_holder(parts[0], parts[1], new.kind);
            live[2] = old;
            still[2] = old;
        }
    }
    (PgId::new(new.kind, live), PgId::new(new.kind, still))
}

/// Where the live schema has what the desired one has under that address, apart from its own rename.
fn live_twin(new: &PgId, done: &Done) -> PgId {
    let mut parts = new.parts();
    if parts.len() > 2 && space_of(new.kind) != "routine" {
        (parts[0], parts[1]) = done.live_holder(new.part(0), new.part(1), new.kind);
    } else if parts.len() > 1 {
        parts[0] = done.live_schema(new.part(0));
    }
    PgId::new(new.kind, parts)
}

/// The statements for a rename whose holders have their new names already.
fn statements(object: &PgObject, live: &PgId, new: &PgId, done: &Done) -> Vec<String> {
    let table = |words: &'static str| {
        let alter = Sql::new("ALTER TABLE").name(&new.parts()[..2]);
        vec![alter.kw(words).ident(live.last()).kw("TO").ident(new.last()).build()]
    };
    match new.kind {
        PgKind::Column => return table("RENAME COLUMN"),
        PgKind::Constraint => return table("RENAME CONSTRAINT"),
        PgKind::DomainConstraint => {
            let alter = Sql::new("ALTER DOMAIN").name(&new.parts()[..2]);
            return vec![alter.kw("RENAME CONSTRAINT").ident(live.last()).kw("TO").ident(new.last()).build()];
        }
        _ => {}
    }
    // The place of its own name: last, but for routines, whose arguments follow.
    let own = if space_of(new.kind) == "routine" { 1 } else { new.depth() - 1 };
    let mut at = new.parts();
    at[own] = live.part(own);
    let mut sql = Vec::new();
    if own == 1 {
        let schema = done.new_schema(live.part(0));
        if schema != new.part(0) {
            at[0] = schema;
            sql.push(
                Sql::new("ALTER")
                    .then(object.address(&PgId::new(new.kind, &at)))
                    .kw("SET SCHEMA")
                    .ident(new.part(0))
                    .build(),
            );
            at[0] = new.part(0);
        }
    }
    if live.part(own) != new.part(own) {
        sql.push(
            Sql::new("ALTER")
                .then(object.address(&PgId::new(new.kind, &at)))
                .kw("RENAME TO")
                .ident(new.part(own))
                .build(),
        );
    }
    sql
}

/// The statements that take renames back in the desired schema: parts before what holds them.
pub(crate) fn taken_back(to: &PgCatalog, renames: &[Rename]) -> Vec<String> {
    let mut done = Done::default();
    for rename in renames.iter().rev() {
        let Some(object) = to.objects.get(&rename.to) else { continue };
        // What holds it still has its new name.
        let mut old = rename.to.parts();
        let own = old.len() - 1;
        old[own] = rename.from.last();
        if own == 1 {
            old[0] = rename.from.part(0);
        }
        let old = PgId::new(rename.to.kind, &old);
        let sql = statements(object, &rename.to, &old, &Done::default());
        done.renames.push(Rename { from: rename.to.clone(), to: old, sql, ..rename.clone() });
    }
    make_schemas(to, &mut done);
    done.renames.into_iter().flat_map(|r| r.sql).collect()
}

/// What the server named after a table or column that a hint renames: its constraints, indexes and sequences. They are
/// renamed along, for to drop and make them again would be dear.
fn along(base: &PgCatalog, to: &PgCatalog, renames: &[Rename]) -> Vec<Rename> {
    let tables: BTreeSet<(&str, &str)> = renames
        .iter()
        .filter(|r| r.to.kind == PgKind::Column || space_of(r.to.kind) == "relation")
        .map(|r| (r.to.part(0), r.to.part(1)))
        .collect();
    // Indexes and sequences are told apart from others' by the table that they are parts of or owned by.
    let of_table = |catalog: &PgCatalog, id: &PgId| match id.kind {
        PgKind::Constraint => tables.contains(&(id.part(0), id.part(1))),
        PgKind::Index => {
            catalog.objects.get(id).and_then(|o| o.parent(id)).is_some_and(|p| tables.contains(&(p.part(0), p.part(1))))
        }
        PgKind::Sequence => catalog
            .needs(&id.attached(PgKind::SequenceOwner, &[]))
            .chain(catalog.needs(&PgId::new(PgKind::SequenceOwner, id.parts())))
            .any(|n| n.depth() > 1 && tables.contains(&(n.part(0), n.part(1)))),
        _ => false,
    };
    let gone: Vec<(&PgId, &PgObject)> =
        base.objects.iter().filter(|(id, _)| !to.objects.contains_key(*id) && of_table(base, id)).collect();
    let come: Vec<(&PgId, &PgObject)> =
        to.objects.iter().filter(|(id, _)| !base.objects.contains_key(*id) && of_table(to, id)).collect();
    let twins = |id: &PgId, object: &PgObject, list: &[(&PgId, &PgObject)]| -> Vec<PgId> {
        let holder = |id: &PgId| if id.kind == PgKind::Constraint { id.part(1).to_owned() } else { String::new() };
        list.iter()
            .filter(|(i, o)| i.kind == id.kind && *o == object && i.part(0) == id.part(0) && holder(i) == holder(id))
            .map(|(i, _)| (*i).clone())
            .collect()
    };
    let mut list = Vec::new();
    for (old, object) in &gone {
        let (new, back) = (twins(old, object, &come), twins(old, object, &gone));
        let ([new], [_]) = (new.as_slice(), back.as_slice()) else { continue };
        list.push(Rename {
            words: format!("rename {old} to {new}"),
            sql: statements(object, old, new, &Done::default()),
            from: (*old).clone(),
            to: new.clone(),
            reason: BY_NAME,
            origin: None,
        });
    }
    list
}

/// The hints followed.
pub(crate) struct Followed {
    /// The renames that are still to be done.
    pub pending: Vec<Rename>,
    /// The live schema after them, as a server says it; none where there are none.
    pub base: Option<PgCatalog>,
    /// The hints that cannot be followed.
    pub findings: Vec<Diagnostic>,
}

/// Follows the hints, and names that were made from what is renamed.
pub(crate) fn follow(
    ground: &Ground<'_>,
    from: &PgCatalog,
    to: &PgCatalog,
    hints: &[Renamed],
) -> Result<Followed, EngineError> {
    swaps::refuse(hints)?;
    let (mut pending, findings) = pending(from, to, hints);
    let renamed = |renames: &[Rename]| {
        let sql: Vec<String> = renames.iter().flat_map(|r| r.sql.clone()).collect();
        ground.elaborated(from, &[&sql])
    };
    let mut base = if pending.is_empty() { None } else { Some(renamed(&pending)?) };
    let along = base.as_ref().map(|base| along(base, to, &pending)).unwrap_or_default();
    if !along.is_empty() {
        pending.extend(along);
        base = Some(renamed(&pending)?);
    }
    Ok(Followed { pending, base, findings })
}

/// Drops and creates that look like a rename for which no hint was given.
pub(crate) fn likely(from: &PgCatalog, to: &PgCatalog, changes: &[Change<PgObject>]) -> Vec<Diagnostic> {
    let shape = |catalog: &PgCatalog, id: &PgId| -> Option<String> {
        let object = catalog.objects.get(id)?;
        match object {
            PgObject::Column(_) => Some(format!("{}.{} {object:?}", id.part(0), id.part(1))),
            PgObject::Table(_) => {
                let columns: Vec<String> = underpin_postgres::parts_of(catalog, PgKind::Column, &id.parts())
                    .into_iter()
                    .map(|(c, o)| format!("{} {o:?}", c.last()))
                    .collect();
                (!columns.is_empty()).then(|| format!("{} {object:?} {columns:?}", id.part(0)))
            }
            _ => None,
        }
    };
    underpin_diff::likely_renames(from, to, changes, shape)
        .into_iter()
        .map(|r| {
            Diagnostic::new(
                Severity::Warning,
                "likely-rename",
                format!("{} goes and {} comes, and they are otherwise the same: is this a rename?", r.from, r.to),
            )
            .note("without a hint it is a drop and a create, and what the old one holds is lost")
            .help(format!(
                "if it is a rename, write `-- underpin: renamed-from {}` on or above it in the desired SQL",
                r.from.last()
            ))
        })
        .collect()
}
