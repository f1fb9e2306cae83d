//! # A new identity column by a sequence of our own
//!
//! `ADD COLUMN … GENERATED … AS IDENTITY` writes the table anew under ACCESS EXCLUSIVE, for every row gets a number of its own.
//!
//! 1. Expand: a sequence of our own is made with the identity's options; the column is added as a plain one, and the sequence is
//!    its default from then on.
//! 2. Backfill: the rows that were there get their numbers in batches, then NOT NULL and what rests on the column. In the last
//!    transaction the default goes, the column becomes an identity with the desired START, and its own sequence is moved to where
//!    ours stands, so that no number comes twice and the schema ends as desired.
//!
//! Locks: ACCESS EXCLUSIVE for an instant, twice.
//!
//! After a crash: the sequence aside is recognised by its name; batches that were committed stay.
//!
//! Sources: manual, ALTER TABLE (ADD GENERATED; SET DEFAULT), CREATE SEQUENCE.

use super::fill::{self, Heirs};
use super::road::{Move, Road};
use crate::objects::identity_clause;
use crate::render::name_aside;
use crate::{PgId, PgKind, PgObject, Postgres};
use underpin_sql::{Sql, quote};

const NAME: &str = "identity-by-sequence";

fn sequence(id: &PgId) -> PgId {
    let of = format!("{}.{}", id.part(1), id.last());
    PgId::new(PgKind::Sequence, [id.part(0), &name_aside("_underpin_next_", &of)])
}

/// Finds the columns and changes the line of schemas.
pub(super) fn plan(dialect: &Postgres<'_>, heirs: &Heirs, road: &mut Road<'_>) {
    let (from, to) = (dialect.from, dialect.to);
    let mut waiting = Vec::new();
    for (id, object) in &to.objects {
        let PgObject::Column(column) = object else { continue };
        let Some(identity) = &column.identity else { continue };
        let aside = sequence(id);
        let old = match from.objects.get(id) {
            None => None,
            // Ours already, on the way.
            Some(PgObject::Column(old)) if old.identity.is_none() && from.objects.contains_key(&aside) => Some(old),
            Some(_) => continue,
        };
        if column.inherits.is_some() || heirs.contains_key(id) || !fill::is_in_use(dialect, id) {
            continue;
        }
        let name = Sql::empty().name(&id.parts()).build();
        let address = quote::literal(&quote::qualified(&aside.parts()));
        let next = format!("pg_catalog.nextval({address})");
        road.change_both(|catalog| {
            if let Some(PgObject::Column(column)) = catalog.objects.get_mut(id) {
                column.identity = None;
            }
        });
        if old.is_none_or(|old| !old.not_null) {
            waiting.push(id.clone());
            road.fills.push(fill::fill(id, &next, format!("number the rows that are there in {name}")));
        }
        let alter = || Sql::new("ALTER TABLE").name(&id.parts()[..2]).kw("ALTER COLUMN").ident(id.last());
        let make = Sql::new("CREATE SEQUENCE").name(&aside.parts());
        road.beside.push(crate::objects::sequence_options(make, &identity.options).build());
        // A default asks whoever inserts for a right on the sequence; an identity does not.
        road.beside.push(Sql::new("GRANT USAGE ON SEQUENCE").name(&aside.parts()).kw("TO PUBLIC").build());
        road.beside.push(alter().kw("SET DEFAULT").server_text(&next).build());
        let (schema, own) = &identity.sequence;
        let own = quote::literal(&quote::qualified(&[schema, own]));
        road.settle.push(Move {
            words: format!("make {name} an identity"),
            sql: vec![
                alter().kw("DROP DEFAULT").build(),
                identity_clause(alter().kw("ADD"), identity).build(),
                format!(
                    "SELECT pg_catalog.setval({own}, last_value, is_called) FROM {}",
                    quote::qualified(&aside.parts())
                ),
                Sql::new("DROP SEQUENCE").name(&aside.parts()).build(),
            ],
            reason: "its numbers go on where those of the sequence aside end".to_owned(),
            recipe: Some(NAME),
            hazards: Vec::new(),
            undo: None,
            source: None,
        });
    }
    fill::lower((dialect, heirs), road, waiting);
}
