//! Renames by hint. What is renamed is renamed first, on a development database too, so that the rest of the plan is made
//! from what the server itself says after the rename: no definition is rewritten as text.

use crate::EngineError;
use crate::desired::{Part, Renamed, read_back};
use crate::dev::Dev;
use crate::privileged::Trust;
use crate::proof::load;
use underpin_model::{Change, Diagnostic, Severity, Source as Origin};
use underpin_postgres::{PgCatalog, PgId, PgKind, PgObject, Server, create_script};
use underpin_sql::Sql;

/// One rename to carry out.
pub(crate) struct Rename {
    pub from: PgId,
    pub to: PgId,
    pub sql: Vec<String>,
    pub origin: Origin,
}

/// The renames that the hints say and that are still to be done; and the hints that cannot be followed.
pub(crate) fn pending(from: &PgCatalog, to: &PgCatalog, hints: &[Renamed]) -> (Vec<Rename>, Vec<Diagnostic>) {
    let mut renames: Vec<Rename> = Vec::new();
    let mut findings = Vec::new();
    let mut sorted: Vec<&Renamed> = hints.iter().collect();
    // Relations first, so that their columns are found under the new name.
    sorted.sort_by_key(|h| h.part.is_some());
    for hint in sorted {
        let Some((new, old)) = ids(to, hint, &renames) else {
            findings.push(finding(hint, "what it stands on is no object that can be renamed"));
            continue;
        };
        let Some((old_now, new_now)) = as_it_is(from, &old, &new, &renames) else {
            // Done already, or made anew: a hint may stay in the file for good.
            continue;
        };
        if to.objects.contains_key(&old) && old.kind == new.kind {
            findings.push(finding(hint, "the old name is still wanted too, so this is no rename"));
            continue;
        }
        if from.objects.contains_key(&new_now) {
            findings.push(finding(hint, "both the old and the new name are there already"));
            continue;
        }
        let sql = statements(from, &old_now, &new, hint);
        renames.push(Rename { from: old_now, to: new, sql, origin: hint.origin.clone() });
    }
    (renames, findings)
}

fn finding(hint: &Renamed, why: &str) -> Diagnostic {
    Diagnostic::new(
        Severity::Warning,
        "rename-not-followed",
        format!("{}:{}: the hint renamed-from {} was not followed: {why}", hint.origin.file, hint.origin.line, hint.old.join(".")),
    )
}

/// The addresses under the new and the old name.
fn ids(to: &PgCatalog, hint: &Renamed, _done: &[Rename]) -> Option<(PgId, PgId)> {
    let schema = hint.schema.as_deref().unwrap_or("public");
    let old_last = hint.old.last()?.as_str();
    let in_part = |kind: PgKind, name: &str| {
        let new = PgId::new(kind, [schema, hint.name.as_str(), name]);
        let old = PgId::new(kind, [schema, hint.name.as_str(), old_last]);
        to.objects.contains_key(&new).then_some((new, old))
    };
    match &hint.part {
        Some(Part::Column(c)) => in_part(PgKind::Column, c),
        Some(Part::Constraint(c)) => in_part(PgKind::Constraint, c),
        Some(Part::Value(_)) => None,
        None if hint.space == "schema" => {
            let new = PgId::new(PgKind::Schema, [&hint.name]);
            to.objects.contains_key(&new).then(|| (new, PgId::new(PgKind::Schema, [old_last])))
        }
        None => {
            let old_schema = if hint.old.len() > 1 { hint.old[hint.old.len() - 2].as_str() } else { schema };
            let (new, _) = to
                .objects
                .iter()
                .filter(|(id, _)| id.of.is_none() && id.depth() >= 2 && id.part(0) == schema && id.part(1) == hint.name)
                .find(|(id, _)| id.kind.is_renamable())?;
            let mut parts = new.parts();
            parts[0] = old_schema;
            parts[1] = old_last;
            Some((new.clone(), PgId::new(new.kind, parts)))
        }
    }
}

/// The old address as it is when its turn comes: under the new name of a table that is renamed before.
fn as_it_is(from: &PgCatalog, old: &PgId, new: &PgId, done: &[Rename]) -> Option<(PgId, PgId)> {
    if from.objects.contains_key(old) {
        return Some((old.clone(), new.clone()));
    }
    for rename in done {
        let (was, is) = (rename.from.parts(), rename.to.parts());
        if old.depth() > 2 && old.parts()[..2] == is[..2.min(is.len())] && was.len() >= 2 {
            let under_old = PgId::new(old.kind, [was[0], was[1], old.last()]);
            if from.objects.contains_key(&under_old) {
                return Some((old.clone(), new.clone()));
            }
        }
    }
    None
}

fn statements(from: &PgCatalog, old: &PgId, new: &PgId, _hint: &Renamed) -> Vec<String> {
    let mut sql = Vec::new();
    match old.kind {
        PgKind::Column => {
            let alter = Sql::new("ALTER TABLE").name(&old.parts()[..2]);
            sql.push(alter.kw("RENAME COLUMN").ident(old.last()).kw("TO").ident(new.last()).build());
        }
        PgKind::Constraint => {
            let alter = Sql::new("ALTER TABLE").name(&old.parts()[..2]);
            sql.push(alter.kw("RENAME CONSTRAINT").ident(old.last()).kw("TO").ident(new.last()).build());
        }
        PgKind::Schema => {
            sql.push(Sql::new("ALTER SCHEMA").name(&old.parts()).kw("RENAME TO").ident(new.last()).build());
        }
        _ => {
            let Some(object) = from.objects.get(old) else { return sql };
            if old.part(0) != new.part(0) {
                sql.push(Sql::new("ALTER").then(object.address(old)).kw("SET SCHEMA").ident(new.part(0)).build());
            }
            if old.part(1) != new.part(1) {
                let mut parts = old.parts();
                parts[0] = new.part(0);
                let moved = PgId::new(old.kind, parts);
                sql.push(Sql::new("ALTER").then(object.address(&moved)).kw("RENAME TO").ident(new.part(1)).build());
            }
        }
    }
    sql
}

/// The live schema as it is after the renames, as a server says it.
pub(crate) fn renamed(dev: &Dev, server: &Server, user: &str, from: &PgCatalog, renames: &[Rename], trust: bool) -> Result<PgCatalog, EngineError> {
    let mut database = dev.database()?;
    load(&mut database, &create_script(server, user, from)?, Trust::in_live(trust))?;
    let sql: Vec<String> = renames.iter().flat_map(|r| r.sql.clone()).collect();
    load(&mut database, &sql, trust)?;
    let mut catalog = read_back(&mut database)?;
    for object in catalog.objects.values_mut() {
        if let PgObject::Owner(owner) = object {
            owner.implicit = false;
        }
    }
    Ok(catalog)
}

/// The catalog without underpin's own schema.
pub(crate) fn without_journal(catalog: PgCatalog) -> PgCatalog {
    catalog
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
            .help(format!("if it is a rename, write `-- underpin: renamed-from {}` on or above it in the desired SQL", r.from.last()))
        })
        .collect()
}
