//! Functions in PL/pgSQL that sessions have to look at anew after a switch.

use super::type_remade::Remade;
use crate::objects::{Body, Column};
use crate::{PgId, PgKind, PgObject, Postgres};
use std::collections::HashSet;
use underpin_sql::{Lexer, Sql, TokenKind};

/// A session keeps the types of a body's variables, and of the fields of rows that it has read, until the function changes
/// (`plpgsql_exec_get_datum_type` and `exec_eval_datum` in pl_exec.c: "type of parameter … does not match that when preparing
/// the plan"). It would fail for types that are gone, and for columns that have another type since. So functions of ours are told
/// once more what they are where their bodies name a type that is made anew, have the type of a column or a row, or name
/// one of the columns that get another type or its table, and where they are called by a trigger of such a table.
///
/// Each comes with the statement that does it.
pub(super) fn looked_up_again<'a>(
    dialect: &Postgres<'a>,
    types: &[Remade],
    columns: &HashSet<&PgId>,
) -> Vec<(&'a PgId, String)> {
    let (from, to) = (dialect.from, dialect.to);
    let tables: HashSet<PgId> = columns.iter().map(|column| Column::table(column)).collect();
    let said = types.iter().map(|t| &t.id).chain(columns.iter().copied()).chain(&tables);
    let said: HashSet<&str> = said.map(|id| id.last()).collect();
    let names = |body: &str| {
        let mut after_percent = false;
        Lexer::new(body).filter(|t| !t.kind.is_trivia()).any(|token| {
            let percent = std::mem::replace(&mut after_percent, token.text(body) == "%");
            let name = || underpin_sql::ident(body, token);
            match token.kind {
                // Without the sign it is a column's name, or a keyword of SQL.
                TokenKind::Word if percent && matches!(name().as_str(), "type" | "rowtype") => true,
                TokenKind::Word | TokenKind::QuotedIdent => said.contains(name().as_str()),
                _ => false,
            }
        })
    };
    let of_triggers = to.objects.iter().filter_map(|(id, object)| match object {
        PgObject::Trigger(trigger) if tables.contains(&trigger.on) => Some(to.needs(id)),
        _ => None,
    });
    let of_triggers: HashSet<&PgId> = of_triggers.flatten().collect();
    let is_own = |id: &PgId| match from.objects.get(&id.attached(PgKind::Owner, &[])) {
        Some(PgObject::Owner(owner)) => owner.role == dialect.user,
        _ => true,
    };
    let mut sql = Vec::new();
    for (id, object) in &to.objects {
        let (PgObject::Function(routine) | PgObject::Procedure(routine)) = object else { continue };
        let Body::Source(body) = &routine.body else { continue };
        // One that takes such values is made again.
        let stays = from.objects.contains_key(id)
            && [from, to].iter().all(|catalog| catalog.needs(id).all(|need| types.iter().all(|t| t.id != *need)));
        if stays && routine.language == "plpgsql" && is_own(id) && (of_triggers.contains(id) || names(body)) {
            let alter = Sql::new("ALTER").then(object.address(id)).kw("SECURITY");
            sql.push((id, alter.kw(if routine.security_definer { "DEFINER" } else { "INVOKER" }).build()));
        }
    }
    sql
}
