//! SQL's own spellings of function calls, said as plain calls. From 14 on servers keep the spelling and print it (`SUBSTRING(a FROM 1)`,
//! `get_func_sql_syntax` in `utils/adt/ruleutils.c`); older ones make a plain call of it and print that (`"substring"(a, 1)`). For
//! `EXTRACT` the two are different functions: older servers have `date_part`, which gives another type.

/// The statement with plain calls. Quoted text is left alone, and so is what has no plain call.
#[must_use]
pub fn plain_calls(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len());
    let mut at = 0;
    while at < sql.len() {
        let rest = &sql[at..];
        let quoted = quoted_len(rest);
        if quoted > 0 {
            out.push_str(&rest[..quoted]);
            at += quoted;
        } else if rest.starts_with('(')
            && let Some(len) = group_len(rest)
        {
            let inner = plain_calls(&rest[1..len - 1]);
            let word = out.rsplit(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default().to_owned();
            let collation = out.ends_with("COLLATION FOR ");
            match if collation { Some(format!("pg_collation_for({inner})")) } else { plain_call(&word, &inner) } {
                Some(call) => {
                    let spelled = if collation { "COLLATION FOR " } else { &word };
                    out.truncate(out.len() - spelled.len());
                    out.push_str(&call);
                }
                None => {
                    out.push('(');
                    out.push_str(&inner);
                    out.push(')');
                }
            }
            at += len;
        } else {
            let c = rest.chars().next().map_or(1, char::len_utf8);
            out.push_str(&rest[..c]);
            at += c;
        }
    }
    out
}

/// The call that stands for a word with what is between its parentheses.
fn plain_call(word: &str, inner: &str) -> Option<String> {
    match word {
        "EXTRACT" => {
            let (field, value) = cut(inner, " FROM ")?;
            Some(format!("date_part({}, {value})", underpin_sql::quote::literal(field.trim_matches('"'))))
        }
        "SUBSTRING" => {
            let (text, rest) = cut(inner, " FROM ")?;
            Some(match cut(rest, " FOR ") {
                Some((from, len)) => format!("\"substring\"({text}, {from}, {len})"),
                None => format!("\"substring\"({text}, {rest})"),
            })
        }
        "POSITION" => cut(inner, " IN ").map(|(part, text)| format!("\"position\"({text}, {part})")),
        "OVERLAY" => {
            let (text, rest) = cut(inner, " PLACING ")?;
            let (new, rest) = cut(rest, " FROM ")?;
            Some(match cut(rest, " FOR ") {
                Some((from, len)) => format!("\"overlay\"({text}, {new}, {from}, {len})"),
                None => format!("\"overlay\"({text}, {new}, {rest})"),
            })
        }
        "TRIM" => {
            let (side, rest) = inner.split_once(' ')?;
            let function = match side {
                "BOTH" => "btrim",
                "LEADING" => "ltrim",
                "TRAILING" => "rtrim",
                _ => return None,
            };
            match rest.strip_prefix("FROM ") {
                Some(text) => Some(format!("{function}({text})")),
                None => cut(rest, " FROM ").map(|(characters, text)| format!("{function}({text}, {characters})")),
            }
        }
        "" => {
            if let Some((value, zone)) = cut(inner, " AT TIME ZONE ") {
                return Some(format!("timezone({zone}, {value})"));
            }
            let (first, second) = cut(inner, " OVERLAPS ")?;
            let bare = |pair: &str| Some(pair.trim().strip_prefix('(')?.strip_suffix(')')?.to_owned());
            Some(format!("\"overlaps\"({}, {})", bare(first)?, bare(second)?))
        }
        _ => None,
    }
}

/// The two sides of a word that stands outside quotes and parentheses.
fn cut<'a>(text: &'a str, word: &str) -> Option<(&'a str, &'a str)> {
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if let Some(after) = rest.strip_prefix(word) {
            return Some((&text[..at], after));
        }
        at += match quoted_len(rest) {
            0 if rest.starts_with('(') => group_len(rest)?,
            0 => rest.chars().next().map_or(1, char::len_utf8),
            quoted => quoted,
        };
    }
    None
}

/// The length of the group that the text begins with, with both parentheses.
fn group_len(text: &str) -> Option<usize> {
    let (mut at, mut depth) = (0, 0_usize);
    while at < text.len() {
        let rest = &text[at..];
        let quoted = quoted_len(rest);
        if quoted > 0 {
            at += quoted;
            continue;
        }
        let c = rest.chars().next()?;
        at += c.len_utf8();
        match c {
            '(' => depth += 1,
            ')' => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// The length of the quoted text that the text begins with; zero where it begins with something else.
fn quoted_len(text: &str) -> usize {
    let escapes = text.starts_with("E'");
    let body = if escapes { &text[1..] } else { text };
    let prefix = text.len() - body.len();
    match body.chars().next() {
        Some(mark @ ('\'' | '"')) => {
            let mut chars = body.char_indices().skip(1).peekable();
            while let Some((at, c)) = chars.next() {
                if c == '\\' && escapes {
                    chars.next();
                } else if c == mark && chars.next_if(|(_, next)| *next == mark).is_none() {
                    return prefix + at + 1;
                }
            }
            text.len()
        }
        Some('$') => {
            let tag = body[1..].find('$').map(|end| &body[..end + 2]);
            let tag = tag.filter(|t| t[1..t.len() - 1].chars().all(|c| c.is_alphanumeric() || c == '_'));
            // `$1` is a parameter.
            let Some(tag) = tag.filter(|t| !t[1..].starts_with(|c: char| c.is_ascii_digit())) else { return 0 };
            body[tag.len()..].find(tag).map_or(text.len(), |end| tag.len() * 2 + end)
        }
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_become_calls() {
        let cases = [
            ("EXTRACT(year FROM age(a, (b)::date))", "date_part('year', age(a, (b)::date))"),
            ("SUBSTRING(EXTRACT(day FROM x)::text FROM 1 FOR 3)", "\"substring\"(date_part('day', x)::text, 1, 3)"),
            ("SUBSTRING(a FROM '^(x FROM)')", "\"substring\"(a, '^(x FROM)')"),
            ("SUBSTRING(a SIMILAR b ESCAPE c)", "SUBSTRING(a SIMILAR b ESCAPE c)"),
            ("POSITION(('a'::text) IN (name))", "\"position\"((name), ('a'::text))"),
            ("TRIM(BOTH FROM name)", "btrim(name)"),
            ("TRIM(LEADING 'x'::text FROM name)", "ltrim(name, 'x'::text)"),
            ("OVERLAY(a PLACING b FROM 2 FOR 3)", "\"overlay\"(a, b, 2, 3)"),
            ("((a AT TIME ZONE 'UTC'::text) AT TIME ZONE b)", "timezone(b, timezone('UTC'::text, a))"),
            ("((a, b) OVERLAPS (c, (d + 1)))", "\"overlaps\"(a, b, c, (d + 1))"),
            ("COLLATION FOR (a)", "pg_collation_for(a)"),
            (
                "AS $x$ SELECT TRIM(BOTH FROM a) $x$, 'TRIM(BOTH FROM a)', \"TRIM\"(b)",
                "AS $x$ SELECT TRIM(BOTH FROM a) $x$, 'TRIM(BOTH FROM a)', \"TRIM\"(b)",
            ),
            ("E'\\'(' || (a) || $1", "E'\\'(' || (a) || $1"),
            ("CREATE TABLE t (a integer)", "CREATE TABLE t (a integer)"),
        ];
        for (sql, wanted) in cases {
            assert_eq!(plain_calls(sql), wanted);
        }
    }
}
