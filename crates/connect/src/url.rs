//! Reads `postgresql://` URLs as libpq does (manual, "Connection URIs").
//!
//! Two things libpq takes are refused because they are nearly always a password whose `@` or `/` was not written as
//! `%40` or `%2F`: an `@` in a host name and an `@` in the path. No error quotes the URL.

use percent_encoding::percent_decode_str;

use crate::error::ConnectError;
use crate::params::{Given, Place, known, lookup};

const PLACE: &str = "the URL";

fn bad(reason: impl Into<String>, hint: &str) -> ConnectError {
    ConnectError::BadUrl { reason: reason.into(), hint: hint.to_owned() }
}

const ESCAPE: &str =
    "write special characters of a user name or password as %XX: `@` is %40, `/` is %2F, `:` is %3A, `%` is %25";

/// The part after the scheme, when `text` is a PostgreSQL URL.
pub(crate) fn strip_scheme(text: &str) -> Option<&str> {
    text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://"))
}

/// Reads what follows the scheme.
pub(crate) fn parse(rest: &str, given: &mut Given) -> Result<(), ConnectError> {
    let mut rest = rest;
    // As in libpq: user information ends at the first `@`, if that comes before any `/`.
    if let Some(end) = rest.find(['@', '/'])
        && rest[end..].starts_with('@')
    {
        let info = &rest[..end];
        let (user, password) = match info.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (info, None),
        };
        store(given, "user", decode(user)?);
        if let Some(password) = password {
            store(given, "password", decode(password)?);
        }
        rest = &rest[end + 1..];
    }

    let rest = parse_hosts(rest, given)?;
    let (path, query) = match rest.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (rest, None),
    };
    if let Some(dbname) = path.strip_prefix('/') {
        if dbname.contains('@') {
            return Err(bad("there is an `@` after the first `/`", ESCAPE));
        }
        store(given, "dbname", decode(dbname)?);
    }
    if let Some(query) = query {
        parse_query(query, given)?;
    }
    Ok(())
}

/// Reads the list of hosts and ports; returns what follows it.
fn parse_hosts<'a>(text: &'a str, given: &mut Given) -> Result<&'a str, ConnectError> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    let mut rest = text;
    loop {
        let host;
        if let Some(bracketed) = rest.strip_prefix('[') {
            let Some((address, after)) = bracketed.split_once(']') else {
                return Err(bad("an IPv6 address lacks its closing `]`", "write it as `[::1]`"));
            };
            if address.is_empty() {
                return Err(bad("an IPv6 address is empty", "write it as `[::1]`"));
            }
            if !after.is_empty() && !after.starts_with([':', '/', '?', ',']) {
                return Err(bad(
                    "after the `]` of an IPv6 address only `:`, `/`, `?` or `,` can stand",
                    "write it as `[::1]:5432`",
                ));
            }
            host = address;
            rest = after;
        } else {
            let end = rest.find([':', '/', '?', ',']).unwrap_or(rest.len());
            host = &rest[..end];
            rest = &rest[end..];
        }
        let host = decode(host)?;
        if host.contains('@') {
            return Err(bad("there is more than one `@` before the host name", ESCAPE));
        }
        hosts.push(host);
        let mut port = "";
        if let Some(after) = rest.strip_prefix(':') {
            let end = after.find(['/', '?', ',']).unwrap_or(after.len());
            port = &after[..end];
            rest = &after[end..];
        }
        ports.push(decode(port)?);
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None => break,
        }
    }
    store(given, "host", hosts.join(","));
    if ports.iter().any(|port| !port.is_empty()) {
        store(given, "port", ports.join(","));
    }
    Ok(rest)
}

fn parse_query(query: &str, given: &mut Given) -> Result<(), ConnectError> {
    // An `@` here may mean that a password holds a raw `/` or `?`: then names are not safe to show.
    let quotable = !query.contains('@');
    for pair in query.split('&') {
        if pair.is_empty() {
            continue;
        }
        let Some((name, value)) = pair.split_once('=') else {
            return Err(bad("a parameter after `?` lacks its `=`", ESCAPE));
        };
        if value.contains('=') {
            return Err(bad("a parameter after `?` has more than one `=`", "write `=` inside a value as %3D"));
        }
        let (name, value) = (decode(name)?, decode(value)?);
        // libpq takes JDBC's `ssl=true` for `sslmode=require`.
        let (name, value) =
            if name == "ssl" && value == "true" { ("sslmode".to_owned(), "require".to_owned()) } else { (name, value) };
        let param = known(&name, PLACE, quotable)?;
        given.set(param, value, Place::ConnectionString);
    }
    Ok(())
}

/// Stores a part of the URL; an empty part counts as not given.
fn store(given: &mut Given, name: &str, value: String) {
    if let Some(param) = lookup(name)
        && !value.is_empty()
    {
        given.set(param, value, Place::ConnectionString);
    }
}

fn decode(text: &str) -> Result<String, ConnectError> {
    let bytes = text.as_bytes();
    for (at, _) in text.match_indices('%') {
        let valid = bytes.get(at + 1..at + 3).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit) && hex != b"00");
        if !valid {
            return Err(bad("a `%` is not followed by two hexadecimal digits (other than 00)", ESCAPE));
        }
    }
    if text.contains(|c: char| c.is_whitespace() || c == '\0') {
        return Err(bad("it contains white space", "write a space as %20"));
    }
    percent_decode_str(text)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| bad("a percent-encoded part is not UTF-8", ESCAPE))
}
