//! Functions in PL/pgSQL that sessions have to look at anew after a switch.

use super::road::Move;
use super::type_remade::Remade;
use crate::objects::{Body, Column};
use crate::{PgId, PgKind, PgObject, Postgres};
use std::collections::{BTreeSet, HashSet};
use underpin_sql::{Lexer, Sql, TokenKind, quote};

/// A session keeps the types of a body's variables, and of the fields of rows that it has read, until the function changes
/// ("type of parameter 14 (bigint) does not match that when preparing the plan (integer)"). It would fail for types that are gone,
/// and for columns that have another type since. So functions of ours are told once more what they are where their bodies name a
/// type that is made anew, have the type of a column or a row, or name one of the columns that get another type or its table, and
/// where they are called by a trigger of such a table.
///
/// It comes before the switch, in the same transaction: they take their time, and need no lock that anybody who calls them
/// waits for. Those of `made_again` are left out.
pub(super) fn looked_up_again(
    dialect: &Postgres<'_>,
    types: &[Remade],
    columns: &HashSet<&PgId>,
    made_again: &BTreeSet<PgId>,
    recipe: &'static str,
) -> Option<Move> {
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
        let stays = !made_again.contains(id)
            && from.objects.contains_key(id)
            && [from, to].iter().all(|catalog| catalog.needs(id).all(|need| types.iter().all(|t| t.id != *need)));
        if stays && routine.language == "plpgsql" && is_own(id) && (of_triggers.contains(id) || names(body)) {
            let alter = Sql::new("ALTER").then(object.address(id)).kw("SECURITY");
            sql.push(alter.kw(if routine.security_definer { "DEFINER" } else { "INVOKER" }).build());
        }
    }
    let names: Vec<String> =
        tables.iter().map(|t| quote::qualified(&t.parts())).collect::<BTreeSet<_>>().into_iter().collect();
    (!sql.is_empty()).then(|| Move {
        words: format!("have sessions look at functions anew that may read columns of {}", names.join(", ")),
        sql,
        reason: "a session keeps the types that they had when it called them first, and would fail".to_owned(),
        recipe: Some(recipe),
        hazards: Vec::new(),
        undo: None,
        source: None,
    })
}
