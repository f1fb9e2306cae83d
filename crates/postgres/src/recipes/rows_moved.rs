//! # Rows that move to another table
//!
//! A table is split, tables become one, or rows go over to another table: `-- underpin: backfill SELECT … FROM …` above
//! `CREATE TABLE` says where the table's rows come from. The query has one source table, plain expressions over its row and
//! perhaps a WHERE; its output names are columns of the table, a primary key or unique constraint without NULLs among them.
//! Several such hints above one table merge several tables. The table may be new or there already.
//!
//! 1. Expand: the table with that key, and with a foreign key to the source's own row, but without its other foreign keys,
//!    checks, NOT NULL and indexes. A trigger on the source (AFTER INSERT OR UPDATE, BEFORE DELETE, so that a foreign key does not
//!    refuse the row) carries over what changes in the query's outputs, and only the columns that changed. A trigger on the
//!    table carries the way back, as long as the old columns are there: outputs that are plain columns of the source by
//!    themselves, others by `-- underpin: down COLUMN = EXPR, …` below the query, with EXPR over a row of the table. What has no
//!    way back is a warning.
//! 2. Backfill: `INSERT … SELECT … ON CONFLICT (key) DO NOTHING` in batches, each of which locks its rows of the source: a row
//!    that is deleted meanwhile would come back otherwise. No row of the source may be left without its counterpart. Then NOT
//!    NULL, checks, indexes and foreign keys, each in its own careful way. From here on the new application finds every row in
//!    the table, so that this is when to deploy it.
//! 3. Contract, behind a gate: the triggers go, once nothing was carried over for an old writer for a while (the trigger notes
//!    that in a sequence), and then what goes: the old columns or the old table.
//!
//! The triggers run with the rights of who applies the plan: an application need not have rights on both tables. Nobody else may
//! use their functions, whose names are all qualified. Neither side overwrites the other: what is carried over is not carried
//! back (a setting that ends with the transaction says which row is on its way), and where nothing changes nothing is written.
//!
//! A new row of the source whose old columns are empty may be the new application's, which writes its row of the table
//! itself: where the query makes a row out of such a one all the same, that one gives way to the application's own.
//!
//! Rows of the source that share a key become one row; then deletions are not carried over, which is a warning. Where several
//! sources, or the rows that are in the table, have the same key for different rows, the plan is refused: a constant among the
//! key's columns (`'user' AS kind`) or another expression for the key tells them apart.
//!
//! Locks: CREATE TRIGGER on the source for an instant (SHARE ROW EXCLUSIVE); each write of what is read costs a second one. Where
//! the old and the new application write the same row at the same moment, one may fail with a deadlock, as the two tables are
//! locked in opposite order.
//!
//! Not carried over: TRUNCATE, a change of the source's own key where a foreign key of the table refers to it, what logical
//! replication applies. An expression that fails for a value fails no writer: the row of the table stays as it is, the backfill
//! and the contract stage stop at such a row, and the switch refuses where one has come since. A rule of the table that refuses
//! a row fails the old writer's statement.
//!
//! It does not apply to partitioned tables, tables with heirs and foreign tables, nor to a table whose place another one takes.
//! Sequences stand where they stand, and where both tables draw from one of their own a warning says so. In a
//! plan of one stage no rows move, which is a warning too. `undo` leaves what was copied in a table that was there before. Where
//! row security holds for the role that applies the plan, it holds for what is carried over.
//!
//! The hint is spent when the source, or what it reads of it, is gone: a note says so.
//!
//! After a crash: triggers, functions and sequences are recognised by their names; batches that were committed stay. The sequence
//! that tells that all is filled goes last, so that rows are not moved again while their old columns are dropped.
//!
//! Sources: manual, CREATE TRIGGER; INSERT (ON CONFLICT); 13.3.2 Row-Level Locks; CREATE FUNCTION (security definer functions).

use super::carry::{Names, back_function, copy_function};
use super::road::{Check, Fill, FillWork, Move, Road, TRIGGER, Wishes};
use super::row_expr::RowExpr;
use super::unfit::Unfit;
use crate::objects::{Constraint, ConstraintKind, parts_of};
use crate::render::name_aside;
use crate::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use std::collections::BTreeSet;
use underpin_model::{Diagnostic, OldSide, Severity};
use underpin_sql::{Sql, quote};

pub(crate) const NAME: &str = "rows-moved";

/// Where the rows of a table come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsFrom {
    /// The table.
    pub target: PgId,
    /// The table that they come from.
    pub source: PgId,
    /// The columns of the table that get values, each with its expression over a row of the source.
    pub outputs: Vec<(String, RowExpr)>,
    /// Which rows of the source.
    pub condition: Option<RowExpr>,
    /// The way back that was said: columns of the source, each with its expression over a row of the table.
    pub downs: Vec<(String, RowExpr)>,
}

/// How far rows have moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// Nothing of it is there.
    Not,
    /// It has begun.
    InFlight,
    /// All rows have moved, and what they came from waits to be dropped.
    Done,
}

/// How far rows have moved from one table to another.
#[must_use]
pub fn moved(from: &PgCatalog, target: &PgId, source: &PgId) -> Moved {
    let names = Names::of(target, source);
    if from.objects.contains_key(&names.seen) {
        Moved::InFlight
    } else if from.objects.contains_key(&names.done) {
        Moved::Done
    } else {
        Moved::Not
    }
}

impl RowsFrom {
    /// Whether something of the source that the query reads goes.
    #[must_use]
    pub fn empties(&self, to: &PgCatalog) -> bool {
        !to.objects.contains_key(&self.source) || self.reads().iter().any(|c| !to.objects.contains_key(&self.old(c)))
    }

    /// The columns of the source that are read.
    pub(super) fn reads(&self) -> BTreeSet<String> {
        let outputs = self.outputs.iter().map(|(_, value)| value);
        outputs.chain(&self.condition).flat_map(RowExpr::reads).collect()
    }

    /// A column of the source.
    pub(super) fn old(&self, column: &str) -> PgId {
        PgId::new(PgKind::Column, [self.source.part(0), self.source.part(1), column])
    }

    /// A column of the table.
    pub(super) fn new_column(&self, column: &str) -> PgId {
        PgId::new(PgKind::Column, [self.target.part(0), self.target.part(1), column])
    }

    /// The key by which a row is known: a constraint of the table whose columns all get values. What is there already has
    /// to be there with its key.
    #[must_use]
    pub fn key(&self, from: &PgCatalog, to: &PgCatalog) -> Option<(PgId, Vec<String>)> {
        let is_new = !from.objects.contains_key(&self.target);
        let mut keys = Vec::new();
        for (id, object) in parts_of(to, PgKind::Constraint, &self.target.parts()) {
            let PgObject::Constraint(c) = object else { continue };
            if !matches!(c.kind, ConstraintKind::Primary | ConstraintKind::Unique)
                || c.deferrable
                || c.definition.contains("WITHOUT OVERLAPS")
                || !(is_new || from.objects.contains_key(id))
            {
                continue;
            }
            let own: Vec<&PgId> = Constraint::own_columns(id, to).collect();
            let given = own.iter().all(|column| self.outputs.iter().any(|(name, _)| name == column.last()));
            let never_null =
                |column: &&PgId| matches!(to.objects.get(*column), Some(PgObject::Column(c)) if c.not_null);
            if given && !own.is_empty() && (c.kind == ConstraintKind::Primary || own.iter().all(never_null)) {
                let columns = own.iter().map(|column| column.last().to_owned()).collect();
                keys.push((c.kind != ConstraintKind::Primary, id.clone(), columns));
            }
        }
        keys.sort();
        keys.into_iter().next().map(|(_, id, columns)| (id, columns))
    }

    pub(super) fn value(&self, column: &str) -> Option<&RowExpr> {
        self.outputs.iter().find(|(name, _)| name == column).map(|(_, value)| value)
    }
}

/// One road, with all that its functions are made from.
pub(super) struct Carried<'a> {
    pub rows: &'a RowsFrom,
    pub names: Names,
    /// The columns of the key by which a row of the table is known.
    pub key: Vec<String>,
    /// Whether each row of the source has a row of its own.
    pub one_to_one: bool,
    /// Whether the source goes altogether.
    pub source_goes: bool,
    /// Whether a key that is there already is another row's.
    pub strict: bool,
    /// The columns of the source that are read and go, with the value that they have when nobody gives one; none where nobody can
    /// tell it.
    pub going: Vec<(String, String, Option<String>)>,
    /// The way back: columns of the source with expressions over a row of the table. Empty where a row of the source cannot be
    /// found from the table's.
    pub backs: Vec<(String, RowExpr)>,
    /// The columns of the key that are columns of the source: theirs, and the source's. None where others are not constants.
    pub plain_key: Option<Vec<(String, String)>>,
    /// Whether a new row of the table is made in the source too.
    pub comes_back: bool,
    /// Whether columns of the table, and of the source, are given values though the server numbers them.
    pub overrides: (bool, bool),
    /// The types of the columns that the query gives values to, in its order.
    pub types: Vec<String>,
    /// Whether there may be values that the table does not take: all but columns of the same type and constants.
    pub may_not_fit: bool,
}

impl Carried<'_> {
    /// What is marked of values that the table does not take; none where it takes all.
    pub fn unfit(&self) -> Option<Unfit> {
        self.may_not_fit.then(|| Unfit {
            id: self.names.unfit.clone(),
            table: quote::qualified(&self.rows.source.parts()),
            column: format!(
                "{} (for {})",
                quote::qualified(&self.rows.source.parts()),
                quote::qualified(&self.rows.target.parts())
            ),
            recipe: NAME,
        })
    }
}

/// Finds what moves and changes the line of schemas.
pub(super) fn plan(dialect: &Postgres<'_>, wishes: &Wishes, road: &mut Road<'_>) {
    for rows in &wishes.rows {
        let in_use = |catalog: &PgCatalog, id: &PgId| catalog.objects.contains_key(id) && !dialect.is_replaced(id);
        let names = Names::of(&rows.target, &rows.source);
        let key = rows.key(dialect.from, dialect.to);
        let stays = !in_use(dialect.from, &rows.source) || !in_use(dialect.to, &rows.target) || key.is_none();
        if stays {
            let message = format!(
                "no rows move from {} to {}, as one of them is made anew",
                quote::qualified(&rows.source.parts()),
                quote::qualified(&rows.target.parts())
            );
            road.findings.push(Diagnostic::new(Severity::Warning, "rows-not-moved", message));
            continue;
        }
        if moved(dialect.from, &rows.target, &rows.source) == Moved::Done {
            road.beside.push(Sql::new("CREATE SEQUENCE").name(&names.done.parts()).build());
            goes_last(dialect, rows, &names, road);
            continue;
        }
        let Some((key_id, key)) = key else { continue };
        let there = dialect.from.objects.contains_key(&rows.target)
            && (dialect.from.objects.contains_key(&names.into) || !dialect.from.objects.contains_key(&names.seen));
        let alone = wishes.rows.iter().filter(|other| other.target == rows.target).count() == 1;
        let carried = carried(dialect, rows, names, key, there || !alone);
        stand(dialect, &carried, (&key_id, there), road);
    }
}

/// The sequence that tells that all is filled goes behind what the rows came from.
fn goes_last(dialect: &Postgres<'_>, rows: &RowsFrom, names: &Names, road: &mut Road<'_>) {
    let read = rows.reads().into_iter().map(|column| rows.old(&column));
    let gone = read.chain([rows.source.clone()]).filter(|id| !dialect.to.objects.contains_key(id));
    road.last.extend(gone.map(|id| (id, names.done.clone())));
}

fn carried<'a>(dialect: &Postgres<'_>, rows: &'a RowsFrom, names: Names, key: Vec<String>, mixed: bool) -> Carried<'a> {
    let (from, to) = (dialect.from, dialect.to);
    let source_goes = !to.objects.contains_key(&rows.source);
    let goes = |column: &str| !to.objects.contains_key(&rows.old(column));
    let of_key: BTreeSet<String> = key.iter().filter_map(|k| rows.value(k)).flat_map(RowExpr::reads).collect();
    let source_keys: Vec<BTreeSet<String>> = parts_of(from, PgKind::Constraint, &rows.source.parts())
        .into_iter()
        .filter(|(_, o)| {
            matches!(o, PgObject::Constraint(c) if matches!(c.kind, ConstraintKind::Primary | ConstraintKind::Unique))
        })
        .map(|(id, _)| Constraint::own_columns(id, from).map(|c| c.last().to_owned()).collect())
        .collect();
    let holds_key = |columns: &BTreeSet<String>| source_keys.iter().any(|k| !k.is_empty() && k.is_subset(columns));
    let one_to_one = holds_key(&of_key);
    let mut plain_key = Some(Vec::new());
    for name in &key {
        let Some(value) = rows.value(name) else { continue };
        match (value.plain(), value.reads().is_empty(), &mut plain_key) {
            (Some(column), _, Some(list)) => list.push((name.clone(), column)),
            (None, true, _) => {}
            _ => plain_key = None,
        }
    }
    let found: BTreeSet<String> = plain_key.iter().flatten().map(|(_, column)| column.clone()).collect();
    plain_key = plain_key.filter(|_| holds_key(&found));
    let going: Vec<(String, String, Option<String>)> = rows
        .reads()
        .into_iter()
        .filter(|column| goes(column) && !found.contains(column))
        .filter_map(|column| {
            let id = rows.old(&column);
            let Some(PgObject::Column(c)) = from.objects.get(&id) else { return None };
            let default = match from.objects.get(&id.prefix(PgKind::Default, 3)) {
                Some(PgObject::Default(d)) if crate::facts::may_be_volatile(&d.expression) => None,
                Some(PgObject::Default(d)) => Some(d.expression.clone()),
                _ if c.identity.is_some() || c.generated.is_some() => None,
                _ => Some("NULL".to_owned()),
            };
            Some((column, c.type_name.clone(), default))
        })
        .collect();
    let mut backs: Vec<(String, RowExpr)> = Vec::new();
    if plain_key.is_some() {
        let plain = rows.outputs.iter().filter(|(name, _)| !key.contains(name)).filter_map(|(name, value)| {
            let column = value.plain()?;
            Some((column, RowExpr::column(name)))
        });
        for (column, value) in rows.downs.iter().cloned().chain(plain) {
            let is_made =
                matches!(from.objects.get(&rows.old(&column)), Some(PgObject::Column(c)) if c.generated.is_some());
            if goes(&column) && !is_made && !backs.iter().any(|(other, _)| *other == column) && !found.contains(&column)
            {
                backs.push((column, value));
            }
        }
    }
    let given: BTreeSet<&String> = backs.iter().map(|(column, _)| column).chain(&found).collect();
    let can_be_made = parts_of(from, PgKind::Column, &rows.source.parts()).iter().all(|(id, object)| match object {
        PgObject::Column(c) => {
            !c.not_null
                || c.identity.is_some()
                || c.generated.is_some()
                || given.contains(&id.last().to_owned())
                || from.objects.contains_key(&id.prefix(PgKind::Default, 3))
        }
        _ => true,
    });
    let told_apart = rows.outputs.iter().any(|(_, value)| value.reads().is_empty());
    let comes_back =
        source_goes && plain_key.is_some() && rows.condition.is_none() && can_be_made && (!mixed || told_apart);
    let always = |id: &PgId, catalog: &PgCatalog| {
        let identity = match catalog.objects.get(id) {
            Some(PgObject::Column(c)) => c.identity.as_ref(),
            _ => None,
        };
        identity.is_some_and(|i| i.always)
    };
    let overrides = (
        rows.outputs.iter().any(|(name, _)| always(&rows.new_column(name), to)),
        found.iter().any(|column| always(&rows.old(column), from)),
    );
    let of_type = |(name, _): &(String, RowExpr)| match to.objects.get(&rows.new_column(name)) {
        Some(PgObject::Column(c)) => c.type_name.clone(),
        _ => String::new(),
    };
    let types: Vec<String> = rows.outputs.iter().map(of_type).collect();
    let fits = |((_, value), of): (&(String, RowExpr), &String)| match value.plain().map(|c| rows.old(&c)) {
        Some(old) => matches!(from.objects.get(&old), Some(PgObject::Column(c)) if c.type_name == *of),
        None => value.reads().is_empty(),
    };
    let may_not_fit = !rows.outputs.iter().zip(&types).all(fits);
    let strict = mixed || source_goes;
    Carried {
        rows,
        names,
        key,
        one_to_one,
        source_goes,
        strict,
        going,
        backs,
        plain_key,
        comes_back,
        overrides,
        types,
        may_not_fit,
    }
}

/// Makes what stands beside, and says what fills the table and what the contract takes away.
fn stand(dialect: &Postgres<'_>, carried: &Carried<'_>, (key, there): (&PgId, bool), road: &mut Road<'_>) {
    let Carried { rows, names, .. } = carried;
    let (target, source) = (quote::qualified(&rows.target.parts()), quote::qualified(&rows.source.parts()));
    let is_done = dialect.from.objects.contains_key(&names.done);
    let sequence = |id: &PgId| Sql::new("CREATE SEQUENCE").name(&id.parts()).build();
    let mut sequences = vec![&names.seen];
    if there {
        sequences.push(&names.into);
        road.first.push((names.into.clone(), names.seen.clone()));
    }
    road.beside.extend(sequences.iter().map(|id| sequence(id)));
    // The mark is there before the table: a table without it is taken for one whose rows are there.
    road.first.push((names.seen.clone(), rows.target.clone()));
    let mut switch: Vec<String> = Vec::new();
    let function = |id: &PgId, body: &str, road: &mut Road<'_>| {
        let function_id = PgId::new(PgKind::Function, [id.part(0), id.part(1), ""]);
        let name = || Sql::empty().name(&id.parts()).kw("()");
        let make = Sql::new("CREATE FUNCTION").then(name());
        let make =
            make.kw("RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS");
        road.beside.push(make.literal(body).build());
        road.beside.push(Sql::new("REVOKE ALL ON FUNCTION").then(name()).kw("FROM PUBLIC").build());
        road.first.push((rows.target.clone(), function_id.clone()));
        road.first.push((names.seen.clone(), function_id));
        Sql::new("DROP FUNCTION").then(name()).build()
    };
    let trigger = |prefix: &str, of: &PgId, on: &PgId, when: &'static str, function: &PgId, road: &mut Road<'_>| {
        let name = name_aside(&format!("{TRIGGER}{prefix}_"), &Names::word(of, on));
        let make = Sql::new("CREATE TRIGGER").ident(&name).kw(when).kw("ON").name(&on.parts());
        let make = make.kw("FOR EACH ROW EXECUTE FUNCTION").name(&function.parts()).kw("()");
        road.beside.push(make.build());
        Sql::new("DROP TRIGGER").ident(&name).kw("ON").name(&on.parts()).build()
    };
    if let Some(unfit) = carried.unfit() {
        unfit.stand(&PgId::new(PgKind::Function, [names.copy.part(0), names.copy.part(1), ""]), road);
        road.checks.push(Check {
            sql: all_fit(carried),
            words: format!("look whether every value could be carried over to {target}"),
            reason: "a value that the new table does not take would be lost".to_owned(),
        });
    }
    let mut functions = vec![function(&names.copy, &copy_function(carried), road)];
    switch.push(trigger("copy", &rows.target, &rows.source, "AFTER INSERT OR UPDATE", &names.copy, road));
    switch.push(trigger("gone", &rows.target, &rows.source, "BEFORE DELETE", &names.copy, road));
    if carried.plain_key.is_some() {
        functions.push(function(&names.back, &back_function(carried), road));
        let when = "AFTER INSERT OR UPDATE OR DELETE";
        switch.push(trigger("back", &rows.source, &rows.target, when, &names.back, road));
        if !carried.source_goes && carried.going.iter().all(|(_, _, value)| value.is_some()) {
            switch.push(trigger("blank", &rows.source, &rows.target, "BEFORE INSERT", &names.back, road));
        }
    }
    switch.extend(carried.unfit().into_iter().flat_map(|unfit| unfit.refused()));
    switch.extend(functions);
    switch.extend(sequences.iter().map(|id| Sql::new("DROP SEQUENCE").name(&id.parts()).build()));
    if is_done { &mut road.beside } else { &mut road.beside_filled }.push(sequence(&names.done));
    if !is_done {
        wait_for_rows(dialect, rows, key, road);
        road.fills.push(fill(carried));
    }
    road.gates.insert(if carried.source_goes {
        format!("reads and writes {target} in the place of {source}")
    } else {
        format!("reads and writes {target} itself")
    });
    if carried.source_goes || !carried.going.is_empty() {
        let what = format!("rows of {source} whose values were carried over to {target}");
        road.old_sides.push(OldSide { sequence: quote::qualified(&names.seen.parts()), what });
    }
    road.switch.push(Move {
        words: format!("stop carrying rows over from {source} to {target}"),
        sql: switch,
        reason: "every running application reads and writes the new place".to_owned(),
        recipe: Some(NAME),
        hazards: Vec::new(),
        source: None,
        undo: None,
    });
    goes_last(dialect, rows, names, road);
    road.findings.extend(findings(dialect, carried));
}

/// The table is without its rules until the rows are there, but for the key.
fn wait_for_rows(dialect: &Postgres<'_>, rows: &RowsFrom, key: &PgId, road: &mut Road<'_>) {
    let from = dialect.from;
    let table = rows.target.parts();
    let waits = |id: &PgId| id != key && !from.objects.contains_key(id);
    let (mut out, mut in_keys): (Vec<PgId>, BTreeSet<PgId>) = (Vec::new(), BTreeSet::new());
    for (id, object) in parts_of(&road.expanded, PgKind::Constraint, &table) {
        let is_primary = matches!(object, PgObject::Constraint(c) if c.kind == ConstraintKind::Primary);
        if is_primary || id == key {
            in_keys.extend(Constraint::own_columns(id, &road.expanded).cloned());
        } else if waits(id) && !refers_back(&road.expanded, rows, id, object) {
            out.push(id.clone());
        }
    }
    let of_table = |object: &PgObject| matches!(object, PgObject::Index(index) if index.on == rows.target);
    out.extend(road.expanded.objects.iter().filter(|(id, o)| of_table(o) && waits(id)).map(|(id, _)| id.clone()));
    Road::take_out(&mut road.expanded, out);
    let columns: Vec<PgId> =
        parts_of(&road.expanded, PgKind::Column, &table).into_iter().map(|(id, _)| id.clone()).collect();
    for id in columns {
        let stays = matches!(from.objects.get(&id), Some(PgObject::Column(c)) if c.not_null);
        if let Some(PgObject::Column(column)) = road.expanded.objects.get_mut(&id)
            && !stays
            && !in_keys.contains(&id)
            && column.identity.is_none()
        {
            column.not_null = false;
            column.not_null_rule = None;
        }
    }
}

/// Whether a constraint is a foreign key to the row of the source that a row comes from: it holds for what is carried over, and
/// keeps the new application from rows without one.
fn refers_back(catalog: &PgCatalog, rows: &RowsFrom, id: &PgId, object: &PgObject) -> bool {
    let PgObject::Constraint(constraint) = object else { return false };
    let own = Constraint::own_columns(id, catalog).map(|c| rows.value(c.last()).and_then(RowExpr::plain));
    let own: Option<BTreeSet<String>> = own.collect();
    let theirs = catalog.needs(id).filter(|n| n.kind == PgKind::Column && n.prefix(PgKind::Table, 2) == rows.source);
    let theirs: BTreeSet<String> = theirs.map(|c| c.last().to_owned()).collect();
    constraint.kind == ConstraintKind::Foreign && !theirs.is_empty() && own == Some(theirs)
}

/// A query that fails where a row of the source has a value that the table does not take.
fn all_fit(carried: &Carried<'_>) -> String {
    let rows = carried.rows;
    let source = quote::qualified(&rows.source.parts());
    let values: Vec<String> = rows
        .outputs
        .iter()
        .zip(&carried.types)
        .map(|((_, value), of)| format!("({})::{of}", value.over(&source)))
        .collect();
    let condition = rows.condition.as_ref().map(|c| format!(" WHERE {}", c.over(&source))).unwrap_or_default();
    // The text of a row needs all its values.
    format!("SELECT pg_catalog.count(ROW({})::text) >= 0 FROM {source}{condition}", values.join(", "))
}

/// The rows that are there, copied in batches.
fn fill(carried: &Carried<'_>) -> Fill {
    let rows = carried.rows;
    let (target, source) = (quote::qualified(&rows.target.parts()), quote::qualified(&rows.source.parts()));
    let over = |value: &RowExpr| value.over(&source);
    let columns: Vec<String> = rows.outputs.iter().map(|(name, _)| quote::ident(name)).collect();
    let values: Vec<String> = rows.outputs.iter().map(|(_, value)| over(value)).collect();
    let key: Vec<String> = carried.key.iter().map(|k| quote::ident(k)).collect();
    let condition = rows.condition.as_ref().map(|c| format!("({})", over(c)));
    // What is locked so cannot be deleted, nor changed in what decides whether and where it has a row.
    let lock = if rows.condition.is_none() && carried.plain_key.is_some() { "FOR KEY SHARE" } else { "FOR SHARE" };
    let overriding = if carried.overrides.0 { " OVERRIDING SYSTEM VALUE" } else { "" };
    let and = condition.as_ref().map(|c| format!(" AND {c}")).unwrap_or_default();
    let statement = format!(
        "INSERT INTO {target} ({}){overriding} SELECT {} FROM {source} WHERE (SELECT pg_catalog.set_config('{}', '*', true)) \
         IS NOT NULL AND {}{and} {lock} ON CONFLICT ({}) DO NOTHING",
        columns.join(", "),
        values.join(", "),
        super::carry::ON_ITS_WAY,
        underpin_model::Backfill::RANGE,
        key.join(", "),
    );
    let mut same: Vec<String> = carried
        .key
        .iter()
        .filter_map(|k| Some(format!("_underpin_row.{} = ({})", quote::ident(k), over(rows.value(k)?))))
        .collect();
    if carried.strict {
        // Another row of that key is not the counterpart.
        let kept = rows.outputs.iter().zip(&carried.types).filter(|((_, value), _)| {
            value.plain().is_some_and(|column| carried.backs.iter().any(|(back, _)| *back == column))
        });
        let (theirs, ours): (Vec<String>, Vec<String>) = kept
            .map(|((name, value), of)| {
                (format!("_underpin_row.{}", quote::ident(name)), format!("({})::{of}", over(value)))
            })
            .unzip();
        if !theirs.is_empty() {
            same.push(format!("ROW({})::record OPERATOR(pg_catalog.*=) ROW({})", theirs.join(", "), ours.join(", ")));
        }
    }
    let missing = format!("NOT EXISTS (SELECT FROM {target} AS _underpin_row WHERE {})", same.join(" AND "));
    Fill {
        table: rows.source.clone(),
        work: FillWork::Statement(statement),
        wrong: condition.map_or_else(|| missing.clone(), |c| format!("{c} AND {missing}")),
        words: format!("copy the rows of {source} that are there to {target}"),
        reason: "in batches, each with its own commit, so that no row is locked for long".to_owned(),
        hazards: Vec::new(),
        recipe: NAME,
    }
}

/// What has no way back, and what is merged.
fn findings(dialect: &Postgres<'_>, carried: &Carried<'_>) -> Vec<Diagnostic> {
    let Carried { rows, .. } = carried;
    let (target, source) = (quote::qualified(&rows.target.parts()), quote::qualified(&rows.source.parts()));
    let mut list = Vec::new();
    let without: Vec<&str> = carried
        .going
        .iter()
        .filter(|(column, _, _)| !carried.backs.iter().any(|(back, _)| back == column))
        .filter(|(column, _, _)| {
            let id = rows.old(column);
            !matches!(dialect.from.objects.get(&id), Some(PgObject::Column(c)) if c.generated.is_some())
        })
        .map(|(column, _, _)| column.as_str())
        .collect();
    if carried.plain_key.is_none() && (carried.source_goes || !carried.going.is_empty()) {
        let message = format!(
            "nothing is carried back from {target} to {source}, so that the old application does not see what the new one \
             writes: the row of {source} cannot be found by the key of {target}"
        );
        list.push(Diagnostic::new(Severity::Warning, "no-way-back", message).help(
            "give the columns of the table's key plain columns of the source, its whole key among them, and constants",
        ));
    } else if !without.is_empty() {
        let message = format!(
            "nothing is carried back to {} of {source}, so that the old application does not see there what the new one \
             writes to {target}",
            without.join(", ")
        );
        list.push(Diagnostic::new(Severity::Warning, "no-way-back", message).help(
            "write the way back below the query: `-- underpin: down COLUMN = EXPR, …`, with EXPR over a row of the new table",
        ));
    }
    if carried.source_goes && carried.plain_key.is_some() && !carried.comes_back {
        let message =
            format!("rows that the new application adds to {target} are not added to {source} for the old one");
        list.push(Diagnostic::new(Severity::Warning, "no-way-back", message).note(
            "the query has a WHERE, columns of the source that are NOT NULL would get no value, or the table has other rows \
             and no constant that tells them apart",
        ));
    }
    for (name, value) in &rows.outputs {
        let numbers = |catalog: &PgCatalog, id: &PgId| {
            let identity = matches!(catalog.objects.get(id), Some(PgObject::Column(c)) if c.identity.is_some());
            match catalog.objects.get(&id.prefix(PgKind::Default, 3)) {
                Some(PgObject::Default(default)) if default.expression.contains("nextval(") => {
                    Some(default.expression.clone())
                }
                _ => identity.then(|| quote::qualified(&id.parts())),
            }
        };
        let Some(column) = value.plain() else { continue };
        let own = numbers(dialect.to, &rows.new_column(name));
        let theirs = numbers(dialect.from, &rows.old(&column));
        if own.is_some() && theirs.is_some() && own != theirs {
            let message = format!(
                "{} counts by a sequence of its own, and may give a number that came from {column} of {source}",
                quote::qualified(&rows.new_column(name).parts())
            );
            list.push(Diagnostic::new(Severity::Warning, "numbers-collide", message).help(
                "let both draw from one sequence, or set the new one (SELECT setval(…)) far beyond what the old one will give \
                 until the contract stage, before the new application writes",
            ));
        }
    }
    if !carried.one_to_one {
        let message = format!(
            "rows of {source} may share a key of {target} and become one row there; what is deleted from {source} meanwhile \
             stays in {target}"
        );
        list.push(Diagnostic::new(Severity::Warning, "rows-share-a-key", message));
    }
    list
}
