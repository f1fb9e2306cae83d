//! How a database file is named: `sqlite:PATH`, `sqlite://PATH`, and what may follow a question mark.
//!
//! Escapes and parameters are those of SQLite's own URIs (manual, "Uniform Resource Identifiers"); what stands behind two
//! slashes is a path here and no host, as other tools have it: `sqlite://data/app.db` is relative, `sqlite:///data/app.db`
//! is not. What SQLite would pass over in silence (a fragment, an unknown parameter, `%00`) is an error.

use crate::ConnectError;
use percent_encoding::percent_decode_str;
use std::ffi::OsString;
use std::path::PathBuf;

const PLACE: &str = "the name of the SQLite file";
const SCHEME: &str = "sqlite:";
const FORMS: &str = "write sqlite:PATH, such as sqlite:data/app.db or sqlite:///srv/app.db";

/// What may be done with the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// `ro`: it is never written to, not even to finish what another program was interrupted in.
    ReadOnly,
    /// `rw`: it is there, and may be changed.
    ReadWrite,
    /// `rwc`: it is made where it is missing.
    Create,
}

/// A name taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) path: PathBuf,
    pub(super) mode: Mode,
    pub(super) immutable: bool,
}

/// What follows the scheme, where it is that of SQLite.
pub(super) fn strip_scheme(text: &str) -> Option<&str> {
    let scheme = text.get(..SCHEME.len())?;
    if scheme.eq_ignore_ascii_case(SCHEME) { text.get(SCHEME.len()..) } else { None }
}

fn bad(reason: &str, hint: &str) -> ConnectError {
    ConnectError::BadUrl { reason: reason.to_owned(), hint: hint.to_owned() }
}

fn in_memory() -> ConnectError {
    bad(
        "it names a database in memory, which ends with the program that made it, so that nobody else ever sees it",
        "name a file: sqlite:PATH",
    )
}

/// Takes a name apart.
pub(super) fn parse(text: &str) -> Result<Name, ConnectError> {
    let Some(rest) = strip_scheme(text) else {
        return Err(bad("it does not begin with `sqlite:`", FORMS));
    };
    if rest.contains('#') {
        return Err(bad("there is a `#` in it, behind which SQLite reads nothing", "write %23 for a `#` in a path"));
    }
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.trim_start_matches('/') == ":memory:" {
        return Err(in_memory());
    }
    let path = decode(path)?;
    if path.as_os_str().is_empty() {
        return Err(bad("it names no file", FORMS));
    }
    let mut name = Name { path, mode: Mode::ReadWrite, immutable: false };
    let mut seen = Vec::new();
    for pair in query.unwrap_or_default().split('&').filter(|p| !p.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        if seen.contains(&key) {
            return Err(bad_value(key, "it is there twice", "leave one out"));
        }
        seen.push(key);
        match key {
            "mode" => {
                name.mode = match value {
                    "ro" => Mode::ReadOnly,
                    "rw" => Mode::ReadWrite,
                    "rwc" => Mode::Create,
                    "memory" => return Err(in_memory()),
                    _ => {
                        return Err(bad_value(
                            key,
                            "there is no such mode",
                            "write ro (never written to), rw (the default), or rwc (made where it is missing)",
                        ));
                    }
                }
            }
            "immutable" => {
                name.immutable = match value {
                    "1" => true,
                    "0" => false,
                    _ => return Err(bad_value(key, "it is 1 or 0", "write immutable=1, or leave it out")),
                }
            }
            _ => {
                return Err(ConnectError::UnknownParameter {
                    name: key.to_owned(),
                    place: PLACE.to_owned(),
                    hint:
                        "known are `mode` (ro, rw, rwc) and `immutable` (1: nobody changes the file while it is read); \
                           write %3F for a `?` in a path"
                            .to_owned(),
                });
            }
        }
    }
    Ok(name)
}

fn bad_value(name: &str, reason: &str, hint: &str) -> ConnectError {
    ConnectError::BadValue {
        name: name.to_owned(),
        place: PLACE.to_owned(),
        reason: reason.to_owned(),
        hint: hint.to_owned(),
    }
}

/// The path with its `%XX`. A `%` that no two hexadecimal digits follow stands for itself, as in SQLite.
fn decode(path: &str) -> Result<PathBuf, ConnectError> {
    let bytes: Vec<u8> = percent_decode_str(path).collect();
    if bytes.contains(&0) {
        return Err(bad("there is a zero byte in the path", "take the %00 out"));
    }
    let lost = bytes.iter().take_while(|b| **b == b'/').count().saturating_sub(1);
    Ok(PathBuf::from(os_string(bytes.get(lost..).unwrap_or_default().to_vec())?))
}

#[cfg(unix)]
fn os_string(bytes: Vec<u8>) -> Result<OsString, ConnectError> {
    use std::os::unix::ffi::OsStringExt as _;
    Ok(OsString::from_vec(bytes))
}

#[cfg(not(unix))]
fn os_string(bytes: Vec<u8>) -> Result<OsString, ConnectError> {
    String::from_utf8(bytes).map(OsString::from).map_err(|_| bad("the path is no UTF-8", "write it in UTF-8"))
}
