//! What the tool makes of one script: its settings, its checksum, and which statements it keeps out of transactions.

use crate::{Dialect, Files, Trouble};
use underpin_sql::{Lexer, sqlite};

/// The settings of a script.
#[derive(Debug)]
pub(super) struct Conf {
    /// Whether it runs in a transaction, where that is said.
    pub transaction: Option<bool>,
    /// Whether the tool replaces `${…}`.
    pub placeholders: bool,
}

/// The settings beside a script, in the form of a Java properties file.
pub(super) fn conf(files: &Files, script: &str) -> Result<Conf, Trouble> {
    let mut out = Conf { transaction: None, placeholders: true };
    let path = format!("{script}.conf");
    if files.bytes(&path).is_none() {
        return Ok(out);
    }
    let mut trouble = Vec::new();
    for (n, line) in files.text(&path)?.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', '!']) {
            continue;
        }
        let (key, value) = line.split_once(['=', ':']).map_or((line, ""), |(key, value)| (key.trim(), value.trim()));
        let mut wrong = |words: String| trouble.extend(Trouble::at(files, &path, n + 1, "bad-settings", words).0);
        let mut truth = || {
            let found = [true, false].into_iter().find(|truth| value.eq_ignore_ascii_case(&truth.to_string()));
            if found.is_none() {
                wrong(format!("{key} is true or false, not `{value}`"));
            }
            found
        };
        match key {
            "executeInTransaction" => out.transaction = truth(),
            "placeholderReplacement" => out.placeholders = truth().unwrap_or(true),
            "encoding" => {}
            "shouldExecute" => wrong("`shouldExecute` is in paid editions of the tool only".to_owned()),
            _ => wrong(format!("`{key}` is no setting of a script, and the tool refuses the file")),
        }
    }
    if trouble.is_empty() { Ok(out) } else { Err(Trouble(trouble)) }
}

/// What the tool records of a script: a CRC-32 over its lines without their ends, and without a byte order mark.
pub(super) fn checksum(text: &str) -> i32 {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut crc = u32::MAX;
    for byte in text.bytes().filter(|b| !matches!(b, b'\n' | b'\r')) {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    (!crc).cast_signed()
}

/// Whether the tool's parser would look for the end of a body behind a statement of SQLite: it counts words alone.
pub(super) fn is_open(sql: &str) -> bool {
    let mut depth = 0_usize;
    for tok in sqlite::toks(sql) {
        match sqlite::keyword(Some(&tok), sql).as_str() {
            "begin" | "case" => depth += 1,
            "end" => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    depth > 0
}

/// Whether the tool itself knows that a statement cannot run in a transaction. Of PostgreSQL it knows less than the server:
/// `REINDEX INDEX CONCURRENTLY` and `DETACH PARTITION CONCURRENTLY` are not among them. Of SQLite it knows one.
pub(super) fn runs_alone(dialect: Dialect, sql: &str) -> bool {
    if dialect == Dialect::Sqlite {
        return sqlite::words(sql).starts_with(&["pragma".to_owned(), "foreign_keys".to_owned()]);
    }
    let words: Vec<String> =
        Lexer::new(sql).filter(|t| !t.kind.is_trivia()).take(4).map(|t| t.text(sql).to_ascii_uppercase()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    matches!(
        words.as_slice(),
        ["CREATE" | "DROP", "DATABASE" | "TABLESPACE" | "SUBSCRIPTION", ..]
            | ["CREATE" | "DROP", "INDEX", "CONCURRENTLY", ..]
            | ["CREATE" | "DROP", "UNIQUE", "INDEX", "CONCURRENTLY", ..]
            | ["REINDEX", "SCHEMA" | "DATABASE" | "SYSTEM", ..]
            | ["REINDEX", "VERBOSE", "SCHEMA" | "DATABASE" | "SYSTEM", ..]
            | ["ALTER", "SYSTEM", ..]
            | ["VACUUM", ..]
            | ["DISCARD", "ALL", ..]
    )
}
