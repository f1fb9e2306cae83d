//! `ALTER` and `DROP`: what they change, and what they name besides.

use super::collect::Collector;
use super::{Facts, expr, generous, names, operator_name, owned_by, routine, table};
use crate::classify::{self, Kind};
use crate::cursor::{Cursor, ident};
use crate::lex::TokenKind;
use crate::statement::{Name, ObjectWord, Space};

pub(crate) fn drop_objects(facts: &mut Facts, mut cur: Cursor<'_>) {
    let mut head = Cursor { at: 1, ..cur };
    head.eat(&["procedural"]);
    let Kind::Object(word) = classify::kind(&mut head) else { return };
    let mut out = Collector::default();
    match word {
        ObjectWord::Trigger | ObjectWord::Policy | ObjectWord::Rule => {
            let name = cur.chain();
            if cur.eat(&["on"])
                && let (Some(name), Some(relation)) = (name, cur.chain())
            {
                let relation = relation.name(Space::Relation);
                out.refers.extend([table::part(&relation, &name.last()), relation]);
            }
        }
        ObjectWord::Operator | ObjectWord::OperatorClass | ObjectWord::OperatorFamily => {
            out.refers.extend(operator_name(&mut cur));
        }
        ObjectWord::Cast | ObjectWord::Transform | ObjectWord::UserMapping => {}
        _ => {
            while let Some(chain) = cur.chain() {
                out.add(&chain, word.space());
                let _ = cur.parens();
                if !cur.eat_kind(TokenKind::Comma) {
                    break;
                }
            }
        }
    }
    facts.drops = out.finish();
}

pub(crate) fn alter(facts: &mut Facts, out: &mut Collector, word: ObjectWord, mut cur: Cursor<'_>) {
    use ObjectWord as O;
    match word {
        O::Trigger | O::Policy | O::Rule => {
            let Some(name) = cur.chain() else { return };
            if cur.eat(&["on"])
                && let Some(relation) = cur.chain()
            {
                out.add(&relation, Space::Relation);
                facts.alters.push(table::part(&relation.name(Space::Relation), &name.last()));
                expr::scan(out, cur.rest());
            }
            return;
        }
        O::Operator | O::OperatorClass | O::OperatorFamily => {
            facts.alters.extend(operator_name(&mut cur));
            return generous(out, cur);
        }
        O::UserMapping | O::Other | O::Cast | O::Transform => return generous(out, cur),
        _ => {}
    }
    let if_exists = cur.toks[..cur.at].iter().rev().take(2).any(|t| t.text(cur.text).eq_ignore_ascii_case("exists"));
    let Some(chain) = cur.chain() else { return };
    let subject = chain.name(word.space());
    if if_exists && takes_only(cur) {
        // The head of `pg_dump --clean`: it stands before what makes the table and must not wait for it.
        facts.drops.push(subject);
        return;
    }
    facts.alters.push(subject.clone());
    if word.space() == Space::Routine
        && let Some(arguments) = cur.parens()
    {
        routine::parameters(out, arguments);
    }
    let mut moved = cur;
    if moved.eat(&["rename", "to"]) {
        facts.creates.extend(moved.chain().map(|new| Name { schema: subject.schema, ..new.name(word.space()) }));
        return;
    }
    if moved.eat(&["set", "schema"]) {
        if let Some(schema) = moved.chain() {
            out.add(&schema, Space::Schema);
            facts.creates.push(Name { schema: Some(schema.last()), ..subject });
        }
        return;
    }
    match word {
        O::Table | O::ForeignTable => alter_table(facts, out, &subject, cur),
        O::View | O::MaterializedView => expr::scan(out, cur),
        O::Sequence => owned_by(out, cur),
        O::Index => {
            if cur.eat(&["attach", "partition"]) {
                names(out, &mut cur, Space::Relation);
            }
        }
        O::Type | O::Domain => {
            if cur.is("add") {
                facts.extends.push(subject);
            }
            for mut action in cur.items() {
                if action.eat(&["add", "attribute"]) {
                    action.at += 1;
                    expr::type_name(out, &mut action);
                }
                expr::scan(out, action.rest());
            }
        }
        O::Function | O::Procedure | O::Aggregate | O::Schema | O::Extension => {}
        _ => generous(out, cur),
    }
}

/// An index that is named by its table: it stands in the table's schema.
fn own_index(out: &mut Collector, table: &Name, mut cur: Cursor<'_>) {
    if let Some(index) = cur.chain() {
        out.refers.push(Name { schema: table.schema.clone(), ..index.name(Space::Relation) });
    }
}

/// Whether each action takes something away: `DROP …`, `ALTER COLUMN c DROP …`.
fn takes_only(cur: Cursor<'_>) -> bool {
    cur.items().all(|mut action| {
        if action.eat(&["alter"]) {
            action.eat(&["column"]);
            action.at += 1;
        }
        action.is("drop")
    })
}

/// The actions of `ALTER TABLE`, with the reader behind its name.
fn alter_table(facts: &mut Facts, out: &mut Collector, table: &Name, cur: Cursor<'_>) {
    let mut adds_column = false;
    let mut adds_key = false;
    for mut action in cur.items() {
        if action.eat(&["add"]) {
            let constraint = action.eat(&["constraint"]);
            if constraint {
                let name = action.token(0).filter(|t| t.kind.is_name()).map(|t| ident(action.text, t));
                action.at += 1;
                if let Some(name) = name {
                    facts.extends.push(table::part(table, &name));
                    if action.is_any(&["primary", "unique", "exclude"]) {
                        facts.extends.push(Name { schema: table.schema.clone(), name, space: Space::Relation });
                    }
                }
            }
            let keyed = action.is("unique") || (action.is("primary") && action.is_at(1, "key"));
            adds_key |= keyed;
            if keyed || constraint || action.is_any(&["check", "foreign", "exclude"]) {
                let mut using = action;
                if using.seek(&["using"]) && using.eat(&["using", "index"]) {
                    own_index(out, table, using);
                }
                expr::scan(out, action.rest());
                continue;
            }
            action.eat(&["column"]);
            action.eat(&["if", "not", "exists"]);
            adds_column = true;
            let mut rest = action;
            while !rest.done() {
                adds_key |= rest.is("unique") || (rest.is("primary") && rest.is_at(1, "key"));
                rest.step();
            }
            action.at += 1;
            expr::type_name(out, &mut action);
            expr::scan(out, action.rest());
        } else if action.eat(&["alter"]) {
            action.eat(&["column"]);
            action.at += 1;
            action.eat(&["set", "data"]);
            if action.eat(&["type"]) {
                expr::type_name(out, &mut action);
            }
            expr::scan(out, action.rest());
        } else if action.eat(&["attach", "partition"])
            || action.eat(&["detach", "partition"])
            || action.eat(&["inherit"])
            || action.eat(&["no", "inherit"])
        {
            names(out, &mut action, Space::Relation);
        } else if action.eat(&["cluster", "on"]) || action.eat(&["replica", "identity", "using", "index"]) {
            own_index(out, table, action);
        } else if action.eat(&["of"]) {
            names(out, &mut action, Space::Type);
        } else if action.eat(&["set", "access", "method"]) {
            names(out, &mut action, Space::Other);
        }
    }
    if adds_column {
        facts.extends.push(table.clone());
    }
    if adds_key {
        facts.extends.push(Name { space: Space::Key, ..table.clone() });
    }
}
