//! Reads keyword strings, `host=localhost port=5432`, as libpq does (manual, "Keyword/Value Connection Strings").

use std::iter::Peekable;
use std::str::Chars;

use crate::error::ConnectError;
use crate::params::{Given, Place, known};

const PLACE: &str = "the keyword string";
const QUOTE: &str =
    "write `name=value`, a value with spaces in single quotes, and `\\'` and `\\\\` for quotes and backslashes in it";

fn bad(reason: &str) -> ConnectError {
    ConnectError::BadUrl { reason: reason.to_owned(), hint: QUOTE.to_owned() }
}

/// Reads the whole string.
pub(crate) fn parse(text: &str, given: &mut Given) -> Result<(), ConnectError> {
    let mut chars = text.chars().peekable();
    // After an unquoted password, a name may be the rest of a password that has a space in it.
    let mut after_password = false;
    loop {
        skip_spaces(&mut chars);
        if chars.peek().is_none() {
            return Ok(());
        }
        let mut name = String::new();
        while let Some(c) = chars.next_if(|c| *c != '=' && !c.is_ascii_whitespace()) {
            name.push(c);
        }
        skip_spaces(&mut chars);
        if chars.next() != Some('=') {
            return Err(bad(if after_password {
                "the part after the password lacks its `=`"
            } else {
                "a part lacks its `=`"
            }));
        }
        skip_spaces(&mut chars);
        let quoted = chars.peek() == Some(&'\'');
        let value = if quoted { quoted_value(&mut chars)? } else { plain_value(&mut chars) };
        let param = known(&name, PLACE, !after_password)?;
        after_password = !quoted && matches!(param.name, "password" | "sslpassword");
        given.set(param, value, Place::ConnectionString);
    }
}

fn skip_spaces(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(char::is_ascii_whitespace).is_some() {}
}

fn plain_value(chars: &mut Peekable<Chars<'_>>) -> String {
    let mut value = String::new();
    while let Some(c) = chars.next_if(|c| !c.is_ascii_whitespace()) {
        match c {
            '\\' => value.extend(chars.next()),
            c => value.push(c),
        }
    }
    value
}

fn quoted_value(chars: &mut Peekable<Chars<'_>>) -> Result<String, ConnectError> {
    chars.next();
    let mut value = String::new();
    loop {
        match chars.next() {
            None => return Err(bad("a quoted value lacks its closing quote")),
            Some('\'') => return Ok(value),
            Some('\\') => value.extend(chars.next()),
            Some(c) => value.push(c),
        }
    }
}
