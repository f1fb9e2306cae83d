//! What the planner asks of SQLite: what ALTER can, what goes with a table, and the statements.

use crate::copied::{copied, has_settings, settings_aside, settings_back};
use crate::facts;
use crate::fulltext::{has_what_it_reads, read_anew, read_anew_over};
use crate::library::Library;
use crate::objects::{Attribute, Column, Generated, LiteCatalog, LiteId, LiteKind, LiteObject, Part, RuleKind, Table};
use crate::reading::read_table;
use crate::rebuild::{self, Converted, free_name, is_taken, legacy, new_name, or_abort, rebuild};
use std::collections::{BTreeMap, BTreeSet};
use underpin_model::{Catalog, Hazard, HazardKind};
use underpin_planner::{Action, Alteration, Dialect, Draft, Group, Reaction, Verb};
use underpin_sql::sqlite::{comments, ident, words};

/// What a user says of values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wishes {
    /// New values out of old rows for columns whose type changes, by table and column in lower case.
    pub usings: BTreeMap<(String, String), String>,
    /// Values for rows that are there, likewise.
    pub backfills: BTreeMap<(String, String), String>,
    /// Columns of which the database says that a conversion changes no value.
    pub harmless: BTreeSet<(String, String)>,
    /// Columns, by their new names, that ALTER cannot rename, and the names that they have: their tables are made anew.
    pub moved: BTreeMap<(String, String), String>,
}

impl Wishes {
    /// The key of a column.
    #[must_use]
    pub fn key(table: &str, column: &str) -> (String, String) {
        (table.to_ascii_lowercase(), column.to_ascii_lowercase())
    }

    /// The column of the old table out of which one of the new table comes.
    #[must_use]
    pub fn origin<'t>(&self, table: &str, from: &'t Table, column: &str) -> Option<&'t Column> {
        from.column(self.origin_name(table, column)?)
    }

    /// The name that the column has in the old table, if it is there; none where what has its name there gets another one.
    fn origin_name<'n>(&'n self, table: &str, column: &'n str) -> Option<&'n str> {
        if let Some(old) = self.moved.get(&Self::key(table, column)) {
            return Some(old);
        }
        let table = table.to_ascii_lowercase();
        let has_left = self.moved.iter().any(|((t, _), old)| *t == table && old.eq_ignore_ascii_case(column));
        (!has_left).then_some(column)
    }

    /// Whether columns of the table are renamed by making it anew.
    #[must_use]
    pub fn moves(&self, table: &str) -> bool {
        self.moved.keys().any(|(t, _)| t.eq_ignore_ascii_case(table))
    }

    /// What rows that are there get in a new column, where that was said.
    #[must_use]
    pub fn value(&self, table: &str, column: &str) -> Option<&String> {
        let key = Self::key(table, column);
        self.backfills.get(&key).or_else(|| self.usings.get(&key))
    }
}

/// An operation on an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// ADD COLUMN.
    AddColumn {
        /// Its name.
        name: String,
        /// As it is written.
        text: String,
        /// What rows that are there get.
        value: Option<String>,
    },
    /// DROP COLUMN.
    DropColumn(String),
    /// RENAME COLUMN, for another case of the same name.
    RenameColumn(String, String),
    /// ALTER COLUMN … SET NOT NULL; first, what rows with NULL get.
    SetNotNull(String, Option<String>),
    /// ALTER COLUMN … DROP NOT NULL.
    DropNotNull(String),
    /// ADD a constraint, as it is written.
    AddCheck(String),
    /// DROP CONSTRAINT of that name.
    DropConstraint(String),
    /// The table is made anew.
    Rebuild,
    /// The virtual table is made anew with its rows: its columns that get values, each with the one that these come from.
    Copy(Vec<(String, String)>),
}

/// The dialect, for a plan between two schemas.
pub struct Sqlite<'a> {
    /// The library that runs the plan.
    pub library: Library,
    /// What was said of values.
    pub wishes: &'a Wishes,
    /// Tables in lower case that ALTER was found not to bring where they shall be.
    pub forced: &'a BTreeSet<String>,
    from: &'a LiteCatalog,
    /// The tables that are made anew.
    rebuilt: BTreeSet<LiteId>,
}

impl<'a> Sqlite<'a> {
    /// The dialect for a plan between these.
    #[must_use]
    pub fn new(
        library: Library,
        wishes: &'a Wishes,
        forced: &'a BTreeSet<String>,
        from: &'a LiteCatalog,
        to: &'a LiteCatalog,
    ) -> Self {
        let mut dialect = Self { library, wishes, forced, from, rebuilt: BTreeSet::new() };
        for (id, object) in &from.objects {
            if let (LiteObject::Table(old), Some(LiteObject::Table(new))) = (object, to.objects.get(id)) {
                let differences = underpin_model::Object::compare(object, &LiteObject::Table(new.clone()));
                if !differences.is_empty() && dialect.ways(id, old, new, &differences).contains(&Op::Rebuild) {
                    dialect.rebuilt.insert(id.clone());
                }
            }
        }
        dialect
    }

    /// The tables that are made anew.
    #[must_use]
    pub fn rebuilt(&self) -> &BTreeSet<LiteId> {
        &self.rebuilt
    }

    /// How a table is changed: by ALTER where it can make all of it, else anew.
    fn ways(&self, id: &LiteId, from: &Table, to: &Table, attributes: &[Attribute]) -> Vec<Op> {
        let table = id.part(0);
        let anew = || vec![Op::Rebuild];
        if self.forced.contains(&table.to_ascii_lowercase()) || self.wishes.moves(table) {
            return anew();
        }
        let (mut first, mut ops) = (Vec::new(), Vec::new());
        for attribute in attributes {
            match attribute {
                Attribute::ColumnGoes { name } => match from.column(name).filter(|c| can_go(c, from, to)) {
                    Some(column) => first.push(Op::DropColumn(column.name.clone())),
                    None => return anew(),
                },
                Attribute::ColumnComes { name, text } => {
                    let value = self.wishes.value(table, name);
                    match to.column(name).filter(|c| can_come(c, to, value.is_some())) {
                        Some(_) => {
                            ops.push(Op::AddColumn { name: name.clone(), text: text.clone(), value: value.cloned() })
                        }
                        None => return anew(),
                    }
                }
                Attribute::Column { name, part: Part::Name, from: old, to: _ } => {
                    first.push(Op::RenameColumn(old.clone(), name.clone()));
                }
                Attribute::Column { name, part: Part::Rule(RuleKind::NotNull), from: was, to: shall }
                    if self.library.alters_constraints() =>
                {
                    let column = to.column(name);
                    let is_last = column
                        .and_then(|c| c.rules.last())
                        .is_some_and(|r| r.kind == RuleKind::NotNull && r.name.is_none() && r.words.len() == 2);
                    match (was.is_empty(), shall.is_empty()) {
                        (true, false) if is_last => {
                            let said = self.wishes.backfills.get(&Wishes::key(table, name));
                            let fill =
                                said.map(|s| format!("({s})")).or_else(|| column.and_then(crate::rebuild::default));
                            ops.push(Op::SetNotNull(name.clone(), fill));
                        }
                        (false, true) => ops.push(Op::DropNotNull(name.clone())),
                        _ => return anew(),
                    }
                }
                Attribute::RuleComes(text) if self.library.alters_constraints() => {
                    let rule = to.rules.iter().find(|r| r.text == *text);
                    match rule.filter(|r| r.kind == RuleKind::Check) {
                        Some(rule) => ops.push(Op::AddCheck(rule.text.clone())),
                        None => return anew(),
                    }
                }
                Attribute::RuleGoes(text) if self.library.alters_constraints() => {
                    let rule = from.rules.iter().find(|r| r.text == *text).filter(|r| r.kind == RuleKind::Check);
                    match rule.and_then(|r| r.name.clone()) {
                        Some(name) => first.push(Op::DropConstraint(name)),
                        None => return anew(),
                    }
                }
                Attribute::Column { .. }
                | Attribute::RuleComes(_)
                | Attribute::RuleGoes(_)
                | Attribute::Strict(_)
                | Attribute::WithoutRowid(_)
                | Attribute::Definition { .. } => return anew(),
            }
        }
        // Each column that goes rewrites all rows; from the third on making the table anew is less work.
        if first.iter().filter(|op| matches!(op, Op::DropColumn(_))).count() > 2 || is_cut_wrongly(from, to) {
            return anew();
        }
        first.extend(ops);
        first
    }

    fn table(catalog: &'a LiteCatalog, id: &LiteId) -> Option<&'a Table> {
        match catalog.objects.get(id) {
            Some(LiteObject::Table(table)) => Some(table),
            _ => None,
        }
    }
}

/// Whether ADD COLUMN takes a column (manual, "ALTER TABLE ADD COLUMN", and trials on 3.40 and 3.54).
fn can_come(column: &Column, table: &Table, has_value: bool) -> bool {
    let has = |kind| column.rules_of(kind).next().is_some();
    let default = column.default.as_deref().unwrap_or("NULL");
    let is_null = default.eq_ignore_ascii_case("null");
    let rule = column.rules_of(RuleKind::Default).next();
    // What is worked out for each row is refused where there are rows.
    let is_constant = !default.to_ascii_lowercase().starts_with("current_")
        && rule.is_none_or(|r| r.words.get(1).is_none_or(|word| word != "("));
    let in_rule = table.rules.iter().any(|r| names(&r.words, &column.name));
    !(has(RuleKind::PrimaryKey)
        || has(RuleKind::Unique)
        || has(RuleKind::Unread)
        || !is_constant
        || column.generated == Generated::Stored
        || (column.not_null && (is_null || has_value) && column.generated == Generated::No)
        || (has(RuleKind::ForeignKey) && !is_null)
        // A check would be held against the default before the value is there.
        || (has(RuleKind::Check) && has_value)
        || in_rule)
}

/// Whether DROP COLUMN takes a column away (manual, "ALTER TABLE DROP COLUMN"). What views and triggers say of it is the desired
/// schema's matter.
fn can_go(column: &Column, from: &Table, to: &Table) -> bool {
    let has = |kind| column.rules_of(kind).next().is_some();
    let in_rule = from.rules.iter().any(|r| names(&r.words, &column.name));
    let in_column = from.columns.iter().filter(|c| c.name != column.name).any(|c| {
        c.rules
            .iter()
            .filter(|r| matches!(r.kind, RuleKind::Check | RuleKind::Generated))
            .any(|r| names(&r.words, &column.name))
    });
    let is_only = from.columns.iter().filter(|c| to.column(&c.name).is_some()).count() == 0;
    !(column.key > 0
        || has(RuleKind::PrimaryKey)
        || has(RuleKind::Unique)
        || has(RuleKind::ForeignKey)
        || has(RuleKind::Unread)
        || in_rule
        || in_column
        || is_only)
}

/// Whether an older SQLite cuts the text of the table wrongly where its last columns go: from the name of the last one it looks backwards
/// for a comma, and takes one in a comment for it (found on 3.40.1; 3.54.1 reads forwards). Scripts and migration files are run by those too.
fn is_cut_wrongly(from: &Table, to: &Table) -> bool {
    if from.columns.last().is_none_or(|last| to.column(&last.name).is_some()) {
        return false;
    }
    let Some(text) = read_table(&from.sql) else { return true };
    let stay = text.columns.iter().rev().find(|c| to.column(&c.name).is_some());
    let (begin, end) = (stay.map_or(0, |c| c.span.end), text.columns.last().map_or(0, |c| c.span.start));
    comments(&from.sql).iter().any(|c| c.start >= begin && c.end <= end && from.sql[c.start..c.end].contains(','))
}

/// Whether words name a column.
fn names(list: &[String], column: &str) -> bool {
    let wanted = words(&ident(column));
    // Foreign keys keep the case of names.
    list.iter().any(|w| wanted.iter().any(|x| w.eq_ignore_ascii_case(x)) || w.eq_ignore_ascii_case(column))
}

fn lost(what: String) -> Hazard {
    Hazard { kind: HazardKind::DataLoss, message: what }
}

impl Dialect for Sqlite<'_> {
    type Object = LiteObject;
    type Op = Op;

    fn alter(&self, id: &LiteId, from: &LiteObject, to: &LiteObject, attributes: &[Attribute]) -> Alteration<Op> {
        match (from, to) {
            (LiteObject::Table(old), LiteObject::Table(new)) => {
                Alteration::InPlace(self.ways(id, old, new, attributes))
            }
            (LiteObject::VirtualTable(old), LiteObject::VirtualTable(new)) if old.gives_rows_to(new) => {
                let (theirs, ours) = (old.columns.iter().flatten(), new.columns.iter().flatten());
                let taken = ours.filter_map(|column| {
                    let origin = self.wishes.origin_name(id.part(0), column)?;
                    theirs.clone().find(|c| c.eq_ignore_ascii_case(origin)).map(|old| (column.clone(), old.clone()))
                });
                Alteration::InPlace(vec![Op::Copy(taken.collect())])
            }
            _ => Alteration::Replace("its statement is another".to_owned()),
        }
    }

    fn invalidates(&self, id: &LiteId, op: &Op, dependent: &LiteId, object: &LiteObject) -> bool {
        match op {
            // They go with the old table.
            Op::Rebuild => match object {
                LiteObject::Index(index) => index.table == id.part(0),
                LiteObject::Trigger(trigger) => trigger.on == id.part(0),
                LiteObject::Table(_) | LiteObject::VirtualTable(_) | LiteObject::View(_) => false,
            },
            Op::DropColumn(name) => dependent.kind == LiteKind::Index && names(&object.words(), name),
            // Rows get values; what the application does on an update is not meant by that.
            Op::AddColumn { value: Some(_), .. } | Op::SetNotNull(_, Some(_)) => {
                matches!(object, LiteObject::Trigger(trigger) if trigger.on == id.part(0))
            }
            Op::AddColumn { value: None, .. }
            | Op::RenameColumn(..)
            | Op::SetNotNull(_, None)
            | Op::DropNotNull(_)
            | Op::AddCheck(_)
            | Op::DropConstraint(_)
            | Op::Copy(_) => false,
        }
    }

    fn reaction(&self, _: &LiteCatalog, _: &LiteId, _: bool, _: &LiteId) -> Reaction<Op> {
        Reaction::Rebuild
    }

    fn is_only_order(&self, from: &LiteCatalog, dependent: &LiteId, needed: &LiteId) -> bool {
        // Views and triggers are looked into when they are used.
        let parent = from.objects.get(dependent).and_then(|o| underpin_model::Object::parent(o, dependent));
        parent.as_ref() != Some(needed)
    }

    fn parks(&self, _: &LiteCatalog, _: &LiteId) -> bool {
        false
    }

    fn slots(&self, id: &LiteId, _: &LiteObject) -> Vec<String> {
        // Tables, views and indexes share their names, in any case.
        let space = match id.kind {
            LiteKind::Table | LiteKind::VirtualTable | LiteKind::Index | LiteKind::View => "relation",
            LiteKind::Trigger => "trigger",
        };
        vec![format!("{space} {}", id.part(0).to_ascii_lowercase())]
    }

    fn made_after_end_of(&self, _: &LiteCatalog, _: &LiteCatalog, _: &LiteId) -> Vec<LiteId> {
        Vec::new()
    }

    fn fold(&self, from: &LiteCatalog, _: &LiteCatalog, action: &Action<Self>) -> Vec<(LiteId, Verb)> {
        if action.verb != Verb::End {
            return Vec::new();
        }
        let Some(parent) = from.objects.get(&action.id).and_then(|o| underpin_model::Object::parent(o, &action.id))
        else {
            return Vec::new();
        };
        let mut with = vec![(parent.clone(), Verb::End)];
        if self.rebuilt.contains(&parent) {
            with.push((parent, Verb::Alter));
        }
        with
    }

    fn looseness(&self, _: &Action<Self>) -> u8 {
        0
    }

    fn lateness(&self, _: &LiteCatalog, _: &Action<Self>) -> u8 {
        0
    }

    fn render(&self, from: &LiteCatalog, to: &LiteCatalog, group: &Group<'_, Self>) -> Vec<Draft> {
        let mut drafts = self.written(from, to, group);
        for draft in &mut drafts {
            draft.work = facts::work(&draft.sql);
        }
        drafts
    }
}

/// What the name of a table begins with that keeps settings.
const SETTINGS: &str = "_underpin_settings";

/// What an operation does of all that is to be done to its table; none where it does all of it.
fn part(op: &Op) -> Option<String> {
    let not_null = |column: &String, from: &str, to: &str| Attribute::Column {
        name: column.clone(),
        part: Part::Rule(RuleKind::NotNull),
        from: from.to_owned(),
        to: to.to_owned(),
    };
    let attribute = match op {
        Op::AddColumn { name, text, value: _ } => Attribute::ColumnComes { name: name.clone(), text: text.clone() },
        Op::DropColumn(name) => Attribute::ColumnGoes { name: name.clone() },
        Op::RenameColumn(old, new) => {
            Attribute::Column { name: new.clone(), part: Part::Name, from: old.clone(), to: new.clone() }
        }
        Op::SetNotNull(name, _) => not_null(name, "", "NOT NULL"),
        Op::DropNotNull(name) => not_null(name, "NOT NULL", ""),
        Op::AddCheck(text) => Attribute::RuleComes(text.clone()),
        Op::DropConstraint(name) => Attribute::RuleGoes(format!("CONSTRAINT {}", ident(name))),
        Op::Rebuild | Op::Copy(_) => return None,
    };
    Some(attribute.to_string())
}

impl Sqlite<'_> {
    /// The steps that carry out a group, before it is looked at what they cost.
    fn written(&self, from: &LiteCatalog, to: &LiteCatalog, group: &Group<'_, Self>) -> Vec<Draft> {
        let Action { id, verb, op, .. } = group.head;
        let name = id.part(0);
        match verb {
            Verb::Make => {
                let Some(object) = to.objects.get(id) else { return Vec::new() };
                let mut draft = Draft::sql(vec![object.sql().to_owned()]);
                if let LiteObject::VirtualTable(table) = object
                    && has_what_it_reads(table, to)
                {
                    // What it is an index of is there already.
                    draft.sql.push(read_anew(name));
                }
                if has_settings(from.objects.get(id), Some(object)) {
                    draft.sql.extend(settings_back(name, &self.free(SETTINGS, to, name)));
                }
                if id.kind.is_relation() {
                    draft.sql.extend(read_anew_over(self.from, to, name, &|_| true));
                }
                vec![draft]
            }
            Verb::End => {
                let word = match id.kind {
                    LiteKind::Table | LiteKind::VirtualTable => "TABLE",
                    LiteKind::Index => "INDEX",
                    LiteKind::View => "VIEW",
                    LiteKind::Trigger => "TRIGGER",
                };
                let mut draft = Draft::sql(vec![format!("DROP {word} {}", ident(name))]);
                if has_settings(from.objects.get(id), to.objects.get(id)) {
                    draft.sql.insert(0, settings_aside(name, &self.free(SETTINGS, to, name)));
                }
                match from.objects.get(id) {
                    Some(LiteObject::Table(_)) => draft.hazards.push(lost(format!("all rows of {name} are deleted"))),
                    Some(LiteObject::VirtualTable(table)) if table.has_rows_to_lose() => {
                        draft.hazards.push(lost(format!("all rows of {name} are deleted")));
                    }
                    _ => {}
                }
                vec![draft]
            }
            Verb::Alter => op
                .iter()
                .flat_map(|op| self.altered(from, to, id, op).map(|draft| Draft { part: part(op), ..draft }))
                .collect(),
            // Nothing is moved aside or put aside.
            Verb::Park | Verb::Save | Verb::Fill => Vec::new(),
        }
    }

    fn altered(&self, from: &Catalog<LiteObject>, to: &Catalog<LiteObject>, id: &LiteId, op: &Op) -> Option<Draft> {
        let name = id.part(0);
        let alter = format!("ALTER TABLE {}", ident(name));
        Some(match op {
            Op::AddColumn { name: column, text, value } => {
                let mut draft = Draft::sql(vec![format!("{alter} ADD COLUMN {text}")]);
                if let Some(value) = value {
                    let or = or_abort(&Self::in_catalog(to, id)?.sql);
                    draft.sql.push(format!("UPDATE {or}{} SET {} = ({value})", ident(name), ident(column)));
                }
                draft.sql.extend(read_anew_over(from, to, name, &|c| c.eq_ignore_ascii_case(column)));
                draft
            }
            Op::DropColumn(column) => {
                let mut draft = Draft::sql(legacy([format!("{alter} DROP COLUMN {}", ident(column))]));
                let stored = Self::table(self.from, id).and_then(|t| t.column(column)).map(|c| c.generated);
                if stored == Some(Generated::No) {
                    draft.hazards.push(lost(format!("the values of {name}.{column} are deleted")));
                }
                draft
            }
            Op::RenameColumn(old, new) => {
                Draft::sql(vec![format!("{alter} RENAME COLUMN {} TO {}", ident(old), ident(new))])
            }
            Op::SetNotNull(column, fill) => {
                let quoted = ident(column);
                let mut draft = Draft::sql(Vec::new());
                if let Some(fill) = fill {
                    let or = or_abort(&Self::in_catalog(from, id)?.sql);
                    draft.sql.push(format!("UPDATE {or}{} SET {quoted} = {fill} WHERE {quoted} IS NULL", ident(name)));
                }
                draft.sql.push(format!("{alter} ALTER COLUMN {quoted} SET NOT NULL"));
                if fill.is_some() {
                    draft.sql.extend(read_anew_over(from, to, name, &|c| c.eq_ignore_ascii_case(column)));
                }
                draft
            }
            Op::DropNotNull(column) => {
                Draft::sql(vec![format!("{alter} ALTER COLUMN {} DROP NOT NULL", ident(column))])
            }
            Op::AddCheck(text) => Draft::sql(vec![format!("{alter} ADD {text}")]),
            Op::DropConstraint(constraint) => {
                Draft::sql(vec![format!("{alter} DROP CONSTRAINT {}", ident(constraint))])
            }
            Op::Rebuild => {
                let (old, new) = (Self::in_catalog(from, id)?, Self::in_catalog(to, id)?);
                let made = rebuild((name, &self.aside(to, name)), old, new, self.wishes);
                let mut draft = Draft::sql(made.sql);
                let becomes_another = |c: &str| made.others.contains(&c.to_ascii_lowercase());
                draft.sql.extend(read_anew_over(from, to, name, &becomes_another));
                draft.recipe = Some(rebuild::NAME.to_owned());
                draft.reason = Some("ALTER TABLE cannot make all of this, so the table is made anew".to_owned());
                draft.hazards.extend(made.lost.iter().map(|c| lost(format!("the values of {name}.{c} are deleted"))));
                let harmless = |c: &&Converted| self.wishes.harmless.contains(&Wishes::key(name, &c.column));
                let changes = made.converted.iter().filter(|c| !harmless(c));
                draft.hazards.extend(
                    changes.map(|c| lost(format!("values of {name}.{} may become others: {}", c.column, c.how))),
                );
                draft
            }
            Op::Copy(columns) => {
                let (Some(LiteObject::VirtualTable(old)), Some(LiteObject::VirtualTable(new))) =
                    (from.objects.get(id), to.objects.get(id))
                else {
                    return None;
                };
                let made = copied((name, &self.aside(to, name)), columns, (old, new))?;
                let mut draft = Draft::sql(made.sql);
                draft.hazards.extend(made.lost.iter().map(|c| lost(format!("the values of {name}.{c} are deleted"))));
                draft
            }
        })
    }

    /// The name of a table beside that one, which neither side has.
    fn aside(&self, to: &LiteCatalog, table: &str) -> String {
        new_name(table, &|name| is_taken(self.from, name) || is_taken(to, name))
    }

    /// The name of another such table, which begins so.
    fn free(&self, head: &str, to: &LiteCatalog, table: &str) -> String {
        free_name(head, table, &|name| is_taken(self.from, name) || is_taken(to, name))
    }

    fn in_catalog<'c>(catalog: &'c LiteCatalog, id: &LiteId) -> Option<&'c Table> {
        match catalog.objects.get(id) {
            Some(LiteObject::Table(table)) => Some(table),
            _ => None,
        }
    }
}
