//! What the user says of values: hints by what they are about, and what is missing of them.

use crate::EngineError;
use crate::desired::Said;
use crate::live::Live;
use crate::scene::Scene;
use crate::stages;
use std::collections::{BTreeMap, BTreeSet};
use underpin_model::{Diagnostic, Severity, Strategy};
use underpin_postgres::recipes::{self, Road, Waypoint, Wishes};
use underpin_postgres::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use underpin_sql::quote;

/// All that was said, for a plan between two schemas; local times are read in `time_zone`.
pub(crate) fn wishes(from: &PgCatalog, to: &PgCatalog, said: &Said, time_zone: &str) -> Wishes {
    Wishes {
        usings: usings(from, to, said),
        downs: by_column(&said.downs),
        backfills: by_column(&said.backfills),
        maps: maps(said),
        // These need a server.
        rows: Vec::new(),
        quarantine: None,
        both_ways: false,
        emptied: BTreeSet::new(),
        time_zone: time_zone.to_owned(),
    }
}

/// Whether rows lack a value that nothing is said of.
///
/// # Errors
/// Where one does: what to write.
pub(crate) fn asked_for(scene: &Scene<'_>, road: &Road<'_>, live: Option<&mut Live>) -> Result<(), EngineError> {
    let mut list = no_way_back(road, scene.said);
    if let Some(live) = live {
        list.extend(valued(road, scene, |table| has_rows(live, table, "true")));
        list.extend(mapped(road, live));
    } else if scene.settings.assume_rows {
        list.extend(valued(road, scene, |_| true));
        list.extend(unmapped(scene));
    }
    if list.is_empty() { Ok(()) } else { Err(EngineError::Input(list)) }
}

/// Whether rows lack a value in a plan of plain DDL, which no database is asked for.
///
/// # Errors
/// As [`asked_for`].
pub(crate) fn asked_for_at_once(scene: &Scene<'_>) -> Result<(), EngineError> {
    // Nothing is filled in one stage.
    let wishes = Wishes { backfills: BTreeMap::new(), ..scene.wishes.clone() };
    let dialect = Postgres::new(scene.server, Strategy::Online, scene.user, scene.base, scene.to, &scene.wishes.usings);
    let road = recipes::road(&dialect, &wishes, &Waypoint::lent(scene.to));
    let mut list = valued(&road, scene, |_| true);
    list.extend(unmapped(scene));
    if list.is_empty() { Ok(()) } else { Err(EngineError::Input(list)) }
}

/// The seals of copies that have no row any more. One that cannot be read tells nothing: the check before the switch looks again.
pub(crate) fn emptied(read: &PgCatalog, live: Option<&mut Live>) -> BTreeSet<PgId> {
    let Some(live) = live else { return BTreeSet::new() };
    let seals = read.objects.keys().filter(|id| recipes::is_seal(id));
    seals.filter(|id| asked(live, &quote::qualified(&id.parts()), "true") == Some(false)).cloned().collect()
}

/// Whether a table has rows of which a condition holds. One that may not be read is planned for as if it were empty; the server tells
/// then.
fn has_rows(live: &mut Live, table: &str, condition: &str) -> bool {
    asked(live, table, condition).unwrap_or(false)
}

/// Whether a table has rows of which a condition holds; none where it cannot be asked.
fn asked(live: &mut Live, table: &str, condition: &str) -> Option<bool> {
    let query = format!("SELECT EXISTS (SELECT FROM {table} WHERE {condition})");
    live.client.query_one(&query, &[]).ok().map(|row| row.get(0))
}

/// Hints by column.
fn by_column(said: &[(String, String, String, String)]) -> BTreeMap<PgId, String> {
    said.iter()
        .map(|(schema, table, column, text)| (PgId::new(PgKind::Column, [schema, table, column]), text.clone()))
        .collect()
}

/// What becomes of values of enums that go, by type.
fn maps(said: &Said) -> BTreeMap<PgId, Vec<(String, String)>> {
    let by_type =
        said.maps.iter().map(|(schema, name, pairs)| (PgId::new(PgKind::Enum, [schema, name]), pairs.clone()));
    by_type.collect()
}

/// Conversions by hint: of columns, and of all columns of an enum whose values go.
fn usings(from: &PgCatalog, to: &PgCatalog, said: &Said) -> BTreeMap<PgId, String> {
    let mut usings = by_column(&said.usings);
    for (id, pairs) in maps(said) {
        let (Some(PgObject::Enum(old)), Some(PgObject::Enum(new))) = (from.objects.get(&id), to.objects.get(&id))
        else {
            continue;
        };
        if old.labels.iter().all(|label| new.labels.contains(label)) {
            continue;
        }
        let name = quote::qualified(&id.parts());
        for (column, object) in &to.objects {
            let PgObject::Column(c) = object else { continue };
            if recipes::element(&c.type_name) == name {
                let value = recipes::mapped(&quote::ident(column.last()), &pairs, &c.type_name);
                usings.entry(column.clone()).or_insert(value);
            }
        }
    }
    usings
}

/// Values of enums that go and of which nothing is said, where a row has one.
fn mapped(road: &Road<'_>, live: &mut Live) -> Vec<Diagnostic> {
    let mut list = Vec::new();
    for (column, label) in &road.unmapped {
        let (table, name) = (quote::qualified(&column.parts()[..2]), quote::ident(column.last()));
        let is_array =
            matches!(road.expanded.objects.get(column), Some(PgObject::Column(c)) if c.type_name.ends_with("[]"));
        let value = if is_array { format!("ANY ({name}::text[])") } else { format!("{name}::text") };
        if has_rows(live, &table, &format!("{} = {value}", quote::literal(label))) {
            list.push(no_map(format!(
                "the value '{label}' goes, rows of {table} have it in {name}, and nothing says what they get"
            )));
        }
    }
    list
}

/// Values of enums that go and of which nothing is said, where rows may have them and no database can be asked.
fn unmapped(scene: &Scene<'_>) -> Vec<Diagnostic> {
    let (from, to, wishes) = (scene.base, scene.to, scene.wishes);
    let mut list = Vec::new();
    for (id, object) in &from.objects {
        let (PgObject::Enum(old), Some(PgObject::Enum(new))) = (object, to.objects.get(id)) else { continue };
        let said: Vec<&String> = wishes.maps.get(id).into_iter().flatten().map(|(old, _)| old).collect();
        let name = quote::qualified(&id.parts());
        let stays = |column: &PgId| matches!(to.objects.get(column), Some(PgObject::Column(c)) if recipes::element(&c.type_name) == name);
        let columns = from.objects.iter().filter(|(column, object)| {
            matches!(object, PgObject::Column(c) if recipes::element(&c.type_name) == name && c.inherits.is_none())
                && stays(column)
                // A hint on the column says how each value is converted.
                && (!wishes.usings.contains_key(*column) || wishes.maps.contains_key(id))
        });
        for (column, _) in columns {
            for label in old.labels.iter().filter(|l| !new.labels.contains(l) && !said.contains(l)) {
                let (table, name) = (quote::qualified(&column.parts()[..2]), quote::ident(column.last()));
                list.push(no_map(format!(
                    "the value '{label}' goes, rows of {table} may have it in {name}, and nothing says what they get"
                )));
            }
        }
    }
    list
}

fn no_map(message: String) -> Diagnostic {
    Diagnostic::new(Severity::Error, "no-map", message)
        .help("write on the statement that makes the type what becomes of it: `-- underpin: map 'old' => 'new'`")
}

/// Columns that both applications write, with nothing said of what the old one then reads.
fn no_way_back(road: &Road<'_>, said: &Said) -> Vec<Diagnostic> {
    let columns = road.no_way_back.iter();
    columns
        .map(|column| {
            let place = stages::origin(column, said).map(|o| format!("{}:{}: ", o.file, o.line)).unwrap_or_default();
            let name = quote::qualified(&column.parts());
            Diagnostic::new(
                Severity::Error,
                "no-way-back",
                format!(
                    "{place}the new application writes {name} through its views while the old one reads it, and nothing says \
                     what the old one gets"
                ),
            )
            .help("write the old value out of the new row on the column: `-- underpin: down EXPR`")
        })
        .collect()
}

/// New columns that are NOT NULL and have no value, in tables that have rows.
fn valued(road: &Road<'_>, scene: &Scene<'_>, mut has_rows: impl FnMut(&str) -> bool) -> Vec<Diagnostic> {
    let said = scene.said;
    let help = match scene.settings.strategy {
        Strategy::Online => {
            "give it a DEFAULT, or write the value for rows that are there on the column: `-- underpin: backfill EXPR`, \
             with EXPR an expression over the row; if it is another column under a new name, write `-- underpin: renamed-from OLD`"
        }
        Strategy::Direct => {
            "give it a DEFAULT; if it is another column under a new name, write `-- underpin: renamed-from OLD`; what \
             `-- underpin: backfill EXPR` says is done in plans of several stages only, without --strategy direct"
        }
    };
    let mut list = Vec::new();
    for column in &road.valueless {
        let table = quote::qualified(&column.parts()[..2]);
        if has_rows(&table) {
            let place = stages::origin(column, said).map(|o| format!("{}:{}: ", o.file, o.line)).unwrap_or_default();
            let name = quote::qualified(&column.parts());
            list.push(
                Diagnostic::new(
                    Severity::Error,
                    "no-value",
                    format!("{place}{name} is new and NOT NULL, {table} has rows, and nothing says what they get"),
                )
                .note("without a value the server refuses the column, which \"contains null values\" then, and the running application does not send one")
                .help(help),
            );
        }
    }
    list
}
