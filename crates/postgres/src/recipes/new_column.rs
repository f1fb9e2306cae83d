//! # A new type by a new column
//!
//! A change of type that writes every row anew would hold ACCESS EXCLUSIVE for as long as that takes, and write all indexes with
//! it. Instead a second column of the new type grows beside the old one and takes its place.
//!
//! 1. Expand: `_underpin_new_c` of the new type is added, and triggers fill it on every INSERT, and on every UPDATE that changes
//!    the old column, from then on. Adding them waits for all writers (SHARE ROW EXCLUSIVE), so that no writer without them
//!    is left.
//! 2. Backfill: the rows that were there are filled in batches. Then come, each in its own careful way: NOT NULL, copies of the
//!    indexes (CONCURRENTLY) and of the constraints (NOT VALID, then VALIDATE), foreign keys to and from the column included.
//!    Statistics are gathered, so that no plan turns bad at the switch.
//! 3. Contract, behind a gate: one short transaction drops the trigger, the old constraints and indexes, renames the columns and
//!    what belongs to them, takes over keys (`USING INDEX`), identities and sequences, and drops the old column. It only touches
//!    the catalog, on all the tables that are linked by foreign keys at once.
//!
//! The application names one column all along, the old one until the switch and the new one after it; nothing of the new column
//! can be lost, because nobody else writes to it. What the old type cannot hold can be written after the switch only.
//! A prepared statement that returns the column is planned again once (0A000), which no road avoids where a returned column
//! changes its type in place.
//!
//! With versioned views (see `versioned-views`) both columns are written, and the trigger carries the changes of either to the
//! other.
//!
//! `-- underpin: using EXPR` on the column says how values are converted; without it they are assigned. Where a conversion can
//! fail, the trigger leaves NULL instead of failing the writer, and a mark. The contract stage begins with a check that no value is
//! missing, and the switch refuses where one has come since.
//!
//! An enum that loses values or has them in another order, a composite type whose attributes move or change their type
//! while columns use it, and a domain over another type go the same way, with all their columns, those of arrays of
//! them, and the domains and composite types that are made of them: new types stand beside these and take their names
//! at the switch. `-- underpin: map 'old' => 'new'` on an enum says what becomes of values that go. Attributes keep
//! their values by their names, converted as text where their type changes; an attribute that goes carries the hazard
//! data-loss. Functions that take such values or give them are made again in the transaction of the switch, with the
//! views that call them. The checks of such a domain come after the backfill, in two steps, the second of which lets
//! writes wait (see `domain-check-in-two-steps`).
//!
//! A session keeps what the variables and rows of a function in PL/pgSQL are, and would fail where a column has another type
//! since. So functions of the role are looked up again by every session, from the switch on, whose bodies name a type that is made
//! anew, name a column of the switch or its table, or have the type of a column or a row (`%TYPE`, `%ROWTYPE`), and those
//! that the tables' triggers call. The statements that tell it come in the transaction of the switch, before its locks.
//!
//! Columns of partitioned tables and of tables with heirs go with those that come from them: the new column and the
//! trigger are made on the parent (before 13, and on heirs, the trigger on each table that has rows), the rows are
//! filled table by table in the same walk, and the indexes and keys of each partition are copied. At the switch those
//! of the partitioned table are put together from the copies, which only touches the catalog. A heir that declares the
//! column itself gets the new one first, and the parent's joins it. Foreign keys of a partitioned table are copied like others
//! (see `foreign-key-of-partitioned`); those that refer to its columns are dropped and added again NOT VALID in the switch, when
//! the key that they need is there, and proved after it.
//!
//! Generated columns, what they are computed from, and parts of an exclusion constraint get their new type in a copy of
//! the table (see `shadow-table`), and so do those that become a domain with checks. The road does not apply to a type
//! that is made anew where something else than columns, domains, composite types, functions and views uses it, or a key
//! of partitions, where an index, a constraint, a default or a generated column calls a function that takes it, where a
//! new column with a default has it, or where a domain with checks is the type of columns and stands in arrays or rows
//! too; nor to lists of rows that have several dimensions or do not begin at 1, which stop the plan before the switch;
//! nor, in partitioned tables and tables with heirs, to columns of the partition key, to those of several parents,
//! where a partition is a foreign table, and where partitions come or go in the same plan; nor, where a foreign key
//! refers to the columns of a partitioned table, if values do not go over as they are, or the table that refers is
//! partitioned too (before 18). Their steps carry the hazard blocks-reads.
//!
//! After a crash: what is there is recognised by its names; batches that were committed stay.
//!
//! Sources: manual, ALTER TABLE (notes; ADD table_constraint_using_index); CREATE TRIGGER; locks and rewrites read off servers of
//! 12 to 18.

use super::both_ways;
use super::carried::{self, Value};
use super::column_family::{
    comes_late, comes_with_another, declared, family, fired, goes_with_another, is_partitioned, late_foreign_keys,
    put_together, renamed,
};
use super::column_trigger::{insert_trigger_name, stand_beside, trigger_name};
use super::domain_check;
use super::enum_shrunk::element;
use super::looked_up_again::looked_up_again;
use super::respell::{Names, respelled, respelled_foreign_key};
use super::road::{Check, Fill, FillWork, Move, Road, Wishes};
use super::shadow_table::Shadow;
use super::type_remade::{self, Conversion, Remade, beside};
use super::unfit::Unfit;
use crate::facts::loss_of_type_change;
use crate::objects::{Column, Constraint, ConstraintKind, Index, NotNull};
use crate::render::name_aside;
use crate::{PgCatalog, PgId, PgKind, PgObject, Postgres};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use underpin_model::{Hazard, HazardKind};
use underpin_sql::{Sql, quote};

const NAME: &str = "type-by-new-column";

/// A column whose type changes, with both sides.
pub(super) struct Pair<'a> {
    pub id: &'a PgId,
    /// The column, and those of partitions and heirs that come from it.
    family: Vec<PgId>,
    /// The tables to which the new column is added.
    pub declared: Vec<PgId>,
    /// The tables on which its trigger is made.
    pub fired: Vec<PgId>,
    pub old: &'a Column,
    pub new: &'a Column,
    /// The type of the new column while it stands beside: another name where the type itself is made anew.
    pub type_name: String,
    /// The value of the new type; `{}` stands for what the columns' names have before them.
    pub value: Value,
    /// What is lost of each value, in words.
    losses: Vec<String>,
}

impl Pair<'_> {
    pub fn table(&self) -> PgId {
        Column::table(self.id)
    }

    pub fn new_name(&self) -> String {
        name_aside("_underpin_new_", self.id.last())
    }

    fn old_name(&self) -> String {
        name_aside("_underpin_old_", self.id.last())
    }

    pub fn beside(&self, prefix: &str) -> [String; 2] {
        let of = format!("{}.{}", self.id.part(1), self.id.last());
        [self.id.part(0).to_owned(), name_aside(prefix, &of)]
    }

    /// The value in a statement on the table, over plain column names.
    fn in_statement(&self) -> String {
        self.value.in_statement(self.id.last())
    }

    /// The value in the trigger.
    pub fn in_trigger(&self) -> String {
        match &self.value {
            Value::Said(expression) => {
                format!("(SELECT ({expression}) FROM (SELECT NEW.*) AS {})", quote::ident(self.id.part(1)))
            }
            Value::Of(expression) => expression.replace("{}", "NEW."),
            Value::Assigned => format!("NEW.{}", quote::ident(self.id.last())),
        }
    }

    /// The condition that a row has no new value and shall have one. A row of nulls is a value, and one with a null too.
    fn lacks(&self) -> String {
        let may_be_row = |name: &str| name.contains('.');
        let rows = may_be_row(&self.old.type_name) || may_be_row(&self.new.type_name);
        let (no, has) =
            if rows { ("IS NOT DISTINCT FROM NULL", "IS DISTINCT FROM NULL") } else { ("IS NULL", "IS NOT NULL") };
        let new = quote::ident(&self.new_name());
        let every = self.new.not_null && self.new.not_null_rule.as_ref().is_none_or(|rule| !rule.unproved);
        match &self.value {
            // Where every row shall have one, it is not worked out twice.
            Value::Said(_) if every => format!("{new} {no}"),
            Value::Said(_) => format!("{new} {no} AND {} {has}", self.in_statement()),
            Value::Of(_) | Value::Assigned => format!("{new} {no} AND {} {has}", quote::ident(self.id.last())),
        }
    }

    /// Whether every value of the old type has one of the new type.
    fn always_converts(&self) -> bool {
        self.value.always(&self.old.type_name, &self.new.type_name)
    }
}

impl Pair<'_> {
    /// What is marked of values that the new type does not take; none where it takes all.
    pub fn unfit(&self) -> Option<Unfit> {
        let [schema, name] = self.beside("_underpin_unfit_");
        (!self.always_converts()).then(|| Unfit {
            id: Unfit::sequence(&schema, &name),
            table: quote::qualified(&self.table().parts()),
            column: Sql::empty().name(&self.id.parts()).build(),
            recipe: NAME,
        })
    }
}

/// Finds the columns and changes the line of schemas.
pub(super) fn plan(dialect: &Postgres<'_>, wishes: &Wishes, shadows: &[Shadow], road: &mut Road<'_>) {
    let mut types = type_remade::remade(dialect);
    let mut pairs: Vec<Pair<'_>> = pairs(dialect, wishes, &types);
    // The columns of a table that is copied change in the copy.
    let copied: HashSet<&PgId> = shadows.iter().map(|s| &s.table).collect();
    pairs.retain(|p| !copied.contains(&p.table()));
    // A type goes this road with all its columns, and with all the types that are made of it, or not at all.
    let columns_of = |name: &str| {
        let of = |o: &PgObject| matches!(o, PgObject::Column(c) if element(&c.type_name) == name);
        dialect.from.objects.values().filter(|o| of(o)).count()
    };
    let goes_by_pairs = |t: &&Remade| {
        let own = pairs.iter().filter(|p| element(&p.old.type_name) == t.name);
        own.map(|p| p.family.len()).sum::<usize>() == columns_of(&t.name)
    };
    let left: BTreeSet<PgId> = types.iter().filter(|t| !goes_by_pairs(t)).map(|t| t.group.clone()).collect();
    types.retain(|t| !left.contains(&t.group));
    pairs.retain(|p| p.old.type_name != p.new.type_name || types.iter().any(|t| t.name == element(&p.old.type_name)));
    if pairs.is_empty() {
        return;
    }
    type_remade::stand_beside(dialect, &types, road);
    for Remade { id, name, .. } in &types {
        let (Some(PgObject::Enum(new)), Some(PgObject::Enum(old))) =
            (dialect.to.objects.get(id), dialect.from.objects.get(id))
        else {
            continue;
        };
        let said: Vec<&String> = wishes.maps.get(id).into_iter().flatten().map(|(old, _)| old).collect();
        for label in old.labels.iter().filter(|l| !new.labels.contains(l) && !said.contains(l)) {
            let of_type = pairs.iter().filter(|p| element(&p.old.type_name) == name);
            let open = of_type.filter(|p| !wishes.usings.contains_key(p.id) || wishes.maps.contains_key(id));
            road.unmapped.extend(open.map(|p| (p.id.clone(), label.clone())));
        }
    }
    // What is said in the type's own name is about the new one while it stands beside.
    let beside = |text: &str| beside(text, &types);
    let (from, to) = (dialect.from, dialect.to);
    let from_dependents = from.dependents();
    let to_dependents = to.dependents();
    // The old column stays as it is until the switch, with all that stands on it.
    for id in pairs.iter().flat_map(|pair| &pair.family) {
        let default = id.prefix(PgKind::Default, 3);
        let on = |map: &rustc_hash::FxHashMap<&PgId, Vec<&PgId>>| -> Vec<PgId> {
            map.get(id).into_iter().flatten().map(|d| (*d).clone()).collect()
        };
        road.change_both(|catalog| {
            // What is new and stands on the column waits for its new type.
            let waits = on(&to_dependents).into_iter().filter(|d| !from.objects.contains_key(d) && *d != default);
            Road::take_out(catalog, waits);
            Road::put_in(catalog, from, id);
            catalog.objects.remove(&default);
            catalog.rests_on.remove(&default);
            Road::put_in(catalog, from, &default);
            for dependent in on(&from_dependents) {
                if to.objects.contains_key(&dependent) {
                    Road::put_in(catalog, from, &dependent);
                }
            }
        });
    }
    let names = names(&pairs);
    // Of columns that are all filled and have their rules, the plan goes on with the switch.
    let is_done = |pair: &Pair<'_>| {
        let [schema, name] = pair.beside("_underpin_done_");
        from.objects.contains_key(&PgId::new(PgKind::Sequence, [schema, name]))
    };
    let all_done = pairs.iter().all(is_done);
    for pair in &pairs {
        let has_domain_default = super::fill::has_domain_default(to, pair.id);
        stand_beside((dialect, wishes), pair, has_domain_default, road);
        if !is_done(pair) {
            road.fills.push(fill(pair));
        }
        // The server goes to all partitions by itself, and to no heirs.
        let whole = if is_partitioned(to, &pair.table()) { 1 } else { pair.family.len() };
        for id in &pair.family[..whole] {
            road.analyzed.entry(Column::table(id)).or_default().insert(quote::ident(&pair.new_name()));
        }
        road.gates.insert(format!(
            "works with {} as {}",
            Sql::empty().name(&pair.id.parts()).build(),
            pair.new.type_name
        ));
        for (n, id) in pair.family.iter().enumerate() {
            let alter = || Sql::new("ALTER TABLE").kw_if(n > 0, "ONLY").name(&id.parts()[..2]).kw("ALTER COLUMN");
            let demanded = |id: &PgId| matches!(to.objects.get(id), Some(PgObject::Column(c)) if c.not_null);
            // What the parent demands comes to its heirs.
            if demanded(id) && (n == 0 || !demanded(pair.id)) {
                road.beside_filled.push(alter().ident(&pair.new_name()).kw("SET NOT NULL").build());
            }
            if has_domain_default {
                road.beside_filled.push(alter().ident(&pair.new_name()).kw("DROP DEFAULT").build());
            }
            if let Some(PgObject::Default(default)) = to.objects.get(&id.prefix(PgKind::Default, 3))
                && pair.new.identity.is_none()
                // Where both sides are written, what has a value was written by the new one.
                && !wishes.both_ways
            {
                let expression = beside(&crate::restate::restated(&default.expression));
                let set = alter().ident(&pair.new_name()).kw("SET DEFAULT").server_text(&expression);
                road.beside_filled.push(set.build());
            }
        }
        if wishes.both_ways {
            road.beside_filled.extend(both_ways::grants(dialect, pair));
        }
        let done = pair.beside("_underpin_done_");
        road.beside_filled.push(Sql::new("CREATE SEQUENCE").name(&[&done[0], &done[1]]).build());
    }
    let standing = standing(dialect, &pairs);
    // Indexes first: a foreign key needs the unique one that it refers to.
    for (id, object) in &standing {
        if let PgObject::Index(index) = object {
            let copy = Index {
                definition: beside(&respelled(&index.definition, of_table(&names, &index.on))),
                ..(*index).clone()
            };
            let copy_id = PgId::new(PgKind::Index, [id.part(0), &copy_name(id)]);
            road.beside_filled.push(copy.create(&copy_id, false).build());
        } else if let PgObject::Constraint(constraint) = object
            && constraint.has_index()
        {
            let table = id.prefix(PgKind::Table, 2);
            let definition = respelled(&constraint.definition, of_table(&names, &table));
            let copy = Constraint { definition, ..(*constraint).clone() };
            road.beside_filled.push(copy.unique_index(&table, &copy_name(id), false).build());
        }
    }
    for (id, object) in &standing {
        if let PgObject::Constraint(constraint) = object
            && !constraint.has_index()
        {
            let copy = Constraint {
                definition: beside(&respelled_clause(id, constraint, to, &names)),
                ..(*constraint).clone()
            };
            let copy_id = PgId::new(PgKind::Constraint, [id.part(0), id.part(1), &copy_name(id)]);
            let add = Sql::new("ALTER TABLE").name(&id.parts()[..2]).kw("ADD");
            road.beside_filled.push(add.then(copy.clause(&copy_id)).build());
        }
    }
    if all_done {
        let made = std::mem::take(&mut road.beside_filled);
        road.beside.extend(made);
        road.analyzed.clear();
        // With its rules it is what the filled schema is.
        road.expanded = road.filled.clone();
    }
    switch((dialect, &types), &pairs, &standing, road);
}

fn copy_name(id: &PgId) -> String {
    name_aside("_underpin_new_", id.last())
}

/// For each table, the names of the new columns.
fn names(pairs: &[Pair<'_>]) -> HashMap<PgId, Names> {
    let mut names: HashMap<PgId, Names> = HashMap::new();
    for pair in pairs {
        for table in pair.family.iter().map(Column::table) {
            names.entry(table).or_default().insert(pair.id.last().to_owned(), pair.new_name());
        }
    }
    names
}

fn of_table<'a>(names: &'a HashMap<PgId, Names>, table: &PgId) -> &'a Names {
    static NONE: std::sync::LazyLock<Names> = std::sync::LazyLock::new(Names::new);
    names.get(table).unwrap_or(&NONE)
}

fn respelled_clause(id: &PgId, constraint: &Constraint, to: &PgCatalog, names: &HashMap<PgId, Names>) -> String {
    let own = id.prefix(PgKind::Table, 2);
    if constraint.kind != ConstraintKind::Foreign {
        return respelled(&constraint.definition, of_table(names, &own));
    }
    let referred = to.needs(id).filter(|n| n.kind == PgKind::Column).map(Column::table).find(|t| *t != own);
    let referred = referred.unwrap_or_else(|| own.clone());
    respelled_foreign_key(&constraint.definition, of_table(names, &own), of_table(names, &referred))
}

/// The columns that take this road.
fn pairs<'a>(dialect: &Postgres<'a>, wishes: &Wishes, types: &[Remade]) -> Vec<Pair<'a>> {
    let (from, to) = (dialect.from, dialect.to);
    let conversion = Conversion { dialect, wishes, types };
    let mut list = Vec::new();
    for (id, object) in &to.objects {
        let (PgObject::Column(new), Some(PgObject::Column(old))) = (object, from.objects.get(id)) else { continue };
        let plain = |c: &Column| c.generated.is_none() && c.inherits.is_none();
        let remade = types.iter().find(|t| t.name == element(&old.type_name) && old.type_name == new.type_name);
        if (old.type_name == new.type_name && remade.is_none())
            || !plain(old)
            || !plain(new)
            || !super::fill::is_in_use(dialect, id)
        {
            continue;
        }
        let Some(family) = family(dialect, id) else { continue };
        let typed = Column::table(id).attached(PgKind::TypedTable, &[]);
        if from.objects.contains_key(&typed) || to.objects.contains_key(&typed) || name_of_another(to, id) {
            continue;
        }
        let has_one = || from.objects.contains_key(&beside_column(id));
        // A type that stands beside gets its rules after.
        let too_late = remade.is_none() && domain_check::comes_too_late(dialect, id) && !has_one();
        if dialect.swaps_zone_in_place(id) || too_late {
            continue;
        }
        let said = wishes.usings.get(id).filter(|_| remade.is_none());
        let in_place = !dialect.goes_through_text(id) && !carried::is_rewritten(old, new);
        if said.is_none() && remade.is_none() && in_place {
            continue;
        }
        let value = match remade {
            Some(_) => {
                let name = format!("{{}}{}", quote::ident(id.last()));
                let Some(value) = conversion.value(&name, &new.type_name) else { continue };
                Value::Of(value)
            }
            None => match carried::value(dialect, wishes, id, old, new) {
                Some(value) => value,
                None => continue,
            },
        };
        let type_name = beside(&new.type_name, remade.map_or(&[], |_| types));
        let mut losses = if remade.is_some() { conversion.losses(&new.type_name) } else { Vec::new() };
        if !matches!(value, Value::Said(_)) {
            losses.extend(loss_of_type_change(&old.type_name, &new.type_name));
        }
        let (declared, fired) = (declared(dialect, &family), fired(dialect, &family));
        list.push(Pair { id, family, declared, fired, old, new, type_name, value, losses });
    }
    if list.is_empty() {
        return list;
    }
    // What cannot be copied beside keeps its columns from this road.
    let columns: HashMap<&PgId, (&PgId, bool)> =
        list.iter().flat_map(|p| p.family.iter().map(|id| (id, (p.id, p.family.len() > 1)))).collect();
    let mut barred: HashSet<PgId> = HashSet::new();
    for (catalog, id, object) in
        [from, to].into_iter().flat_map(|catalog| catalog.objects.iter().map(move |(id, o)| (catalog, id, o)))
    {
        // What comes at the switch is proved only after it.
        let sure = |column: &PgId| {
            let root = columns.get(column).map(|(root, _)| *root);
            list.iter().all(|p| Some(p.id) != root || matches!(p.value, Value::Assigned))
        };
        let late = || {
            let is_late = comes_late(catalog, id, object, |column| columns.contains_key(column));
            let unproved =
                !is_partitioned(to, &id.prefix(PgKind::Table, 2)) || dialect.server.has_unproved_of_partitioned();
            is_late && !(unproved && catalog.needs(id).all(sure))
        };
        for (root, many) in catalog.needs(id).filter_map(|n| columns.get(n)) {
            let is_barred = match object {
                PgObject::Constraint(c) => match c.kind {
                    ConstraintKind::Exclude => true,
                    ConstraintKind::Foreign => late(),
                    ConstraintKind::Check => c.inherited && !many,
                    _ => c.definition.contains("WITHOUT OVERLAPS") || (c.inherited && c.part_of.is_none()),
                },
                PgObject::Column(c) => c.generated.is_some(),
                _ => false,
            };
            if is_barred {
                barred.insert((*root).clone());
            }
        }
    }
    list.retain(|p| !barred.contains(p.id));
    list
}

/// Whether the desired schema has a column of the new name already: it is in nobody's way but ours.
fn name_of_another(to: &PgCatalog, id: &PgId) -> bool {
    to.objects.contains_key(&beside_column(id))
}

/// The column of the new type, while it stands beside the old one.
pub(super) fn beside_column(id: &PgId) -> PgId {
    PgId::new(PgKind::Column, [id.part(0), id.part(1), &name_aside("_underpin_new_", id.last())])
}

fn fill(pair: &Pair<'_>) -> Fill {
    let new = quote::ident(&pair.new_name());
    let value = pair.in_statement();
    let of = Sql::empty().name(&pair.id.parts()).build();
    let hazard =
        |loss: &String| Hazard { kind: HazardKind::DataLoss, message: format!("{loss}, in every value of {of}") };
    let hazards = pair.losses.iter().map(hazard).collect();
    Fill {
        table: pair.table(),
        work: FillWork::Set { column: new, typed: Some(carried::typed(&value, &pair.type_name)), value },
        // The trigger keeps it right from the first on, so that only what has no value yet is wrong.
        wrong: pair.lacks(),
        words: format!("fill {of} of the new type {}", pair.new.type_name),
        reason: "in batches, each with its own commit, so that no row is locked for long".to_owned(),
        hazards,
        recipe: NAME,
    }
}

/// The indexes and constraints of the desired schema that stand on the columns and are there already.
fn standing<'a>(dialect: &Postgres<'a>, pairs: &[Pair<'_>]) -> BTreeMap<&'a PgId, &'a PgObject> {
    let columns: HashSet<&PgId> = pairs.iter().flat_map(|p| &p.family).collect();
    let (from, to) = (dialect.from, dialect.to);
    to.objects
        .iter()
        .filter(|(id, _)| matches!(id.kind, PgKind::Index | PgKind::Constraint))
        .filter(|(id, _)| from.objects.contains_key(*id) && to.needs(id).any(|n| columns.contains(n)))
        .filter(|(id, object)| !comes_with_another(id, object, to))
        .filter(|(id, object)| !comes_late(to, id, object, |column| columns.contains(column)))
        .collect()
}

/// The one short transaction in which the new columns take the place of the old ones.
fn switch(
    (dialect, types): (&Postgres<'_>, &[Remade]),
    pairs: &[Pair<'_>],
    standing: &BTreeMap<&PgId, &PgObject>,
    road: &mut Road<'_>,
) {
    let (from, to) = (dialect.from, dialect.to);
    let columns: HashSet<&PgId> = pairs.iter().flat_map(|p| &p.family).collect();
    let table = |id: &PgId| Sql::new("ALTER TABLE").name(&id.parts()[..2]);
    let mut sql: Vec<String> = Vec::new();
    for pair in pairs {
        let function = pair.beside("_underpin_sync_");
        let done = pair.beside("_underpin_done_");
        let drop =
            |table: &PgId, name: &str| Sql::new("DROP TRIGGER").ident(name).kw("ON").name(&table.parts()).build();
        for table in &pair.fired {
            sql.extend([trigger_name(pair), insert_trigger_name(pair)].iter().map(|name| drop(table, name)));
        }
        sql.extend(pair.unfit().into_iter().flat_map(|unfit| unfit.refused()));
        sql.push(Sql::new("DROP FUNCTION").name(&[&function[0], &function[1]]).kw("()").build());
        sql.push(Sql::new("DROP SEQUENCE").name(&[&done[0], &done[1]]).build());
    }
    // What stands on the old columns, foreign keys before the keys that they refer to.
    let old: Vec<(&PgId, &PgObject)> = from
        .objects
        .iter()
        .filter(|(id, _)| matches!(id.kind, PgKind::Index | PgKind::Constraint))
        .filter(|(id, _)| from.needs(id).any(|n| columns.contains(n)))
        .filter(|(id, _)| to.objects.contains_key(*id) || standing.contains_key(*id))
        .filter(|(_, object)| !goes_with_another(object))
        .collect();
    let rank = |object: &PgObject| match object {
        PgObject::Constraint(c) if c.kind == ConstraintKind::Foreign => 0,
        PgObject::Constraint(_) => 1,
        _ => 2,
    };
    for wanted in 0..=2 {
        for (id, _) in old.iter().filter(|(_, object)| rank(object) == wanted) {
            sql.push(if wanted < 2 {
                table(id).kw("DROP CONSTRAINT").ident(id.last()).build()
            } else {
                Sql::new("DROP INDEX").name(&id.parts()).build()
            });
        }
    }
    let mut identities = Vec::new();
    for pair in pairs {
        let (new, aside) = (pair.new_name(), pair.old_name());
        if pair.old.not_null && dialect.server.has_not_null_constraints() {
            // The new column's NOT NULL gets the name that it shall have, which the old one's still has.
            sql.push(if pair.old.identity.is_some() {
                let name = NotNull::name_on(pair.old.not_null_rule.as_ref(), pair.id);
                let away = name_aside("_underpin_old_", &name);
                table(pair.id).kw("RENAME CONSTRAINT").ident(&name).kw("TO").ident(&away).build()
            } else {
                table(pair.id).kw("ALTER COLUMN").ident(pair.id.last()).kw("DROP NOT NULL").build()
            });
        }
        sql.push(table(pair.id).kw("RENAME COLUMN").ident(pair.id.last()).kw("TO").ident(&aside).build());
        sql.push(table(pair.id).kw("RENAME COLUMN").ident(&new).kw("TO").ident(pair.id.last()).build());
        identities.extend(identity(pair));
        sql.extend(owned_sequences(pair, from, to));
    }
    for (id, object) in standing {
        let copy = copy_name(id);
        match object {
            PgObject::Index(_) => {
                sql.push(Sql::new("ALTER INDEX").name(&[id.part(0), &copy]).kw("RENAME TO").ident(id.last()).build())
            }
            PgObject::Constraint(c) if c.has_index() => {
                let index = PgId::new(PgKind::Index, [id.part(0), &copy]);
                sql.push(table(id).then(super::key_from_index::taken_over(c, id, &index)).build());
            }
            _ => {}
        }
    }
    sql.extend(put_together(dialect, &columns));
    sql.extend(late_foreign_keys(dialect, &columns));
    for (id, object) in standing {
        if let PgObject::Constraint(c) = object
            && !c.has_index()
        {
            sql.extend(renamed(dialect, id, c, &copy_name(id)));
        }
    }
    sql.extend(type_remade::switch(types));
    sql.extend(identities);
    let tables: BTreeSet<String> = pairs.iter().map(|p| quote::qualified(&p.table().parts())).collect();
    if let Some(check) = unconverted(pairs) {
        road.checks.push(Check {
            sql: check,
            words: "look whether every value could be converted".to_owned(),
            reason: "a value that the new type does not take would be lost at the switch".to_owned(),
        });
    }
    // Before the locks.
    let functions = looked_up_again(dialect, types, &columns, &BTreeSet::new(), NAME);
    road.switch.splice(0..0, functions);
    road.switch.push(Move {
        words: format!(
            "put the columns of the new types in the place of the old ones in {}",
            tables.into_iter().collect::<Vec<_>>().join(", ")
        ),
        sql,
        reason: "in one transaction that only touches the catalog".to_owned(),
        recipe: Some(NAME),
        hazards: kept_results(dialect, &columns),
        undo: None,
        source: None,
    });
}

/// The harm of materialized views over the columns: they are filled anew before the switch is committed.
fn kept_results(dialect: &Postgres<'_>, columns: &HashSet<&PgId>) -> Vec<Hazard> {
    let over = |id: &PgId| id.kind == PgKind::MaterializedView && dialect.from.needs(id).any(|n| columns.contains(n));
    let views = dialect.from.objects.keys().filter(|id| over(id));
    views
        .map(|id| {
            let name = Sql::empty().name(&id.parts()).build();
            let message = format!("{name} is filled anew while the tables of the switch are locked");
            Hazard { kind: HazardKind::BlocksReads, message }
        })
        .collect()
}

/// A query for values that could not be converted; none where all can.
fn unconverted(pairs: &[Pair<'_>]) -> Option<String> {
    let doubtful = pairs.iter().filter(|p| !p.always_converts());
    let texts: Vec<String> = doubtful
        .map(|p| {
            let table = quote::qualified(&p.table().parts());
            format!("NOT EXISTS (SELECT FROM {table} WHERE {})", p.lacks())
        })
        .collect();
    (!texts.is_empty()).then(|| format!("SELECT {}", texts.join(" AND ")))
}

/// The identity goes over with its counter.
fn identity(pair: &Pair<'_>) -> Vec<String> {
    let alter = |column: &str| Sql::new("ALTER TABLE").name(&pair.id.parts()[..2]).kw("ALTER COLUMN").ident(column);
    let mut sql = Vec::new();
    let (Some(old), new) = (&pair.old.identity, &pair.new.identity) else { return sql };
    let (schema, name) = &old.sequence;
    let aside = name_aside("_underpin_old_", name);
    if let Some(new) = new {
        sql.push(Sql::new("ALTER SEQUENCE").name(&[schema, name]).kw("RENAME TO").ident(&aside).build());
        sql.push(crate::objects::identity_clause(alter(pair.id.last()).kw("ADD"), new).build());
        let to = quote::literal(&quote::qualified(&[&new.sequence.0, &new.sequence.1]));
        sql.push(format!(
            "SELECT pg_catalog.setval({to}, last_value, is_called) FROM {}",
            quote::qualified(&[schema, &aside])
        ));
    }
    sql.push(alter(&pair.old_name()).kw("DROP IDENTITY").build());
    sql
}

/// Sequences that go with the old column go with the new one.
fn owned_sequences(pair: &Pair<'_>, from: &PgCatalog, to: &PgCatalog) -> Vec<String> {
    let owner = |(id, object): (&PgId, &PgObject)| match object {
        PgObject::SequenceOwner(owner) if owner.column == *pair.id && to.objects.contains_key(id) => id.target(0),
        _ => None,
    };
    let owned = from.objects.iter().filter_map(owner);
    owned
        .map(|sequence| {
            Sql::new("ALTER SEQUENCE").name(&sequence.parts()).kw("OWNED BY").name(&pair.id.parts()).build()
        })
        .collect()
}
