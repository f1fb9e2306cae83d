//! The desired SQL as files: found, read, cut into statements and put in an order that works.

use crate::EngineError;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use underpin_model::{Diagnostic, Severity, Span};
use underpin_sql::{LineIndex, SkippedKind, Split, Statement};

/// The texts of the files that were read, by the names under which messages speak of them.
#[derive(Debug, Clone, Default)]
pub struct FileTexts(HashMap<String, Arc<str>>);

impl FileTexts {
    /// Texts by their names.
    pub(crate) fn of(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(texts.into_iter().map(|(name, text)| (name, text.into())).collect())
    }

    /// The text of a file.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).map(ToString::to_string)
    }
}

/// One file with its statements.
pub(crate) struct SqlFile {
    pub name: String,
    pub text: Arc<str>,
    pub split: Split,
}

/// All files of a desired schema.
pub(crate) struct SqlFiles {
    pub files: Vec<SqlFile>,
}

impl SqlFile {
    pub fn span(&self, bytes: std::ops::Range<usize>) -> Span {
        let index = LineIndex::new(&self.text);
        let (line, column) = index.line_column(bytes.start);
        Span { file: self.name.clone(), line, column, start: bytes.start, end: bytes.end }
    }
}

/// What a database file of SQLite begins with (its file format, 1.3.1).
const SQLITE: &[u8] = b"SQLite format 3\0";

fn unreadable(path: &Path, why: &str) -> EngineError {
    EngineError::Input(vec![
        Diagnostic::new(Severity::Error, "unreadable-file", format!("{} cannot be read: {why}", path.display()))
            .help("name an SQL file, or a folder that holds some"),
    ])
}

/// Collects the SQL files under a path, in the order of their names.
fn collect(path: &Path, found: &mut Vec<PathBuf>) -> Result<(), EngineError> {
    let meta = fs::metadata(path).map_err(|e| unreadable(path, &e.to_string()))?;
    if !meta.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(|e| unreadable(path, &e.to_string()))? {
        entries.push(entry.map_err(|e| unreadable(path, &e.to_string()))?.path());
    }
    entries.sort();
    for entry in entries {
        let hidden = entry.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.'));
        let sql = entry.extension().is_some_and(|e| e.eq_ignore_ascii_case("sql"));
        if !hidden && (entry.is_dir() || sql) {
            collect(&entry, found)?;
        }
    }
    Ok(())
}

impl SqlFiles {
    /// Reads all SQL files under the paths.
    pub fn read(paths: &[PathBuf]) -> Result<Self, EngineError> {
        let mut found = Vec::new();
        for path in paths {
            let before = found.len();
            collect(path, &mut found)?;
            if found.len() == before {
                return Err(EngineError::Input(vec![
                    Diagnostic::new(Severity::Error, "empty-folder", format!("{} holds no SQL files", path.display()))
                        .note("an empty schema would mean that everything in the database is to be dropped")
                        .help("name the folder that holds the .sql files; for an empty schema on purpose, name an empty file"),
                ]));
            }
        }
        let mut files = Vec::new();
        for path in found {
            let bytes = fs::read(&path).map_err(|e| unreadable(&path, &e.to_string()))?;
            if bytes.starts_with(SQLITE) {
                return Err(EngineError::Input(vec![
                    Diagnostic::new(
                        Severity::Error,
                        "not-text",
                        format!("{} is a database of SQLite, and no file of SQL", path.display()),
                    )
                    .help(format!("to take the database itself, write sqlite:{}", path.display())),
                ]));
            }
            let text = String::from_utf8(bytes).map_err(|e| {
                let at = e.utf8_error().valid_up_to();
                let line = e.as_bytes()[..at].iter().filter(|b| **b == b'\n').count() + 1;
                EngineError::Input(vec![
                    Diagnostic::new(
                        Severity::Error,
                        "not-utf8",
                        format!("{}:{line}: the file is not UTF-8", path.display()),
                    )
                    .note(format!("byte {} is {:#04x}", at + 1, e.as_bytes()[at]))
                    .help("save the file as UTF-8; `iconv -f latin1 -t utf8` converts a Latin-1 file"),
                ])
            })?;
            if let Some(at) = text.find('\0') {
                let line = text[..at].matches('\n').count() + 1;
                return Err(EngineError::Input(vec![
                    Diagnostic::new(
                        Severity::Error,
                        "not-text",
                        format!("{}:{line}: the file holds a byte that is zero", path.display()),
                    )
                    .note("no SQL text can hold one, so the server would never see what stands behind it")
                    .help("remove it; if the file is UTF-16, save it as UTF-8"),
                ]));
            }
            let split = underpin_sql::split(&text);
            files.push(SqlFile { name: path.display().to_string(), text: text.into(), split });
        }
        Ok(Self { files })
    }

    /// A text that no file holds, under the name by which messages speak of it.
    pub fn of_text(name: String, text: String) -> Self {
        let split = underpin_sql::split(&text);
        Self { files: vec![SqlFile { name, text: text.into(), split }] }
    }

    /// The texts by name.
    pub fn texts(&self) -> FileTexts {
        FileTexts(self.files.iter().map(|f| (f.name.clone(), f.text.clone())).collect())
    }

    /// All statements in an order that works, each with its file.
    pub fn ordered(&self) -> Vec<(&SqlFile, &Statement)> {
        let flat: Vec<(usize, &Statement)> =
            self.files.iter().enumerate().flat_map(|(n, f)| f.split.statements.iter().map(move |s| (n, s))).collect();
        underpin_sql::order(&flat).into_iter().map(|i| (&self.files[flat[i].0], flat[i].1)).collect()
    }

    /// What the splitter found and left out.
    pub fn findings(&self) -> Vec<Diagnostic> {
        let mut list = Vec::new();
        let mut skipped: Vec<(SkippedKind, usize, Span)> = Vec::new();
        for file in &self.files {
            for problem in &file.split.problems {
                list.push(
                    Diagnostic::new(Severity::Warning, "hint-not-understood", problem.kind.to_string())
                        .at(Some(file.span(problem.span.clone()))),
                );
            }
            for skip in &file.split.skipped {
                match skipped.iter_mut().find(|(what, ..)| *what == skip.what) {
                    Some((_, count, _)) => *count += 1,
                    None => {
                        let span = Span { file: file.name.clone(), line: skip.line, column: 1, start: 0, end: 0 };
                        skipped.push((skip.what, 1, span));
                    }
                }
            }
        }
        for (what, count, span) in skipped {
            let message = match what {
                SkippedKind::MetaCommand => {
                    format!("{count} psql command(s) were left out: they are for psql, not for the server")
                }
                SkippedKind::CopyData => {
                    format!("the rows of {count} COPY command(s) were left out: a schema has no rows")
                }
            };
            let message = format!("{message} (first at {}:{})", span.file, span.line);
            list.push(Diagnostic::new(Severity::Note, "left-out", message));
        }
        list
    }

    /// The texts that a cache key is made of, in order.
    pub fn key_texts(&self) -> impl Iterator<Item = &str> {
        self.files.iter().flat_map(|f| [f.name.as_str(), &*f.text])
    }
}
