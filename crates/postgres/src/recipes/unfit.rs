//! Values that a new type does not take. A trigger that fills a column beside leaves NULL for them, as their writer must not fail, and
//! the switch would then lose them. A look at all rows is too long to be had under the switch's lock, and too early before it, when a
//! writer may come in between. So the trigger leaves a mark: a sequence that is drawn from, which no rollback takes back.
//!
//! The mark is taken away while no writer is under way (SHARE ROW EXCLUSIVE, for an instant), then all rows are looked at, and the
//! switch refuses where the mark is there again: whatever was written before it was taken away is seen by the look, whatever is
//! written after it leaves another.

use super::road::{Move, Road};
use crate::{PgId, PgKind};
use underpin_sql::{Sql, quote};

/// The mark of one column.
pub(super) struct Unfit {
    /// The sequence.
    pub(super) id: PgId,
    /// The table, as SQL.
    pub(super) table: String,
    /// The column, as SQL.
    pub(super) column: String,
    pub(super) recipe: &'static str,
}

impl Unfit {
    /// What the trigger does for such a value, behind its handler.
    pub(super) fn noted(&self) -> String {
        format!("PERFORM pg_catalog.nextval({});", self.literal())
    }

    /// Stands beside before the function that draws from it.
    pub(super) fn stand(&self, function: &PgId, road: &mut Road<'_>) {
        road.beside.push(Sql::new("CREATE SEQUENCE").name(&self.id.parts()).build());
        // Whoever may write to the table fires the trigger.
        road.beside.push(Sql::new("GRANT USAGE ON SEQUENCE").name(&self.id.parts()).kw("TO PUBLIC").build());
        road.first.push((self.id.clone(), function.clone()));
        road.ready.push(Move {
            words: format!("begin to watch for values of {} that its new type does not take", self.column),
            sql: vec![
                format!("LOCK TABLE {} IN SHARE ROW EXCLUSIVE MODE", self.table),
                format!("SELECT pg_catalog.setval({}, 1, false)", self.literal()),
            ],
            reason: "such a value that comes while all rows are looked at stops the switch".to_owned(),
            recipe: Some(self.recipe),
            hazards: Vec::new(),
            source: None,
        });
    }

    /// What the switch does when no writer is under way any more.
    pub(super) fn refused(&self) -> [String; 2] {
        let message = quote::literal(&format!(
            "a value of {} was written that its new type does not take, and would be lost; correct it and run again",
            self.column
        ));
        [
            format!(
                "DO $underpin$\nBEGIN\n    IF (SELECT is_called FROM {}) THEN\n        RAISE EXCEPTION USING MESSAGE = {message};\n    \
                 END IF;\nEND $underpin$",
                quote::qualified(&self.id.parts())
            ),
            Sql::new("DROP SEQUENCE").name(&self.id.parts()).build(),
        ]
    }

    fn literal(&self) -> String {
        quote::literal(&quote::qualified(&self.id.parts()))
    }

    /// The sequence of a name.
    pub(super) fn sequence(schema: &str, name: &str) -> PgId {
        PgId::new(PgKind::Sequence, [schema, name])
    }
}
