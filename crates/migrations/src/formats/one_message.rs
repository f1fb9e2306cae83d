//! What the tools have in common that send a file to the server as it is, as one message.

use crate::text::plain_text;
use crate::{Files, Message, New, Trouble};

/// A file as the message that the tool sends.
///
/// # Errors
/// When it is not UTF-8, or begins with a byte order mark, which the server takes for a part of the first word.
pub(super) fn message(files: &Files, path: &str) -> Result<Message, Trouble> {
    let text = plain_text(files, path, "; it goes to the server, which refuses it")?;
    Ok(Message { sql: text.to_owned(), file: path.to_owned(), line: 1 })
}

/// Whether a message is a transaction of its own: it is one where it holds several statements.
pub(super) fn several(message: &Message) -> bool {
    underpin_sql::split(&message.sql).statements.len() > 1
}

/// The head and what stands below it, with an empty line between them.
pub(super) fn below(head: &str, sql: &str) -> String {
    if head.is_empty() { sql.to_owned() } else { format!("{head}\n{sql}") }
}

/// That what is to run without a transaction is one statement: the server takes several in a message as a transaction.
///
/// # Errors
/// When it is not.
pub(super) fn alone(new: &[New]) -> Result<(), Trouble> {
    let found: Vec<_> = new
        .iter()
        .filter(|n| !n.transaction && n.up.len() != 1)
        .flat_map(|n| {
            let words = format!("{} runs without a transaction and has {} statements, not one", n.slug, n.up.len());
            Trouble::new("not-alone", words).0
        })
        .collect();
    if found.is_empty() { Ok(()) } else { Err(Trouble(found)) }
}
