//! A folder's files, read whole.

use crate::{Dialect, Trouble};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The files of a folder of migrations, by their paths in it with `/` between the parts. Bytes, for checksums are over bytes.
#[derive(Debug, Clone)]
pub struct Files {
    /// The database that they are for.
    dialect: Dialect,
    /// The folder as the user named it.
    root: PathBuf,
    files: BTreeMap<String, Vec<u8>>,
}

/// A file to be written, new or in the place of one that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its path in the folder, with `/` between the parts.
    pub path: String,
    /// What it holds.
    pub text: String,
}

/// Folders that are never a tool's: other programs keep theirs in them.
const SKIPPED: [&str; 4] = ["node_modules", "__pycache__", ".git", "target"];
/// Larger files are no migrations; a folder that was named by mistake is not read into memory.
const LARGEST: u64 = 64 << 20;

impl Files {
    /// Reads a folder with all that is under it, which is for databases of one kind; one that is not there is empty.
    ///
    /// # Errors
    /// When it is no folder or a file cannot be read.
    pub fn read(root: &Path, dialect: Dialect) -> Result<Self, Trouble> {
        let mut found = Self { dialect, root: root.to_owned(), files: BTreeMap::new() };
        if !root.exists() {
            return Ok(found);
        }
        let unreadable = |path: &Path, why: String| {
            Trouble::new("unreadable-file", format!("{} cannot be read: {why}", path.display()))
                .help("name the folder in which the tool keeps its migrations")
        };
        if !root.is_dir() {
            return Err(unreadable(root, "it is no folder".to_owned()));
        }
        let mut open = vec![(root.to_owned(), String::new())];
        while let Some((folder, prefix)) = open.pop() {
            let entries = fs::read_dir(&folder).map_err(|e| unreadable(&folder, e.to_string()))?;
            for entry in entries {
                let entry = entry.map_err(|e| unreadable(&folder, e.to_string()))?;
                let path = entry.path();
                let name = entry
                    .file_name()
                    .into_string()
                    .map_err(|_| unreadable(&path, "its name is not UTF-8".to_owned()))?;
                let meta = fs::metadata(&path).map_err(|e| unreadable(&path, e.to_string()))?;
                let inner = format!("{prefix}{name}");
                if meta.is_dir() {
                    if !SKIPPED.contains(&name.as_str()) {
                        open.push((path, format!("{inner}/")));
                    }
                } else if meta.len() <= LARGEST {
                    let bytes = fs::read(&path).map_err(|e| unreadable(&path, e.to_string()))?;
                    found.files.insert(inner, bytes);
                }
            }
        }
        Ok(found)
    }

    /// A folder that is not on disk, for tests and for what is about to be written.
    #[must_use]
    pub fn of(root: &Path, dialect: Dialect, files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        Self { dialect, root: root.to_owned(), files: files.into_iter().collect() }
    }

    /// The same with files written.
    #[must_use]
    pub fn with(&self, written: &[Written]) -> Self {
        let mut files = self.files.clone();
        files.extend(written.iter().map(|w| (w.path.clone(), w.text.clone().into_bytes())));
        Self { dialect: self.dialect, root: self.root.clone(), files }
    }

    /// The database that they are for.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// All files in the order of the bytes of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    /// The paths of the files that stand in the folder itself.
    pub fn top(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str).filter(|path| !path.contains('/'))
    }

    /// The bytes of a file.
    #[must_use]
    pub fn bytes(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// The text of a file as it stands there, with its byte order mark and line ends.
    ///
    /// # Errors
    /// When it is not there or not UTF-8.
    pub fn text(&self, path: &str) -> Result<&str, Trouble> {
        let Some(bytes) = self.files.get(path) else {
            return Err(Trouble::new("missing-file", format!("{} is not there", self.shown(path))));
        };
        std::str::from_utf8(bytes).map_err(|e| {
            let line = bytes[..e.valid_up_to()].iter().filter(|b| **b == b'\n').count() + 1;
            Trouble::at(self, path, line, "not-utf8", format!("{} is not UTF-8", self.shown(path)))
                .help("save it as UTF-8")
        })
    }

    /// A file's path as the user would name it.
    #[must_use]
    pub fn shown(&self, path: &str) -> String {
        self.root.join(path).display().to_string()
    }
}
