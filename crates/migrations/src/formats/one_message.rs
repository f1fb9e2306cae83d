//! What the tools have in common that send a file to the server as it is, as one message.

use crate::text::plain_text;
use crate::{Dialect, Files, Message, Trouble};

/// A file as the message that the tool sends.
///
/// # Errors
/// When it is not UTF-8, or begins with a byte order mark, which PostgreSQL takes for a part of the first word. To SQLite it is a
/// blank.
pub(super) fn message(files: &Files, path: &str) -> Result<Message, Trouble> {
    let text = match files.dialect() {
        Dialect::Postgres => plain_text(files, path, "; it goes to the server, which refuses it")?,
        Dialect::Sqlite => files.text(path)?,
    };
    Ok(Message { sql: text.to_owned(), file: path.to_owned(), line: 1 })
}

/// Whether a message is a transaction of its own. To PostgreSQL it is one where it holds several statements; SQLite runs these one
/// by one.
pub(super) fn several(dialect: Dialect, message: &Message) -> bool {
    match dialect {
        Dialect::Postgres => underpin_sql::split(&message.sql).statements.len() > 1,
        Dialect::Sqlite => false,
    }
}

/// The head and what stands below it, with an empty line between them.
pub(super) fn below(head: &str, sql: &str) -> String {
    if head.is_empty() { sql.to_owned() } else { format!("{head}\n{sql}") }
}
