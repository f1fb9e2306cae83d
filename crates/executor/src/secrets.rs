//! Takes passwords out of SQL before it is shown or kept.

/// What stands in the place of a password.
const HIDDEN: &str = "***";

/// `text` without the passwords in it: a literal after the word `password` (`CREATE ROLE`, `CREATE USER MAPPING`), and
/// inside a literal `password=…` and the password of a URL (`CREATE SUBSCRIPTION`, `dblink`).
pub(crate) fn hide(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('\'') {
        let before = &rest[..start];
        out.push_str(before);
        let escapes = ends_with_escape_prefix(before);
        let body = &rest[start + 1..];
        let len = literal_len(body, escapes);
        out.push('\'');
        if follows_password(&out[..out.len() - 1]) {
            out.push_str(HIDDEN);
        } else {
            out.push_str(&hide_in_literal(&body[..len]));
        }
        rest = &body[len..];
        if let Some(after) = rest.strip_prefix('\'') {
            out.push('\'');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// Whether a literal that follows is an `E''` one, in which a backslash escapes.
fn ends_with_escape_prefix(before: &str) -> bool {
    let mut back = before.chars().rev();
    matches!(back.next(), Some('e' | 'E')) && !back.next().is_some_and(|c| c.is_alphanumeric() || c == '_')
}

/// The length in bytes of a literal's body up to its closing quote, or to the end where there is none.
fn literal_len(body: &str, escapes: bool) -> usize {
    let bytes = body.as_bytes();
    let mut n = 0;
    while n < bytes.len() {
        match bytes[n] {
            b'\\' if escapes => n += 2,
            b'\'' if bytes.get(n + 1) == Some(&b'\'') => n += 2,
            b'\'' => return n,
            _ => n += 1,
        }
    }
    bytes.len()
}

/// Whether the last word of `before` is a password's key: what follows is its value.
fn follows_password(before: &str) -> bool {
    let before = before.strip_suffix(['e', 'E']).filter(|b| !b.ends_with(char::is_alphanumeric)).unwrap_or(before);
    let word = before.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, '=' | '"' | ':' | '>'));
    let lower = word.to_ascii_lowercase();
    lower.ends_with("password") || lower.ends_with("passwd")
}

fn hide_in_literal(body: &str) -> String {
    let mut out = body.to_owned();
    // Offsets stay valid in the lower-case copy: ASCII letters keep their length.
    let mut from = 0;
    while let Some(at) = out[from..].to_ascii_lowercase().find("password") {
        let key_end = from + at + "password".len();
        let after = &out[key_end..];
        let value = after.trim_start();
        from = key_end;
        if let Some(value) = value.strip_prefix('=') {
            let value = value.trim_start();
            let start = out.len() - value.len();
            let end = start + value.find(|c: char| c.is_whitespace() || c == '&').unwrap_or(value.len());
            out.replace_range(start..end, HIDDEN);
            from = start + HIDDEN.len();
        }
    }
    if let Some(scheme) = out.find("://") {
        let authority = scheme + 3;
        let end = authority + out[authority..].find(['/', '?', ' ']).unwrap_or(out.len() - authority);
        if let Some(at) = out[authority..end].rfind('@')
            && let Some(colon) = out[authority..authority + at].find(':')
        {
            out.replace_range(authority + colon + 1..authority + at, HIDDEN);
        }
    }
    out
}

/// The beginning of `text` on one line, of at most `most` characters.
pub(crate) fn head(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_go_and_the_rest_stays() {
        for (text, expected) in [
            ("ALTER ROLE a PASSWORD 'se''cret' LOGIN", "ALTER ROLE a PASSWORD '***' LOGIN"),
            ("ALTER ROLE a PASSWORD E'se\\'cret' LOGIN", "ALTER ROLE a PASSWORD E'***' LOGIN"),
            ("OPTIONS (user 'u', password 'p')", "OPTIONS (user 'u', password '***')"),
            ("OPTIONS (\"password\" 'p')", "OPTIONS (\"password\" '***')"),
            ("CONNECTION 'host=h password=p x=y'", "CONNECTION 'host=h password=*** x=y'"),
            ("CONNECTION 'postgresql://u:p@h/d'", "CONNECTION 'postgresql://u:***@h/d'"),
            ("password text DEFAULT 'x' CHECK (a = 'b')", "password text DEFAULT 'x' CHECK (a = 'b')"),
            ("SELECT 'ünïcode' || 'a''b'", "SELECT 'ünïcode' || 'a''b'"),
            ("ALTER ROLE a PASSWORD 'open", "ALTER ROLE a PASSWORD '***"),
        ] {
            assert_eq!(hide(text), expected);
        }
    }

    #[test]
    fn a_head_is_one_short_line() {
        assert_eq!(head("a\n  b", 10), "a b");
        assert_eq!(head("äöüß", 2), "äö…");
    }
}
