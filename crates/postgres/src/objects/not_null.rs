//! What a NOT NULL constraint says beyond NOT NULL. From 18 on each is a constraint with a name of its own (manual, CREATE
//! TABLE and ALTER TABLE; `pg_constraint.contype = 'n'`).

use super::{Column, Context, Table};
use crate::results::Row;
use crate::{PgId, PgKind, PgObject};
use serde::{Deserialize, Serialize};
use underpin_sql::Sql;

/// A NOT NULL constraint that says more than `NOT NULL` in its column's definition.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct NotNull {
    /// The name, where it is not the one that the server makes of the table's and the column's.
    pub name: Option<String>,
    /// `NOT VALID`: rows that are there may be null.
    pub unproved: bool,
    /// `NO INHERIT`.
    pub no_inherit: bool,
    /// Whether a parent's column has it too.
    pub inherited: bool,
    /// Whether the table declares it itself, also where it is inherited.
    pub local: bool,
}

impl NotNull {
    /// Reads `conname`, `convalidated`, `connoinherit`, `coninhcount` and `conislocal` from that place on; none where they say
    /// nothing of their own.
    pub(super) fn read(id: &PgId, row: &Row<'_>, at: usize) -> Option<Self> {
        let name = row.opt(at)?;
        let rule = Self {
            name: (name != default_name(id)).then(|| name.to_owned()),
            unproved: !row.bool(at + 1),
            no_inherit: row.bool(at + 2),
            inherited: row.int(at + 3) > 0,
            local: row.bool(at + 4),
        };
        (rule != Self { local: true, ..Self::default() }).then_some(rule)
    }

    /// Its name on that column.
    pub(crate) fn name_on(rule: Option<&Self>, id: &PgId) -> String {
        rule.and_then(|r| r.name.clone()).unwrap_or_else(|| default_name(id))
    }

    /// The address under which it is validated, renamed and altered.
    pub(crate) fn constraint_id(rule: Option<&Self>, id: &PgId) -> PgId {
        PgId::new(PgKind::Constraint, [id.part(0), id.part(1), &Self::name_on(rule, id)])
    }

    /// The words of a column's definition; nothing where the constraint has to be added after, which a definition would take
    /// for proved, or comes with the parent's.
    pub(super) fn clause(column: &Column, cx: &Context<'_>, partition: bool) -> Sql {
        let sql = Sql::empty();
        let rule = column.not_null_rule.as_ref().filter(|_| cx.server.has_not_null_constraints());
        match rule {
            _ if !column.not_null => sql,
            None => sql.kw("NOT NULL"),
            Some(rule) if rule.unproved || (rule.inherited && !rule.local && !partition) => sql,
            Some(rule) => {
                let sql = rule.name.iter().fold(sql, |sql, name| sql.kw("CONSTRAINT").ident(name));
                sql.kw("NOT NULL").kw_if(rule.no_inherit, "NO INHERIT")
            }
        }
    }

    /// `ADD CONSTRAINT … NOT NULL` (18).
    pub(crate) fn add(rule: Option<&Self>, id: &PgId) -> Sql {
        let add = Sql::new("ALTER TABLE").name(&id.parts()[..2]).kw("ADD CONSTRAINT");
        let add = add.ident(&Self::name_on(rule, id)).kw("NOT NULL").ident(id.last());
        add.kw_if(rule.is_some_and(|r| r.no_inherit), "NO INHERIT")
    }

    /// The statement that makes the column NOT NULL as it is wanted, with the table read under its lock.
    pub(crate) fn set(column: &Column, id: &PgId, cx: &Context<'_>) -> String {
        let rule = column.not_null_rule.as_ref().filter(|_| cx.server.has_not_null_constraints());
        // What a parent's constraint brings along has its name already.
        let comes_along = match cx.from.objects.get(id) {
            Some(PgObject::Column(from)) => Column::stays_heir(from, column),
            _ => true,
        };
        let plain =
            |rule: &Self| (rule.name.is_none() || rule.inherited && comes_along) && !rule.unproved && !rule.no_inherit;
        match rule {
            Some(rule) if !plain(rule) => Self::add(Some(rule), id).kw_if(rule.unproved, "NOT VALID").build(),
            // An heir may have the name for its own already, and the server would choose another one.
            None if cx.server.has_not_null_constraints() && cx.heirs.contains_key(id) => Self::add(None, id).build(),
            _ => Column::alter_sql(id).kw("SET NOT NULL").build(),
        }
    }

    /// The statement that brings a NOT NULL into being that the column's definition could not, after its table or column.
    pub(super) fn after_definition(column: &Column, id: &PgId, cx: &Context<'_>) -> Option<String> {
        let rule = column.not_null_rule.as_ref().filter(|_| cx.server.has_not_null_constraints());
        if let Some(rule) = rule
            && rule.unproved
            // A partition has to have it before it is attached.
            && (!rule.inherited || rule.local || Table::is_partition(cx.to, &Column::table(id)))
        {
            return Some(Self::set(column, id, cx));
        }
        // A column that a table only inherits is not written down, and its parent's may be null.
        let parent = column.inherits.as_ref().filter(|_| column.not_null && !column.local)?;
        let stricter = match (rule, cx.to.objects.get(parent)) {
            (Some(rule), _) => rule.local,
            (None, Some(PgObject::Column(above))) => !Self::passes_on(above),
            (None, _) => false,
        };
        stricter.then(|| Self::set(column, id, cx))
    }

    /// Whether a column's heirs are NOT NULL with it.
    fn passes_on(column: &Column) -> bool {
        column.not_null && !column.not_null_rule.as_ref().is_some_and(|r| r.no_inherit)
    }

    /// Whether what the parent's column gets or loses in the same plan does it here too.
    pub(super) fn follows(from: &Column, to: &Column, cx: &Context<'_>) -> bool {
        let Some(above) = from.inherits.as_ref().filter(|_| Column::stays_heir(from, to)) else { return false };
        let (Some(PgObject::Column(a)), Some(PgObject::Column(b))) =
            (cx.from.objects.get(above), cx.to.objects.get(above))
        else {
            return false;
        };
        // NO INHERIT leaves the heirs what they had.
        let passed_on =
            if to.not_null { !Self::passes_on(a) && Self::passes_on(b) } else { Self::passes_on(a) && !b.not_null };
        if !passed_on {
            return false;
        }
        let rule = if to.not_null { &to.not_null_rule } else { &from.not_null_rule };
        // Where constraints have rows, one of the table's own stays when the parent's goes. That one is inherited is always
        // known, but where a server of an older version read it.
        !cx.server.has_not_null_constraints() || rule.as_ref().is_none_or(|r| r.inherited && !r.local)
    }

    /// The statements between two NOT NULL constraints of one column.
    pub(super) fn alter(id: &PgId, from: &Column, to: &Column, cx: &Context<'_>) -> Vec<String> {
        let plain = Self { local: true, ..Self::default() };
        let a = from.not_null_rule.as_ref().unwrap_or(&plain);
        let b = to.not_null_rule.as_ref().unwrap_or(&plain);
        let table = || Sql::new("ALTER TABLE").name(&id.parts()[..2]);
        let (old, new) = (Self::name_on(Some(a), id), Self::name_on(Some(b), id));
        let mut sql = Vec::new();
        if Column::stays_heir(from, to) {
            if !a.is_own() && b.is_own() {
                // It goes with the parent's, or is to stay when that goes one day.
                sql.push(Self::set(to, id, cx));
                return sql;
            }
            if !a.inherited && b.inherited {
                return sql;
            }
        }
        if !a.unproved && b.unproved {
            sql.push(table().kw("DROP CONSTRAINT").ident(&old).build());
            sql.push(Self::add(Some(b), id).kw("NOT VALID").build());
            return sql;
        }
        if a.names_differ(b) {
            if heirs_call_it_otherwise(id, &old, cx) {
                // The server looks for the name in all heirs, and renames none where one has another.
                let ended = table().kw("DROP CONSTRAINT").ident(&old).server_text(", ADD CONSTRAINT").ident(&new);
                sql.push(ended.kw("NOT NULL").ident(id.last()).kw_if(b.no_inherit, "NO INHERIT").build());
                return sql;
            }
            sql.push(table().kw("RENAME CONSTRAINT").ident(&old).kw("TO").ident(&new).build());
        }
        if a.no_inherit != b.no_inherit {
            let alter = table().kw("ALTER CONSTRAINT").ident(&new);
            sql.push(alter.kw(if b.no_inherit { "NO INHERIT" } else { "INHERIT" }).build());
        }
        sql
    }

    /// Whether it stays when a parent's goes.
    pub(super) fn is_own(&self) -> bool {
        self.local || !self.inherited
    }

    /// Whether the names differ and can be made the same: a constraint that is inherited keeps its name.
    pub(super) fn names_differ(&self, to: &Self) -> bool {
        self.name != to.name && !(self.inherited && to.inherited)
    }
}

/// The name that the server gives where none is said, but for its cutting of long ones and its numbers behind taken ones
/// (`ChooseConstraintName`, catalog/pg_constraint.c).
fn default_name(id: &PgId) -> String {
    format!("{}_{}_not_null", id.part(1), id.last())
}

/// Whether a column that inherits this one has the constraint under another name.
fn heirs_call_it_otherwise(id: &PgId, name: &str, cx: &Context<'_>) -> bool {
    cx.heirs.get(id).into_iter().flatten().any(|heir| match cx.from.objects.get(heir) {
        Some(PgObject::Column(c)) if c.not_null => {
            NotNull::name_on(c.not_null_rule.as_ref(), heir) != name || heirs_call_it_otherwise(heir, name, cx)
        }
        _ => false,
    })
}

/// Before NOT NULL had constraints of its own, `DROP NOT NULL` of a parent's column went through all heirs: the statements
/// that give it back to those that keep it.
pub(crate) fn given_back(id: &PgId, cx: &Context<'_>) -> Vec<String> {
    let mut sql = Vec::new();
    for heir in cx.heirs.get(id).into_iter().flatten() {
        let (Some(PgObject::Column(from)), Some(PgObject::Column(to))) =
            (cx.from.objects.get(heir), cx.to.objects.get(heir))
        else {
            continue;
        };
        if !Column::stays_heir(from, to) {
            continue;
        }
        if from.not_null && to.not_null {
            sql.push(Column::alter_sql(heir).kw("SET NOT NULL").build());
        } else {
            sql.extend(given_back(heir, cx));
        }
    }
    sql
}
