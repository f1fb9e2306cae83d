//! NOT NULL constraints with what they say beyond that they are there: a name of their own, NO INHERIT, NOT VALID (manual,
//! CREATE TABLE; `pg_constraint` with `contype = 'n'`, of tables from 18 on and of domains from 17 on). They are told as the
//! column's own, since before 18 they are that. One that a column has from its parent follows the parent's.

use super::Column;
use crate::attribute::Words;
use crate::reader::{FIRST_USER_OID, Reader, class};
use crate::results::Rows;
use crate::{PgId, PgKind, PgObject, Server};
use serde::{Deserialize, Serialize};
use underpin_sql::Sql;

/// What a NOT NULL constraint says; the default says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotNull {
    /// Its name, where it is not the one that the server gives.
    pub name: Option<String>,
    /// `NO INHERIT`.
    pub no_inherit: bool,
    /// `NOT VALID`: rows that were there before may be null.
    pub not_valid: bool,
}

impl Words for NotNull {
    fn words(&self) -> String {
        let mut words: Vec<&str> = self.name.as_deref().into_iter().collect();
        words.extend(self.no_inherit.then_some("no inherit"));
        words.extend(self.not_valid.then_some("not valid"));
        words.join(" ")
    }
}

/// The longest name that the server takes, in bytes (`NAMEDATALEN` less one).
const LONGEST: usize = 63;

/// The first bytes of a text, at most so many, without cutting a character.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The name that the server gives to the NOT NULL constraint of a column, or of a domain where there is no column
/// (`makeObjectName` in `src/backend/commands/indexcmds.c`).
pub(super) fn given_name(relation: &str, column: Option<&str>) -> String {
    const LABEL: &str = "_not_null";
    let room = LONGEST - LABEL.len() - usize::from(column.is_some());
    let (mut first, mut second) = (relation.len(), column.map_or(0, str::len));
    while first + second > room {
        if first > second { first -= 1 } else { second -= 1 }
    }
    let column = column.map_or_else(String::new, |c| format!("_{}", cut(c, second)));
    format!("{}{column}{LABEL}", cut(relation, first))
}

/// A name, where it is not the one that the server gives, with or without the number that makes it the only one.
pub(super) fn own_name(name: &str, given: &str) -> Option<String> {
    let numbered = name.strip_prefix(given).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit()));
    (!numbered).then(|| name.to_owned())
}

impl Column {
    fn not_null_name(&self, id: &PgId) -> String {
        let own = self.not_null_constraint.as_ref().and_then(|c| c.name.clone());
        own.unwrap_or_else(|| given_name(id.part(1), Some(id.last())))
    }

    /// Whether its rows are known not to be null there, or are from the start.
    pub(super) fn is_not_null_at_once(&self) -> bool {
        self.not_null && !self.not_null_constraint.as_ref().is_some_and(|c| c.not_valid)
    }

    /// `NOT NULL` as a definition says it; one that is not valid can only be added.
    pub(super) fn not_null_clause(&self, sql: Sql) -> Sql {
        if !self.is_not_null_at_once() {
            return sql;
        }
        let said = self.not_null_constraint.clone().unwrap_or_default();
        let sql = match &said.name {
            Some(name) => sql.kw("CONSTRAINT").ident(name),
            None => sql,
        };
        sql.kw("NOT NULL").kw_if(said.no_inherit, "NO INHERIT")
    }

    /// The statement that adds a constraint that is not valid: no definition of a column can say that.
    pub(super) fn not_null_addition(&self, id: &PgId) -> Option<String> {
        let said = self.not_null_constraint.as_ref().filter(|c| self.not_null && c.not_valid)?;
        let add = Sql::new("ALTER TABLE").name(&id.parts()[..2]).kw("ADD CONSTRAINT").ident(&self.not_null_name(id));
        Some(add.kw("NOT NULL").ident(id.last()).kw_if(said.no_inherit, "NO INHERIT").kw("NOT VALID").build())
    }

    /// Statements that bring the constraint from what it says on another column of that address to what it says on this one.
    /// That there is a valid one is seen to before.
    pub(super) fn not_null_changes(&self, id: &PgId, from: &Self) -> Vec<String> {
        if !self.not_null || (self.inherits.is_some() && from.inherits.is_some()) {
            return Vec::new();
        }
        let table = || Sql::new("ALTER TABLE").name(&id.parts()[..2]);
        let to = self.not_null_constraint.clone().unwrap_or_default();
        let name = self.not_null_name(id);
        // One that is set by SET NOT NULL is as the server makes it.
        let had = if from.not_null { from.not_null_constraint.clone().unwrap_or_default() } else { NotNull::default() };
        let mut sql = Vec::new();
        if to.not_valid && (!from.not_null || !had.not_valid) {
            if from.not_null {
                sql.push(table().kw("ALTER COLUMN").ident(id.last()).kw("DROP NOT NULL").build());
            }
            sql.extend(self.not_null_addition(id));
            return sql;
        }
        let old = had.name.clone().unwrap_or_else(|| given_name(id.part(1), Some(id.last())));
        if old != name {
            sql.push(table().kw("RENAME CONSTRAINT").ident(&old).kw("TO").ident(&name).build());
        }
        if had.no_inherit != to.no_inherit {
            let inherit = if to.no_inherit { "NO INHERIT" } else { "INHERIT" };
            sql.push(table().kw("ALTER CONSTRAINT").ident(&name).kw(inherit).build());
        }
        sql
    }

    /// `VALIDATE CONSTRAINT`, where the constraint is there and was not valid.
    pub(super) fn not_null_validation(&self, id: &PgId, from: &Self) -> Option<Sql> {
        let was_not_valid = from.not_null && !from.is_not_null_at_once();
        (was_not_valid && self.is_not_null_at_once()).then(|| {
            Sql::new("ALTER TABLE").name(&id.parts()[..2]).kw("VALIDATE CONSTRAINT").ident(&self.not_null_name(id))
        })
    }
}

/// The query for all of them: to leave out on the server those that say nothing takes it longer than to send them.
pub(super) fn query(server: &Server) -> String {
    if !server.has_not_null_constraints() {
        return "SELECT 0 WHERE false".to_owned();
    }
    format!(
        "SELECT conrelid, conkey[1], oid, conname, connoinherit, convalidated, \
         oid IN (SELECT objoid FROM pg_description WHERE classoid = 'pg_constraint'::regclass) FROM pg_constraint \
         WHERE contype = 'n' AND conrelid >= {FIRST_USER_OID}"
    )
}

pub(super) fn read(reader: &mut Reader<'_>, rows: &Rows) {
    for row in rows.iter() {
        let sub = i32::try_from(row.int(1)).unwrap_or(0);
        let Some(id) = reader.find(class::CLASS, row.oid(0), sub).filter(|c| c.kind == PgKind::Column) else {
            continue;
        };
        let said = NotNull {
            name: own_name(row.text(3), &given_name(id.part(1), Some(id.last()))),
            no_inherit: row.bool(4),
            not_valid: !row.bool(5),
        };
        let has_comment = row.bool(6);
        if said == NotNull::default() && !has_comment {
            continue;
        }
        let id = id.clone();
        if has_comment {
            let constraint = PgId::new(PgKind::Constraint, [id.part(0), id.part(1), row.text(3)]);
            reader.alias_fine(class::CONSTRAINT, row.oid(2), 0, constraint, id.clone());
        }
        if said != NotNull::default()
            && let Some(PgObject::Column(column)) = reader.catalog.objects.get_mut(&id)
        {
            column.not_null_constraint = Some(said);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_the_server_gives() {
        assert_eq!(given_name("t", Some("a")), "t_a_not_null");
        assert_eq!(given_name("d", None), "d_not_null");
        // Both read off PostgreSQL 18.
        let long = "x".repeat(63);
        assert_eq!(given_name(&long, Some("a")), format!("{}_a_not_null", "x".repeat(52)));
        assert_eq!(given_name(&long, Some(&long)), format!("{}_{}_not_null", "x".repeat(27), "x".repeat(26)));
        assert_eq!(own_name("t_a_not_null1", "t_a_not_null"), None);
        assert_eq!(own_name("t_a_not_nullx", "t_a_not_null"), Some("t_a_not_nullx".to_owned()));
    }
}
