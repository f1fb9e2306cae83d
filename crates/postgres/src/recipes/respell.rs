//! Column names in what the server prints, put in place of others. Only names that can be columns are touched: not those of
//! functions, types, schemas or keywords' lists; the proof would tell where that was wrong.

use std::collections::HashMap;
use underpin_sql::{Lexer, TokenKind, quote};

/// Other names for columns, both unquoted.
pub(super) type Names = HashMap<String, String>;

/// The text with other names for columns of one table.
pub(super) fn respelled(text: &str, names: &Names) -> String {
    let tokens: Vec<_> = Lexer::new(text).collect();
    let solid: Vec<usize> = (0..tokens.len()).filter(|n| !tokens[*n].kind.is_trivia()).collect();
    let mut out = String::with_capacity(text.len());
    let mut end = 0;
    for (place, n) in solid.iter().enumerate() {
        let token = &tokens[*n];
        let near = |step: isize| -> &str {
            let at = place.checked_add_signed(step);
            at.and_then(|at| solid.get(at)).map_or("", |m| tokens[*m].text(text))
        };
        if !matches!(token.kind, TokenKind::Word | TokenKind::QuotedIdent) {
            continue;
        }
        let unquoted = underpin_sql::ident(text, *token);
        // A column stands after no dot and no cast, and before no dot and no list of arguments.
        let is_column = !matches!(near(-1), "." | "::" | "COLLATE") && !matches!(near(1), "." | "(");
        if let Some(new) = names.get(&unquoted).filter(|_| is_column) {
            out.push_str(&text[end..token.start]);
            out.push_str(&quote::ident(new));
            end = token.end;
        }
    }
    out.push_str(&text[end..]);
    out
}

/// A foreign key's clause with other names for its own columns and for those that it refers to.
pub(super) fn respelled_foreign_key(text: &str, own: &Names, referred: &Names) -> String {
    let Some((head, tail)) = text.split_once(" REFERENCES ") else { return respelled(text, own) };
    let Some(open) = list_start(tail) else { return format!("{} REFERENCES {tail}", in_lists(head, own)) };
    let Some(close) = tail[open..].find(')').map(|n| n + open) else { return text.to_owned() };
    // What follows may name own columns again: ON DELETE SET NULL (a).
    format!(
        "{} REFERENCES {}{}{}",
        in_lists(head, own),
        &tail[..open],
        in_lists(&tail[open..=close], referred),
        in_lists(&tail[close + 1..], own)
    )
}

/// Where the first list in parentheses begins, outside quotes.
fn list_start(text: &str) -> Option<usize> {
    let mut quoted = false;
    text.char_indices().find_map(|(at, c)| {
        quoted ^= c == '"';
        (c == '(' && !quoted).then_some(at)
    })
}

/// Names only where lists in parentheses hold them: outside are keywords.
fn in_lists(text: &str, names: &Names) -> String {
    let Some(open) = list_start(text) else { return text.to_owned() };
    format!("{}{}", &text[..open], respelled(&text[open..], names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_columns_are_respelled() {
        let names: Names = [("a".to_owned(), "b".to_owned()), ("Date".to_owned(), "x y".to_owned())].into();
        assert_eq!(respelled("btree (a, lower(a), \"Date\" DESC)", &names), "btree (b, lower(b), \"x y\" DESC)");
        assert_eq!(respelled("CHECK ((a > a(1)) AND 'a'::a = s.a)", &names), "CHECK ((b > a(1)) AND 'a'::a = s.a)");
        assert_eq!(
            respelled_foreign_key("FOREIGN KEY (a, k) REFERENCES a.a(a) ON DELETE SET NULL (a)", &names, &Names::new()),
            "FOREIGN KEY (b, k) REFERENCES a.a(a) ON DELETE SET NULL (b)"
        );
    }
}
