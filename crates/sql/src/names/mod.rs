//! What a statement makes, changes and names, read off its tokens alone.
//!
//! It serves the order of statements only, and only names that another statement makes count there. So it may name too
//! much, as long as that does not turn round an order that was right: a bare word in an expression is a column, not
//! the relation of that name.

mod change;
pub(crate) mod collect;
mod expr;
mod extension;
mod routine;
mod table;

use collect::Collector;
pub(crate) use table::{Element, ElementKind};

use crate::classify::{self, Kind};
use crate::cursor::{Chain, Cursor, ident};
use crate::lex::TokenKind;
use crate::statement::{Class, Name, ObjectWord, Space};

/// What was read off one statement. The fields are those of [`crate::Statement`].
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub creates: Vec<Name>,
    pub extends: Vec<Name>,
    pub alters: Vec<Name>,
    pub drops: Vec<Name>,
    pub refers: Vec<Name>,
    pub body_refers: Vec<Name>,
    pub elements: Vec<Element>,
}

/// Every set a name may stand in where the grammar does not tell.
const ANY: &[Space] = &[Space::Relation, Space::Type, Space::Routine, Space::Other];

/// Takes down every name between here and the end, in every set.
fn generous(out: &mut Collector, mut cur: Cursor<'_>) {
    while !cur.done() {
        match cur.chain() {
            Some(chain) => out.add_each(&chain, ANY),
            None => {
                if let Some(op) = cur.token(0).filter(|t| t.kind == TokenKind::Operator) {
                    out.refers.push(Name { schema: None, name: op.text(cur.text).to_owned(), space: Space::Other });
                }
                cur.at += 1;
            }
        }
    }
}

/// Reads the facts off a statement. `cur` stands where [`classify::classify`] left it; `check_bodies` says whether the
/// server looks into the bodies of functions at this point of the file.
pub(crate) fn facts(class: &Class, mut cur: Cursor<'_>, check_bodies: bool) -> Facts {
    let mut facts = Facts::default();
    let mut out = Collector::default();
    match class {
        Class::Create(word) => create(&mut facts, &mut out, *word, cur, check_bodies),
        Class::Alter(word) => change::alter(&mut facts, &mut out, *word, cur),
        Class::Drop => change::drop_objects(&mut facts, cur),
        Class::Comment | Class::SecurityLabel => {
            if cur.seek(&["on"]) {
                cur.at += 1;
                about(&mut out, &mut cur);
            }
        }
        Class::Grant | Class::Revoke => grant(&mut out, cur),
        Class::AlterDefaultPrivileges => {
            if cur.eat(&["in", "schema"]) || (cur.seek(&["in"]) && cur.eat(&["in", "schema"])) {
                names(&mut out, &mut cur, Space::Schema);
            }
        }
        Class::Do => routine::block(&mut facts, &mut out, cur),
        Class::Dml => {
            cur.at = 0;
            if cur.is_any(&["copy", "truncate", "lock", "analyze", "vacuum", "refresh", "cluster", "reindex"]) {
                cur.at += 1;
                generous(&mut out, cur);
            } else {
                expr::scan(&mut out, cur);
            }
        }
        Class::Unknown => generous(&mut out, cur),
        Class::Set { .. }
        | Class::SelectSetConfigSearchPath { .. }
        | Class::Transaction
        | Class::Role
        | Class::Database
        | Class::ReassignOwned => {}
    }
    facts.refers = out.finish();
    facts
}

fn create(facts: &mut Facts, out: &mut Collector, word: ObjectWord, mut cur: Cursor<'_>, check_bodies: bool) {
    use ObjectWord as O;
    match word {
        O::Index => return create_index(facts, out, cur),
        O::Trigger | O::Policy | O::Rule => return create_part(facts, out, cur),
        O::Cast | O::Transform | O::UserMapping => return generous(out, cur),
        O::Operator | O::OperatorClass | O::OperatorFamily => return create_operator(facts, out, cur),
        _ => {}
    }
    let Some(chain) = cur.chain() else { return };
    match word {
        O::Table | O::ForeignTable => table::create_table(facts, out, &chain, cur),
        O::Type => table::create_type(facts, out, &chain, cur),
        O::Function | O::Procedure => routine::create_routine(facts, out, &chain, cur, check_bodies),
        O::View | O::MaterializedView => {
            let view = chain.name(Space::Relation);
            facts.creates.extend([Name { space: Space::Type, ..view.clone() }, view]);
            if cur.seek(&["as"]) {
                expr::scan(out, cur.rest());
            }
        }
        O::Sequence => {
            facts.creates.push(chain.name(Space::Relation));
            owned_by(out, cur);
        }
        O::Domain => {
            facts.creates.push(chain.name(Space::Type));
            cur.eat(&["as"]);
            expr::type_name(out, &mut cur);
            expr::scan(out, cur.rest());
        }
        O::Aggregate => {
            facts.creates.push(chain.name(Space::Routine));
            if let Some(list) = cur.parens() {
                routine::parameters(out, list);
            }
            generous(out, cur);
        }
        O::Schema => {
            // `CREATE SCHEMA AUTHORIZATION role` takes the role's name.
            let name = if chain.bare().is_some_and(|w| w.eq_ignore_ascii_case("authorization")) {
                cur.chain().unwrap_or(chain)
            } else {
                chain
            };
            facts.creates.push(name.name(Space::Schema));
        }
        O::Extension => {
            let schema = if cur.seek(&["schema"]) { cur.token(1).map(|t| ident(cur.text, t)) } else { None };
            let name = chain.last();
            facts.creates = extension::makes(&name, schema.as_deref());
            out.refers.extend(extension::requires(&name));
            out.refers.extend(schema.map(|s| Name { schema: None, name: s, space: Space::Schema }));
        }
        _ => {
            facts.creates.push(chain.name(Space::Other));
            let mut schemas = cur;
            if word == O::Publication && schemas.seek(&["schema"]) {
                // `FOR TABLES IN SCHEMA a, b`, perhaps with tables before or behind.
                schemas.at += 1;
                names(out, &mut schemas, Space::Schema);
            }
            generous(out, cur);
        }
    }
}

fn owned_by(out: &mut Collector, mut cur: Cursor<'_>) {
    while cur.seek(&["owned"]) {
        cur.at += 1;
        if cur.eat(&["by"])
            && let Some(table) = cur.chain().and_then(Chain::parent)
        {
            out.add(&table, Space::Relation);
        }
    }
}

fn create_index(facts: &mut Facts, out: &mut Collector, mut cur: Cursor<'_>) {
    let unique = cur.toks[..cur.at].iter().any(|t| t.text(cur.text).eq_ignore_ascii_case("unique"));
    let name = if cur.is("on") { None } else { cur.chain() };
    if !cur.eat(&["on"]) {
        return;
    }
    cur.eat(&["only"]);
    let Some(table) = cur.chain() else { return };
    out.add(&table, Space::Relation);
    let table = table.name(Space::Relation);
    if unique {
        facts.extends.push(Name { space: Space::Key, ..table.clone() });
    }
    if let Some(name) = name {
        // An index stands in the schema of its table.
        facts.creates.push(Name { schema: table.schema, ..name.name(Space::Relation) });
    }
    if cur.eat(&["using"])
        && let Some(method) = cur.chain()
    {
        out.add(&method, Space::Other);
    }
    expr::scan(out, cur.rest());
    if let Some(mut columns) = cur.parens() {
        // A word behind a column or an expression is its operator class.
        while !columns.done() {
            match columns.chain() {
                Some(word) => out.add(&word, Space::Other),
                None => columns.at += 1,
            }
        }
    }
}

/// A trigger, policy or rule: a name that stands below a relation.
fn create_part(facts: &mut Facts, out: &mut Collector, mut cur: Cursor<'_>) {
    let Some(name) = cur.chain() else { return };
    let rule = cur.is("as");
    // `CREATE RULE r AS ON SELECT TO t`; a trigger's `UPDATE OF a ON t`.
    if !cur.seek(if rule { &["to"] } else { &["on"] }) {
        return;
    }
    cur.at += 1;
    let Some(relation) = cur.chain() else { return };
    out.add(&relation, Space::Relation);
    facts.creates.push(table::part(&relation.name(Space::Relation), &name.last()));
    expr::scan(out, cur.rest());
}

/// An operator, or a class or family of them: the name may be of operator characters behind a schema.
fn create_operator(facts: &mut Facts, out: &mut Collector, mut cur: Cursor<'_>) {
    if let Some(name) = operator_name(&mut cur) {
        facts.creates.push(name);
    }
    generous(out, cur);
}

fn operator_name(cur: &mut Cursor<'_>) -> Option<Name> {
    let chain = cur.chain();
    let qualified = chain.is_some() && cur.eat_kind(TokenKind::Dot);
    if (chain.is_none() || qualified)
        && let Some(op) = cur.token(0).filter(|t| t.kind == TokenKind::Operator)
    {
        cur.at += 1;
        let name = op.text(cur.text).to_owned();
        return Some(Name { schema: chain.map(|c| c.last()), name, space: Space::Other });
    }
    chain.map(|c| c.name(Space::Other))
}

/// Names with commas between, all in `space`; the arguments of routines are types.
fn names(out: &mut Collector, cur: &mut Cursor<'_>, space: Space) {
    loop {
        cur.eat(&["only"]);
        let Some(chain) = cur.chain() else { return };
        out.add(&chain, space);
        if let Some(arguments) = cur.parens() {
            routine::parameters(out, arguments);
        }
        if !cur.eat_kind(TokenKind::Comma) {
            return;
        }
    }
}

/// The object of a `COMMENT ON` or `SECURITY LABEL … ON`, with the reader behind the `ON`.
fn about(out: &mut Collector, cur: &mut Cursor<'_>) {
    if cur.eat(&["column"]) {
        if let Some(relation) = cur.chain().and_then(Chain::parent) {
            out.add_each(&relation, &[Space::Relation, Space::Type]);
        }
        return;
    }
    let found = if cur.eat(&["constraint"]) { Kind::Object(ObjectWord::Policy) } else { classify::kind(cur) };
    match found {
        Kind::Object(ObjectWord::Trigger | ObjectWord::Policy | ObjectWord::Rule) => {
            let Some(name) = cur.chain() else { return };
            if cur.eat(&["on"]) {
                let domain = cur.eat(&["domain"]);
                let Some(relation) = cur.chain() else { return };
                out.add(&relation, if domain { Space::Type } else { Space::Relation });
                out.refers.push(table::part(&relation.name(Space::Relation), &name.last()));
            }
        }
        Kind::Object(ObjectWord::Operator | ObjectWord::OperatorClass | ObjectWord::OperatorFamily) => {
            out.refers.extend(operator_name(cur));
        }
        Kind::Object(ObjectWord::Cast | ObjectWord::Transform) => generous(out, cur.rest()),
        Kind::Object(word) => {
            let Some(chain) = cur.chain() else { return };
            out.add(&chain, word.space());
            if let Some(arguments) = cur.parens() {
                routine::parameters(out, arguments);
            }
        }
        Kind::Role | Kind::Database | Kind::DefaultPrivileges | Kind::None => {}
    }
}

/// `GRANT` and `REVOKE`, behind that word. Without `ON` it is about roles.
fn grant(out: &mut Collector, mut cur: Cursor<'_>) {
    if !cur.seek(&["on"]) {
        return;
    }
    cur.at += 1;
    if cur.eat(&["all"]) {
        if cur.seek(&["schema"]) {
            cur.at += 1;
            names(out, &mut cur, Space::Schema);
        }
        return;
    }
    match classify::kind(&mut cur) {
        Kind::Object(word) => names(out, &mut cur, word.space()),
        Kind::Database => {}
        _ => names(out, &mut cur, Space::Relation),
    }
}

#[cfg(test)]
mod tests;
