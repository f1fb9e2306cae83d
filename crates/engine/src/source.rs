//! Where a schema is read from: a database, SQL files and folders, a folder of migrations, or a snapshot.

use crate::EngineError;
use std::path::{Path, PathBuf};
use underpin_connect::{SqliteFile, Target};

/// A place that holds a schema.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "there are two of it in a run")]
pub enum Source {
    /// A live database.
    Database(Target),
    /// A database file of SQLite.
    Sqlite(SqliteFile),
    /// SQL files, and folders of them.
    Files(Vec<PathBuf>),
    /// A folder of migrations, which are replayed.
    Migrations(MigrationsDir),
    /// A program that prints SQL, in its words: a team's own models, written down by their tool.
    Program(Vec<String>),
    /// A snapshot that `inspect --output json` wrote.
    Snapshot(PathBuf),
}

/// A folder of migrations, as the user named it.
#[derive(Debug, Clone)]
pub struct MigrationsDir {
    /// The folder.
    pub path: PathBuf,
    /// The name of the tool's format; none where the folder shall tell.
    pub format: Option<String>,
}

impl MigrationsDir {
    /// The folder of `DIR?format=TOOL`.
    ///
    /// # Errors
    /// When something else stands behind the question mark.
    pub fn parse(text: &str) -> Result<Self, EngineError> {
        let (path, query) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
        let mut format = None;
        for part in query.into_iter().flat_map(|query| query.split('&')) {
            match part.split_once('=') {
                Some(("format", name)) if !name.is_empty() => format = Some(name.to_owned()),
                _ => {
                    return Err(EngineError::Usage(format!(
                        "`{part}` is not understood in migrations://{text}; it is written migrations://DIR?format=TOOL"
                    )));
                }
            }
        }
        if path.is_empty() {
            return Err(EngineError::Usage(
                "migrations:// names no folder; it is written migrations://DIR?format=TOOL".to_owned(),
            ));
        }
        Ok(Self { path: PathBuf::from(path), format })
    }
}

impl Source {
    /// Tells what each text means: a URL, a file, a folder, a folder of migrations (`migrations://DIR?format=TOOL`) or a snapshot. Several are taken together only where all are
    /// SQL.
    ///
    /// # Errors
    /// A URL that cannot be read, an engine that is not known, or a mixture.
    pub fn parse(texts: &[String]) -> Result<Self, EngineError> {
        let [text] = texts else {
            let paths: Vec<PathBuf> = texts.iter().map(PathBuf::from).collect();
            if let Some(url) = texts.iter().find(|t| t.contains("://")) {
                let shown = url.split("://").next().unwrap_or_default();
                return Err(EngineError::Usage(format!(
                    "{shown}://… cannot be taken together with other sources; give it alone, or SQL files and folders"
                )));
            }
            return Ok(Self::Files(paths));
        };
        if let Some(folder) = text.strip_prefix("migrations://") {
            return Ok(Self::Migrations(MigrationsDir::parse(folder)?));
        }
        if SqliteFile::is_meant(text) {
            return Ok(Self::Sqlite(SqliteFile::parse(text)?));
        }
        if text.starts_with("postgres://")
            || text.starts_with("postgresql://")
            || (text.contains('=') && !Path::new(text).exists())
        {
            return Ok(Self::Database(Target::parse(text)?));
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(EngineError::Usage(format!(
                "`{scheme}://` is not a source that this version reads; it reads postgres:// and sqlite: URLs, SQL files, folders of SQL files, migrations://DIR and snapshots"
            )));
        }
        let path = PathBuf::from(text);
        if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("json")) {
            return Ok(Self::Snapshot(path));
        }
        Ok(Self::Files(vec![path]))
    }

    /// The source in words, without secrets.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Database(target) => target.redacted(),
            Self::Sqlite(file) => file.words(),
            Self::Files(paths) => paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", "),
            Self::Migrations(folder) => folder.path.display().to_string(),
            Self::Program(words) => words.join(" "),
            Self::Snapshot(path) => path.display().to_string(),
        }
    }
}
