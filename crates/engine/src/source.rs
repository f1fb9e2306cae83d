//! Where a schema is read from: a database, SQL files and folders, or a snapshot.

use crate::EngineError;
use std::path::{Path, PathBuf};
use underpin_connect::Target;

/// A place that holds a schema.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "there are two of it in a run")]
pub enum Source {
    /// A live database.
    Database(Target),
    /// SQL files, and folders of them.
    Files(Vec<PathBuf>),
    /// A snapshot that `inspect --output json` wrote.
    Snapshot(PathBuf),
}

impl Source {
    /// Tells what each text means: a URL, a file, a folder or a snapshot. Several are taken together only where all are
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
                    "a database ({shown}://…) cannot be taken together with other sources; give one database, or SQL files and folders"
                )));
            }
            return Ok(Self::Files(paths));
        };
        if text.starts_with("postgres://")
            || text.starts_with("postgresql://")
            || (text.contains('=') && !Path::new(text).exists())
        {
            return Ok(Self::Database(Target::parse(text)?));
        }
        if let Some((scheme, _)) = text.split_once("://") {
            return Err(EngineError::Usage(format!(
                "`{scheme}://` is not a source that this version reads; it reads postgres:// URLs, SQL files, folders of SQL files and snapshots"
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
            Self::Files(paths) => paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", "),
            Self::Snapshot(path) => path.display().to_string(),
        }
    }
}
