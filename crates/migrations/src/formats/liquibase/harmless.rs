//! SQL as a changeset can hold it: no line that Liquibase takes for one of its own, no `${` that it replaces, no `?` that its
//! driver takes for a parameter. What the server makes of it stays the same.

use regex::Regex;
use std::sync::LazyLock;
use underpin_sql::{Lexer, Token, TokenKind};

/// A line that the tool would read, or refuse, as its own. Wider than its patterns: nobody misses a comment less.
static OWN_LINE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)^\s*(-+\s*(property|changeset|rollback|precondition|comment|validchecksum|ignore|liquibase)|/\*\s*liquibase)",
    )
    .ok()
});

/// Whether a line would be read as one of the tool's own.
fn is_own_line(line: &str) -> bool {
    OWN_LINE.as_ref().is_some_and(|own| own.is_match(line))
}

fn holds_own_line(text: &str) -> bool {
    text.split(['\n', '\r']).any(is_own_line)
}

/// A comment line that is not one of the tool's own.
pub(super) fn comment(line: &str) -> String {
    let line = line.replace("${", "$ {");
    match line.strip_prefix("--") {
        Some(rest) if is_own_line(&line) => format!("-- > {}", rest.trim_start_matches('-').trim_start()),
        _ => line,
    }
}

/// The body of an `E''` string without line ends and `${`, from text in which quotes and backslashes are escaped already.
fn flat(escaped: &str) -> String {
    escaped.replace("${", r"\x24{").replace('\r', r"\r").replace('\n', r"\n")
}

/// A string constant of the same value that holds no line end.
fn requoted(token: Token, text: &str) -> Option<String> {
    let body = match token.kind {
        TokenKind::String => text.strip_prefix('\'')?.strip_suffix('\'')?.replace('\\', r"\\"),
        // What continues on a further line is a second piece between quotes.
        TokenKind::EscapeString if !holds_own_line(text) || !text.contains("'\n") => {
            text.strip_prefix(['E', 'e'])?.strip_prefix('\'')?.strip_suffix('\'')?.to_owned()
        }
        TokenKind::DollarString => {
            let tag = text[1..].find('$')? + 2;
            text.get(tag..text.len() - tag)?.replace('\\', r"\\").replace('\'', "''")
        }
        _ => return None,
    };
    Some(format!("E'{}'", flat(&body)))
}

/// The statement so that the tool passes it on as it is; none where that cannot be. `alone` is one that no `DO` may run.
pub(super) fn statement(sql: &str, alone: bool) -> Option<String> {
    let mut out = String::with_capacity(sql.len());
    let mut question = false;
    for token in Lexer::new(sql) {
        let text = token.text(sql);
        let kind = token.kind;
        question |= text.contains('?') && matches!(kind, TokenKind::Operator | TokenKind::Other);
        if kind == TokenKind::LineComment {
            out.push_str(&comment(text));
        } else if kind == TokenKind::BlockComment && (holds_own_line(text) || text.contains("${")) {
            out.push(' ');
        } else if kind.is_string() && (text.contains("${") || (text.contains('\n') && holds_own_line(text))) {
            if out.ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$') {
                out.push(' ');
            }
            out.push_str(&requoted(token, text)?);
        } else {
            out.push_str(text);
        }
    }
    if question {
        if alone {
            return None;
        }
        let tag = (0..).map(|n| format!("$once{n}$")).find(|tag| !out.contains(tag.as_str()))?;
        let inner = tag.replace("once", "text");
        if out.contains(&inner) {
            return None;
        }
        out = format!("DO {tag} BEGIN EXECUTE {inner}{out}{inner}; END {tag}");
    }
    let fits = !holds_own_line(&out) && !out.contains("${");
    fits.then_some(out)
}

/// The same for SQLite, which keeps the text of what it makes, so that nothing in it can be written in another way.
pub(super) fn as_it_is(sql: &str) -> Option<String> {
    (!holds_own_line(sql) && !sql.contains("${")).then(|| sql.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_changed_where_nothing_has_to_be() {
        for sql in ["SELECT '?', E'\\'' -- it's\n, $$ $x ; -- a\n $$", "CREATE TABLE t (a int); -- plain"] {
            assert_eq!(statement(sql, false).as_deref(), Some(sql));
        }
    }

    #[test]
    fn lines_of_the_tool_and_expressions_become_others_of_the_same_value() {
        let is = |sql: &str, to: &str| assert_eq!(statement(sql, false).as_deref(), Some(to), "{sql}");
        is("SELECT 1 -- a\n-- rollback x ${y}\n", "SELECT 1 -- a\n-- > rollback x $ {y}\n");
        is("DO $a$\n  -- changeset '\\\n$a$", r"DO E'\n  -- changeset ''\\\n'");
        is("SELECT 'a'||$$${HOME}$$", r"SELECT 'a'||E'\x24{HOME}'");
        is("SELECT 'a\\''${b}'", r"SELECT E'a\\''\x24{b}'");
        is(r"SELECT E'\'${b}'", r"SELECT E'\'\x24{b}'");
        is("SELECT 1 /*\n--comment x\n*/ + 2", "SELECT 1   + 2");
        is("SELECT a ? 'b'", "DO $once0$ BEGIN EXECUTE $text0$SELECT a ? 'b'$text0$; END $once0$");
    }

    #[test]
    fn what_cannot_be_passed_on_is_refused() {
        assert_eq!(statement("CREATE INDEX CONCURRENTLY i ON t ((a ? 'b'))", true), None);
        assert_eq!(statement("SELECT \"${HOME}\"", false), None);
        assert_eq!(statement("SELECT 1\n- comment x", false), None);
        assert_eq!(as_it_is("SELECT '${x}'"), None);
        assert_eq!(as_it_is("SELECT '\n--rollback'"), None);
        assert_eq!(as_it_is("SELECT '?', '$x'").as_deref(), Some("SELECT '?', '$x'"));
    }
}
