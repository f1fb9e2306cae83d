//! The password file, `~/.pgpass` (manual, "The Password File").

use std::path::{Path, PathBuf};

use crate::secret::Secret;

/// One field of a line that is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Field {
    Any,
    Exactly(String),
}

impl Field {
    fn matches(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(wanted) => wanted == value,
        }
    }
}

#[derive(Debug, Clone)]
struct Entry {
    line: usize,
    host: Field,
    port: Field,
    dbname: Field,
    user: Field,
    password: Secret,
}

/// A password file as it was read.
#[derive(Debug, Clone)]
pub(crate) struct Passfile {
    path: PathBuf,
    state: State,
}

#[derive(Debug, Clone)]
enum State {
    Missing,
    /// Not used, for the reason given.
    Ignored(String),
    Read(Vec<Entry>),
}

impl Passfile {
    /// Reads a file. A missing one is no error; one that others may read is ignored, as in libpq.
    pub(crate) fn read(path: &Path) -> Self {
        let state = match std::fs::metadata(path) {
            Err(_) => State::Missing,
            Ok(meta) if !meta.is_file() => State::Ignored("it is no plain file".to_owned()),
            Ok(meta) if open_to_others(&meta) => {
                State::Ignored("group or others have access to it; run `chmod 0600` on it".to_owned())
            }
            Ok(_) => match std::fs::read_to_string(path) {
                Ok(text) => State::Read(parse(&text)),
                Err(error) => State::Ignored(error.to_string()),
            },
        };
        Self { path: path.to_owned(), state }
    }

    /// What the user should know although it is no error.
    pub(crate) fn warning(&self) -> Option<String> {
        match &self.state {
            State::Ignored(why) => Some(format!("the password file `{}` is ignored: {why}", self.path.display())),
            State::Missing | State::Read(_) => None,
        }
    }

    /// The password of the first line that fits, and the number of that line.
    pub(crate) fn find(&self, host: &str, port: u16, dbname: &str, user: &str) -> Option<(&Secret, usize)> {
        let State::Read(entries) = &self.state else {
            return None;
        };
        let port = port.to_string();
        entries
            .iter()
            .find(|entry| {
                entry.host.matches(host)
                    && entry.port.matches(&port)
                    && entry.dbname.matches(dbname)
                    && entry.user.matches(user)
            })
            .map(|entry| (&entry.password, entry.line))
    }

    /// Says how the search for a password went, for an error.
    pub(crate) fn describe(&self, host: &str, port: u16, dbname: &str, user: &str) -> String {
        let path = self.path.display();
        match &self.state {
            State::Missing => format!("no password file {path}"),
            State::Ignored(why) => format!("the password file {path} is ignored: {why}"),
            State::Read(_) => match self.find(host, port, dbname, user) {
                Some((_, line)) => format!("password from line {line} of {path}"),
                None => format!("no line for {host}:{port}:{dbname}:{user} in {path}"),
            },
        }
    }
}

#[cfg(unix)]
fn open_to_others(meta: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    meta.permissions().mode() & 0o077 != 0
}

/// On Windows libpq relies on the directory's protection.
#[cfg(not(unix))]
fn open_to_others(_meta: &std::fs::Metadata) -> bool {
    false
}

fn parse(text: &str) -> Vec<Entry> {
    text.lines()
        .enumerate()
        .filter(|(_, line)| !line.starts_with('#'))
        .filter_map(|(index, line)| {
            let mut rest = Some(line);
            let host = field(&mut rest)?;
            let port = field(&mut rest)?;
            let dbname = field(&mut rest)?;
            let user = field(&mut rest)?;
            // The password, too, ends at an unescaped colon.
            let password = unescape(take(&mut rest)?);
            Some(Entry { line: index + 1, host, port, dbname, user, password: Secret::new(password) })
        })
        .collect()
}

fn field(rest: &mut Option<&str>) -> Option<Field> {
    Some(match take(rest)? {
        "*" => Field::Any,
        raw => Field::Exactly(unescape(raw)),
    })
}

/// Takes the text up to the next unescaped colon.
fn take<'a>(rest: &mut Option<&'a str>) -> Option<&'a str> {
    let text = (*rest)?;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ':' => {
                *rest = Some(&text[at + 1..]);
                return Some(&text[..at]);
            }
            _ => {}
        }
    }
    *rest = None;
    Some(text)
}

fn unescape(raw: &str) -> String {
    let mut value = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => value.push(chars.next().unwrap_or('\\')),
            c => value.push(c),
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> Passfile {
        Passfile { path: PathBuf::from("pgpass"), state: State::Read(parse(text)) }
    }

    fn find<'a>(file: &'a Passfile, host: &str, port: u16, db: &str, user: &str) -> Option<&'a str> {
        file.find(host, port, db, user).map(|(secret, _)| secret.reveal())
    }

    #[test]
    fn the_first_line_that_fits_counts() {
        let file = file("# note\nh:5432:d:u:one\n*:*:d:*:two\n*:*:*:*:three\n");
        assert_eq!(find(&file, "h", 5432, "d", "u"), Some("one"));
        assert_eq!(find(&file, "h", 5433, "d", "u"), Some("two"));
        assert_eq!(find(&file, "x", 1, "y", "z"), Some("three"));
        assert_eq!(file.find("h", 5432, "d", "u").map(|(_, line)| line), Some(2));
    }

    #[test]
    fn escapes_and_short_lines() {
        let file = file("a\\:b:1:d\\\\:u:p\\:w\\\\:rest\nshort:1:2\n\\*:1:d:u:star\r\n");
        assert_eq!(find(&file, "a:b", 1, "d\\", "u"), Some("p:w\\"));
        assert_eq!(find(&file, "short", 1, "2", ""), None);
        assert_eq!(find(&file, "*", 1, "d", "u"), Some("star"));
        assert_eq!(find(&file, "x", 1, "d", "u"), None);
    }

    #[test]
    fn debug_hides_the_password() {
        assert!(!format!("{:?}", file("h:1:d:u:hush")).contains("hush"));
    }
}
