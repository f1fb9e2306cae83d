//! What the tools have in common that send a file to the server as it is, as one message.

use crate::{Down, Files, Message, New, Trouble, header};

/// A file as the message that the tool sends.
///
/// # Errors
/// When it is not UTF-8, or begins with a byte order mark, which the server takes for a part of the first word.
pub(super) fn message(files: &Files, path: &str) -> Result<Message, Trouble> {
    let text = files.text(path)?;
    if text.starts_with('\u{feff}') {
        let words = format!("{path} begins with a byte order mark; it goes to the server, which refuses it");
        return Err(Trouble::at(files, path, 1, "byte-order-mark", words).help("save it as UTF-8 without the mark"));
    }
    Ok(Message { sql: text.to_owned(), file: path.to_owned(), line: 1 })
}

/// Whether a message is a transaction of its own: it is one where it holds several statements.
pub(super) fn several(message: &Message) -> bool {
    underpin_sql::split(&message.sql).statements.len() > 1
}

/// The head of a file of a tool that takes nothing back: a reason why nothing could stands there too.
pub(super) fn head(new: &New) -> String {
    let mut lines = new.summary.clone();
    if let Down::Cannot(why) = &new.down {
        lines.push(format!("This cannot be taken back: {why}"));
    }
    header(&lines, "--")
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
