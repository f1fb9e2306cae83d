//! The form in which two texts are held against each other: their words, so that case, quoting, space and comments are no difference.

use super::lex::{Tok, TokKind, keyword, toks};
use super::quote::literal;

/// The words of a text as they are compared: names without quotes and in lower case; strings and numbers as they are.
#[must_use]
pub fn words(text: &str) -> Vec<String> {
    toks(text).iter().map(|t| t.word(text)).collect()
}

/// The words of a text for which it is known what names there are. Where a value can stand, SQLite takes what stands in double quotes and is
/// the name of nothing for a string (manual, "Quirks, Caveats, and Gotchas", 8), and writes it in single quotes when it
/// renames or drops a column anywhere in the schema (found by trial on 3.54). So such a string is one here, whichever quotes it
/// has, and keeps its case. `is_name` is asked in lower case.
#[must_use]
pub fn words_among(text: &str, is_name: &dyn Fn(&str) -> bool) -> Vec<String> {
    let list = toks(text);
    (0..list.len()).map(|n| word_among(text, &list, n, is_name)).collect()
}

/// The word at a place of a list of tokens; see [`words_among`].
#[must_use]
pub fn word_among(text: &str, list: &[Tok], n: usize, is_name: &dyn Fn(&str) -> bool) -> String {
    let tok = &list[n];
    let is_doubled = tok.kind == TokKind::Quoted && tok.text(text).starts_with('"');
    let before = n.checked_sub(1).and_then(|m| list.get(m));
    let is_qualified = list.get(n + 1).is_some_and(|t| matches!(t.kind, TokKind::Dot | TokKind::Open));
    if is_doubled && !is_qualified && before.is_some_and(|t| leads_to_value(text, t)) {
        let name = tok.name(text).unwrap_or_default();
        if !is_name(&name.to_ascii_lowercase()) {
            return literal(&name);
        }
    }
    tok.word(text)
}

/// Keywords behind which a value can stand.
const LEAD: &[&str] = &[
    "all",
    "and",
    "between",
    "case",
    "distinct",
    "else",
    "escape",
    "glob",
    "having",
    "in",
    "is",
    "like",
    "limit",
    "match",
    "not",
    "offset",
    "on",
    "or",
    "regexp",
    "returning",
    "select",
    "then",
    "values",
    "when",
    "where",
];

fn leads_to_value(text: &str, tok: &Tok) -> bool {
    match tok.kind {
        TokKind::Sign | TokKind::Open | TokKind::Comma => true,
        TokKind::Word => LEAD.contains(&keyword(Some(tok), text).as_str()),
        TokKind::Quoted
        | TokKind::Text
        | TokKind::Blob
        | TokKind::Number
        | TokKind::Parameter
        | TokKind::Close
        | TokKind::Semicolon
        | TokKind::Dot => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_do_not_tell_how_a_text_is_written() {
        let same = |a: &str, b: &str| assert_eq!(words(a), words(b), "{a} | {b}");
        same("CREATE TABLE \"t\" ( A int /* x */ )", "create table [T](a INT) -- y");
        same("a||b", "a || b");
        same("`weird name`", "\"Weird Name\"");
        assert_ne!(words("'A'"), words("'a'"));
        assert_ne!(words("\"a b\""), words("a b"));
        assert_ne!(words("'a'"), words("a"));
    }

    #[test]
    fn strings_in_double_quotes_are_strings() {
        let among = |text: &str| words_among(text, &|name| name == "a").join(" ");
        assert_eq!(
            among("CHECK (\"A\" <> \"No\" OR x IN (\"A\", \"It's\"))"),
            among("CHECK (a <> 'No' OR x IN (a, 'It''s'))")
        );
        assert_ne!(among("CHECK (a <> \"No\")"), among("CHECK (a <> \"no\")"));
        // Here no value can stand.
        assert_eq!(among("SELECT a AS \"No\", \"X\".b FROM \"Y\""), "select a as no , x . b from y");
        assert_eq!(among("SELECT [No], `No`, \"f\"(a)"), "select no , no , f ( a )");
    }
}
