//! A statement taken apart into operations, by its tokens. What is not understood stays an action without an operation.

mod alter;
mod other;

use super::Op;
use std::collections::BTreeSet;
use underpin_sql::{Cursor, Lexer, Name, Space, Token, TokenKind, ident};

/// What a statement says beside names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Say {
    /// `NOT VALID`.
    NotValid,
    /// `NOT ENFORCED`.
    NotEnforced,
    /// `ENFORCED`.
    Enforced,
    /// `CASCADE`.
    Cascade,
    /// A default other than NULL.
    Default,
    /// `GENERATED … STORED`, or not said before there was anything else.
    Stored,
    /// `GENERATED AS IDENTITY`, `serial`.
    Identity,
    /// The constraint is a part of a column that the same statement adds.
    OfNewColumn,
    /// `PRIMARY KEY`.
    PrimaryKey,
    /// `DEFERRABLE`.
    Deferrable,
    /// A parameter whose change takes the strongest lock.
    StrictParameter,
    /// Off: `WITH NO DATA`, `UNLOGGED`, `RESTART`, as the operation has it.
    Other,
}

/// One thing that a statement does.
#[derive(Debug, Clone, Default)]
pub(crate) struct Action {
    /// What; none where it is not known.
    pub op: Option<Op>,
    /// The relation that it is done to.
    pub relation: Option<Name>,
    /// Whether heirs are left out: `ONLY`.
    pub only: bool,
    /// The column, constraint, trigger or other part that it is about.
    pub name: String,
    /// Other relations that it names: referenced, attached, indexes.
    pub others: Vec<Name>,
    /// Columns that it names.
    pub columns: Vec<String>,
    /// The type that it names, as written.
    pub type_name: String,
    /// The word that tells what kind of object or lock it is about.
    pub word: String,
    /// The collation that it names, its last part.
    pub collation: String,
    /// The expression: a default, or how values are converted.
    pub expression: String,
    /// The bound of a partition, as written.
    pub bound: String,
    /// What else it says.
    pub says: BTreeSet<Say>,
}

impl Action {
    fn new(op: Op, relation: Option<Name>) -> Self {
        Self { op: Some(op), relation, ..Self::default() }
    }

    fn unknown(relation: Option<Name>, others: Vec<Name>) -> Self {
        Self { relation, others, ..Self::default() }
    }

    fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    fn say(mut self, say: Say, said: bool) -> Self {
        if said {
            self.says.insert(say);
        }
        self
    }

    fn with(mut self, others: impl IntoIterator<Item = Name>) -> Self {
        self.others.extend(others);
        self
    }

    /// Whether it says so.
    pub fn says(&self, say: Say) -> bool {
        self.says.contains(&say)
    }
}

/// Takes a statement apart.
pub(crate) fn read(sql: &str) -> Vec<Action> {
    let tokens: Vec<Token> =
        Lexer::new(sql).filter(|t| !t.kind.is_trivia() && t.kind != TokenKind::Semicolon).collect();
    let mut cur = Cursor::new(sql, &tokens);
    if cur.eat(&["ALTER", "TABLE"]) || cur.eat(&["ALTER", "FOREIGN", "TABLE"]) {
        return alter::table(&mut cur);
    }
    other::statement(&mut cur)
}

/// Names of functions that the tokens call.
pub(crate) fn calls(sql: &str) -> Vec<String> {
    let tokens: Vec<Token> = Lexer::new(sql).filter(|t| !t.kind.is_trivia()).collect();
    let pairs = tokens.windows(2).filter(|p| p[0].kind.is_name() && p[1].kind == TokenKind::OpenParen);
    pairs.map(|p| ident(sql, p[0])).collect()
}

/// The name of a relation here.
fn relation(cur: &mut Cursor<'_>) -> Option<Name> {
    cur.chain().map(|c| c.name(Space::Relation))
}

/// `IF EXISTS`, `IF NOT EXISTS`.
fn skip_if(cur: &mut Cursor<'_>) {
    let _ = cur.eat(&["IF", "NOT", "EXISTS"]) || cur.eat(&["IF", "EXISTS"]);
}

/// A single name here.
fn word(cur: &mut Cursor<'_>) -> String {
    cur.chain().map(|c| c.last()).unwrap_or_default()
}

/// The text of what the cursor has left.
fn text(cur: &Cursor<'_>) -> String {
    let rest = cur.rest();
    match (rest.toks.first(), rest.toks.last()) {
        (Some(first), Some(last)) => cur.text[first.start..last.end].to_owned(),
        _ => String::new(),
    }
}

/// The text up to the first of these words outside parentheses, or to the end.
fn text_until(cur: &mut Cursor<'_>, words: &[&str]) -> String {
    let start = cur.at;
    cur.seek(words);
    let taken = Cursor::new(cur.text, &cur.toks[start..cur.at.min(cur.toks.len())]);
    text(&taken)
}

/// Whether the words stand one after the other anywhere in what is left.
fn has(cur: &Cursor<'_>, words: &[&str]) -> bool {
    let mut rest = cur.rest();
    while !rest.done() {
        if rest.clone().eat(words) {
            return true;
        }
        rest.at += 1;
    }
    false
}

/// The names in parentheses here.
fn columns(cur: &mut Cursor<'_>) -> Vec<String> {
    cur.parens()
        .map_or_else(Vec::new, |list| list.items().filter_map(|mut item| item.chain().map(|c| c.last())).collect())
}

/// Every name of what is left that may be a relation's.
fn names(cur: &Cursor<'_>) -> Vec<Name> {
    let mut rest = cur.rest();
    let mut found = Vec::new();
    while !rest.done() {
        match rest.chain() {
            Some(chain) => found.push(chain.name(Space::Relation)),
            None => rest.at += 1,
        }
    }
    found
}

/// What makes a constraint weaker or late, behind it.
fn traits(mut action: Action, cur: &Cursor<'_>) -> Action {
    let enforced = has(cur, &["ENFORCED"]) && !has(cur, &["NOT", "ENFORCED"]);
    action = action.say(Say::NotValid, has(cur, &["NOT", "VALID"]));
    action = action.say(Say::NotEnforced, has(cur, &["NOT", "ENFORCED"]));
    action = action.say(Say::Enforced, enforced);
    action.say(Say::Deferrable, has(cur, &["DEFERRABLE"]) && !has(cur, &["NOT", "DEFERRABLE"]))
}
