//! `CREATE TABLE`, `CREATE FOREIGN TABLE` and `CREATE TYPE`: the parts between the parentheses, and what each names.

use super::collect::Collector;
use super::{Facts, expr};
use crate::cursor::{Chain, Cursor, ident, string};
use crate::lex::TokenKind;
use crate::statement::{Name, Space};

/// A part of a table or type that a hint can be about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Element {
    pub what: ElementKind,
    /// The first byte, and the byte behind the last token.
    pub start: usize,
    pub end: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ElementKind {
    Column(String),
    Constraint(String),
    EnumValue(String),
    /// A constraint without a name, or `LIKE`.
    Unnamed,
}

fn element(item: &Cursor<'_>, what: ElementKind) -> Option<Element> {
    Some(Element { what, start: item.toks.first()?.start, end: item.toks.last()?.end })
}

/// Whether a part begins as a constraint of the table rather than as a column.
fn is_constraint(cur: &Cursor<'_>) -> bool {
    cur.is_any(&["primary", "unique", "check", "foreign", "like"])
        || (cur.is("exclude") && (cur.is_at(1, "using") || cur.kind(1) == Some(TokenKind::OpenParen)))
        || (cur.is("not") && cur.is_at(1, "null"))
}

/// One column: a name, a type where one is written, then clauses.
fn column(out: &mut Collector, mut cur: Cursor<'_>) {
    cur.at += 1;
    let clause = ["default", "not", "null", "primary", "unique", "check", "references", "generated", "constraint"];
    let no_type = cur.is_any(&clause) || cur.is("collate") || (cur.is("with") && cur.is_at(1, "options"));
    if !no_type {
        expr::type_name(out, &mut cur);
    }
    expr::scan(out, cur.rest());
}

/// The sequence that a serial or identity column makes: `table_column_seq` beside its table, unless another name is
/// written. One that the server would have to shorten or number is not told (manual, 8.1.4 and CREATE TABLE).
fn sequence(table: &Name, column: &str, mut cur: Cursor<'_>) -> Option<Name> {
    cur.at += 1;
    let serials = ["serial", "bigserial", "smallserial", "serial4", "serial8", "serial2"];
    let makes = cur.is_any(&serials) || {
        let mut rest = cur;
        rest.seek(&["identity"]) && before_as(rest)
    };
    let name = format!("{}_{column}_seq", table.name);
    (makes && name.len() < 64).then(|| Name { schema: table.schema.clone(), name, space: Space::Relation })
}

/// `AS IDENTITY` without a `SEQUENCE NAME`.
fn before_as(mut cur: Cursor<'_>) -> bool {
    let as_identity = cur.at > 0 && Cursor { at: cur.at - 1, ..cur }.is("as");
    cur.at += 1;
    as_identity && !cur.parens().is_some_and(|mut options| options.seek(&["name"]))
}

/// Whether a key stands among the tokens: `PRIMARY KEY` or `UNIQUE`, of the column or of the table.
fn has_key(item: &Cursor<'_>) -> bool {
    let mut cur = *item;
    while !cur.done() {
        if cur.is("unique") || (cur.is("primary") && cur.is_at(1, "key")) {
            return true;
        }
        cur.step();
    }
    false
}

/// The parts of a table: columns, constraints and `LIKE`.
fn elements(facts: &mut Facts, out: &mut Collector, table: &Name, body: Cursor<'_>) {
    let mut key = false;
    for item in body.items() {
        let mut cur = item;
        key |= has_key(&item);
        let what = if cur.eat(&["constraint"]) {
            let name = cur.token(0).filter(|t| t.kind.is_name()).map(|t| ident(cur.text, t)).unwrap_or_default();
            cur.at += 1;
            if cur.is_any(&["primary", "unique", "exclude"]) {
                // It makes an index of its name, in the schema of the table.
                facts.creates.push(Name { schema: table.schema.clone(), name: name.clone(), space: Space::Relation });
            }
            facts.creates.push(part(table, &name));
            expr::scan(out, cur.rest());
            ElementKind::Constraint(name)
        } else if is_constraint(&cur) {
            if cur.eat(&["like"]) {
                if let Some(like) = cur.chain() {
                    out.add(&like, Space::Relation);
                }
            } else {
                expr::scan(out, cur);
            }
            ElementKind::Unnamed
        } else {
            let Some(name) = cur.token(0).filter(|t| t.kind.is_name()) else { continue };
            column(out, cur);
            let name = ident(cur.text, name);
            facts.creates.extend(sequence(table, &name, cur));
            ElementKind::Column(name)
        };
        facts.elements.extend(element(&item, what));
    }
    if key {
        facts.extends.push(Name { space: Space::Key, ..table.clone() });
    }
}

/// A part of a relation: a trigger, policy, rule or constraint.
pub(crate) fn part(relation: &Name, name: &str) -> Name {
    let name = format!("{}.{name}", relation.name);
    Name { schema: relation.schema.clone(), name, space: Space::Part }
}

/// `CREATE [FOREIGN] TABLE`, with the reader behind the name.
pub(crate) fn create_table(facts: &mut Facts, out: &mut Collector, chain: &Chain<'_>, mut cur: Cursor<'_>) {
    let table = chain.name(Space::Relation);
    facts.creates.push(Name { space: Space::Type, ..table.clone() });
    facts.creates.push(table.clone());
    if cur.eat(&["partition", "of"]) {
        if let Some(parent) = cur.chain() {
            out.add(&parent, Space::Relation);
        }
    } else if cur.eat(&["of"])
        && let Some(of) = cur.chain()
    {
        out.add(&of, Space::Type);
    }
    if let Some(body) = cur.parens() {
        elements(facts, out, &table, body);
    }
    while !cur.done() {
        if cur.eat(&["inherits"]) {
            for mut parent in cur.parens().into_iter().flat_map(Cursor::items) {
                if let Some(parent) = parent.chain() {
                    out.add(&parent, Space::Relation);
                }
            }
        } else if cur.eat(&["server"]) || cur.eat(&["using"]) {
            if let Some(other) = cur.chain() {
                out.add(&other, Space::Other);
            }
        } else if cur.eat(&["partition", "by"]) {
            cur.at += 1;
            if let Some(by) = cur.parens() {
                expr::scan(out, by);
            }
        } else if cur.is("as") {
            // CREATE TABLE AS: the query, up to `WITH [NO] DATA`.
            expr::scan(out, cur.rest());
            return;
        } else {
            cur.step();
        }
    }
}

/// `CREATE TYPE`, with the reader behind the name.
pub(crate) fn create_type(facts: &mut Facts, out: &mut Collector, chain: &Chain<'_>, mut cur: Cursor<'_>) {
    let name = chain.name(Space::Type);
    facts.creates.push(name.clone());
    if cur.eat(&["as", "enum"]) {
        for item in cur.parens().into_iter().flat_map(Cursor::items) {
            let value = item.toks.first().filter(|t| t.kind.is_string()).map(|t| string(item.text, *t));
            facts.elements.extend(value.and_then(|v| element(&item, ElementKind::EnumValue(v))));
        }
    } else if cur.eat(&["as", "range"]) {
        // Its constructor has its name.
        facts.creates.push(Name { space: Space::Routine, ..name });
        super::generous(out, cur.rest());
    } else if cur.eat(&["as"]) {
        for item in cur.parens().into_iter().flat_map(Cursor::items) {
            let Some(attribute) = item.toks.first().filter(|t| t.kind.is_name()) else { continue };
            column(out, item);
            facts.elements.extend(element(&item, ElementKind::Column(ident(item.text, *attribute))));
        }
    } else {
        // A base type names its functions and the type it is like; a shell type nothing.
        super::generous(out, cur.rest());
    }
}
