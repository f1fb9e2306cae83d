//! What a migration tool sends, sent as the tool sends it: in one transaction, or message by message.

use crate::EngineError;
use crate::dev::DevDatabase;
use crate::error::server_words;
use crate::loader::{Rejected, missing_tablespace};
use postgres::error::{DbError, ErrorPosition};
use std::ops::Range;
use underpin_migrations::Message;
use underpin_sql::{Class, Statement};

/// What goes to the server at once.
pub(crate) struct Piecemeal<'m> {
    pub message: &'m Message,
    /// Its bytes in the message.
    pub bytes: Range<usize>,
    /// The statements that it holds.
    pub statements: Vec<Statement>,
}

/// What came of it.
pub(crate) enum Sent {
    Done,
    /// The server does not take the piece of that number.
    Failed(usize, Rejected),
    /// From the piece of that number on, somebody with more rights has to run them, or a role or tablespace has to be made;
    /// nothing of these was kept.
    NeedsMore(usize),
}

/// Sends the pieces as the loader. A session's settings are as new before.
pub(crate) fn send(
    database: &mut DevDatabase<'_>,
    pieces: &[Piecemeal<'_>],
    transaction: bool,
) -> Result<Sent, EngineError> {
    let dev = database.dev();
    database.loader.batch_execute("RESET ALL")?;
    dev.prepare(&mut database.loader)?;
    // As a tool's own session has it.
    database.loader.batch_execute("RESET check_function_bodies")?;
    database.was_not_granted();
    let sent = attempt(database, pieces, transaction);
    if matches!(sent, Ok(Sent::Done)) {
        // A warning stands where there is none any more: the file has ended it itself.
        database.loader.batch_execute("COMMIT")?;
    } else {
        database.loader.batch_execute("ROLLBACK")?;
    }
    database.loader.batch_execute("RESET ALL; RESET SESSION AUTHORIZATION")?;
    dev.prepare(&mut database.loader)?;
    sent
}

fn attempt(database: &mut DevDatabase<'_>, pieces: &[Piecemeal<'_>], transaction: bool) -> Result<Sent, EngineError> {
    let private = database.dev().is_private();
    if transaction {
        database.loader.batch_execute("BEGIN")?;
    }
    // What stands before this was committed.
    let mut kept = 0;
    for (n, piece) in pieces.iter().enumerate() {
        let sql = &piece.message.sql[piece.bytes.clone()];
        if let Err(error) = database.loader.batch_execute(sql) {
            let Some(db) = error.as_db_error() else { return Err(error.into()) };
            // 42501 insufficient_privilege, 22023 and 42704 for roles that are not there.
            let role = db.message().starts_with("role \"") && matches!(db.code().code(), "42704" | "22023");
            if private && (db.code().code() == "42501" || role || missing_tablespace(db).is_some()) {
                return Ok(Sent::NeedsMore(kept));
            }
            let rejected = Rejected {
                place: n,
                words: server_words(&error),
                code: db.code().code().to_owned(),
                position: position(db),
            };
            return Ok(Sent::Failed(n, rejected));
        }
        if private && database.was_not_granted() {
            return Ok(Sent::NeedsMore(kept));
        }
        let ends = |s: &Statement| {
            let word =
                piece.message.sql[s.span.clone()].split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
            s.class == Class::Transaction && matches!(word.as_str(), "commit" | "end")
        };
        if !transaction && piece.statements.iter().all(|s| s.class != Class::Transaction)
            || piece.statements.iter().any(ends)
        {
            kept = n + 1;
        }
    }
    Ok(Sent::Done)
}

fn position(db: &DbError) -> Option<usize> {
    match db.position()? {
        ErrorPosition::Original(p) => usize::try_from(*p).ok(),
        ErrorPosition::Internal { .. } => None,
    }
}
