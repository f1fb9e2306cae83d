//! `CREATE FUNCTION` and `CREATE PROCEDURE`, and the bodies of functions and of `DO`.

use super::collect::Collector;
use super::{Facts, expr, extension};
use crate::classify::classify;
use crate::cursor::{Chain, Cursor, dollar_inner, ident, string};
use crate::lex::{Lexer, Token, TokenKind};
use crate::statement::{Class, Name, ObjectWord, Space};

/// The parameters of a routine: `[mode] [name] type [DEFAULT expression]`.
pub(crate) fn parameters(out: &mut Collector, list: Cursor<'_>) {
    for mut item in list.items() {
        // A mode can be a type or a name only where nothing follows it that would be one.
        while item.is_any(&["in", "out", "inout", "variadic"]) && item.kind(1).is_some_and(TokenKind::is_name) {
            item.at += 1;
        }
        let mut second = item;
        let first = second.chain();
        let named = second.kind(0).is_some_and(TokenKind::is_name)
            && !second.is_any(&["default", "order", "precision", "varying"]);
        if named && first.is_some_and(|f| f.len() == 1) {
            item = second;
        }
        expr::type_name(out, &mut item);
        expr::scan(out, item.rest());
    }
}

/// The language and the body of a routine, as far as they are written.
#[derive(Default)]
struct Body {
    language: Option<String>,
    text: Option<Token>,
}

/// `CREATE [OR REPLACE] FUNCTION|PROCEDURE`, with the reader behind the name.
pub(crate) fn create_routine(
    facts: &mut Facts,
    out: &mut Collector,
    chain: &Chain<'_>,
    mut cur: Cursor<'_>,
    check_bodies: bool,
) {
    facts.creates.push(chain.name(Space::Routine));
    if let Some(list) = cur.parens() {
        parameters(out, list);
    }
    let mut body = Body::default();
    while !cur.done() {
        if cur.eat(&["returns", "table"]) {
            if let Some(list) = cur.parens() {
                parameters(out, list);
            }
        } else if cur.eat(&["returns"]) {
            expr::type_name(out, &mut cur);
        } else if cur.eat(&["language"]) {
            if let Some(token) = cur.token(0) {
                let name = if token.kind.is_string() { string(cur.text, token) } else { ident(cur.text, token) };
                let name = name.to_ascii_lowercase();
                if !matches!(name.as_str(), "sql" | "plpgsql" | "c" | "internal") {
                    out.refers.push(Name { schema: None, name: name.clone(), space: Space::Other });
                }
                body.language = Some(name);
                cur.at += 1;
            }
        } else if cur.eat(&["support"]) {
            if let Some(function) = cur.chain() {
                out.add(&function, Space::Routine);
            }
        } else if cur.eat(&["for", "type"]) {
            expr::type_name(out, &mut cur);
        } else if cur.is("begin") || cur.is("return") {
            // `BEGIN ATOMIC` or `RETURN expression`: the server reads it now, whatever the settings.
            expr::scan(out, cur.rest());
            break;
        } else if cur.eat(&["as"]) {
            body.text = cur.token(0).filter(|t| t.kind.is_string());
            cur.at += 1;
        } else {
            cur.step();
        }
    }
    let Some(token) = body.text.filter(|_| check_bodies) else { return };
    let mut inside = Collector::default();
    match body.language.as_deref() {
        Some("sql") => with_body(cur.text, token, |body| expr::scan(&mut inside, body)),
        Some("plpgsql") => with_body(cur.text, token, |body| declarations(&mut inside, body)),
        _ => return,
    }
    facts.body_refers = inside.finish();
}

/// Reads the text inside a string as tokens.
fn with_body(text: &str, token: Token, read: impl FnOnce(Cursor<'_>)) {
    let owned;
    let inner = if token.kind == TokenKind::DollarString {
        dollar_inner(text, token)
    } else {
        owned = string(text, token);
        &owned
    };
    let toks: Vec<Token> = Lexer::new(inner).filter(|t| !t.kind.is_trivia()).collect();
    read(Cursor::new(inner, &toks));
}

/// What the server looks up when it takes a PL/pgSQL function: the types of its variables (manual, 41.3
/// "Declarations"). Its statements are looked at when they run.
fn declarations(out: &mut Collector, mut cur: Cursor<'_>) {
    while cur.seek(&["declare"]) {
        cur.at += 1;
        while !cur.done() && !cur.is("begin") {
            cur.at += 1;
            cur.eat_all(&["constant"]);
            if !cur.is_any(&["cursor", "alias", "no", "scroll"]) {
                expr::type_name(out, &mut cur);
            }
            while !cur.done() && !cur.eat_kind(TokenKind::Semicolon) {
                cur.step();
            }
        }
    }
}

/// `DO`: what its block seems to make, and what it names. A block that makes a type unless it is there is common.
pub(crate) fn block(facts: &mut Facts, out: &mut Collector, cur: Cursor<'_>) {
    let Some(token) = cur.toks.iter().find(|t| t.kind.is_string()).copied() else { return };
    with_body(cur.text, token, |mut body| {
        expr::scan(out, body);
        while body.seek(&["create"]) {
            let mut statement = body.rest();
            if let Class::Create(word) = classify(&mut statement)
                && let Some(name) = statement.chain()
            {
                match word.space() {
                    Space::Other if word == ObjectWord::Extension => {
                        facts.creates.extend(extension::makes(&name.last(), None));
                    }
                    space @ (Space::Schema | Space::Type | Space::Routine) => facts.creates.push(name.name(space)),
                    Space::Relation => {
                        facts.creates.extend([name.name(Space::Relation), name.name(Space::Type)]);
                    }
                    _ => {}
                }
            }
            body.at += 1;
        }
    });
}
