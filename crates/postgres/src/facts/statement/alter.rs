//! `ALTER TABLE`, action by action.

use super::{Action, Say, columns, has, names, relation, skip_if, text, text_until, traits, word};
use crate::facts::Op;
use underpin_sql::{Cursor, Name};

/// Words that end the type of a column.
const BEHIND_TYPE: &[&str] = &[
    "COLLATE",
    "CONSTRAINT",
    "DEFAULT",
    "NOT",
    "NULL",
    "CHECK",
    "REFERENCES",
    "UNIQUE",
    "PRIMARY",
    "GENERATED",
    "STORAGE",
    "COMPRESSION",
    "USING",
    "OPTIONS",
];

/// Words that end one constraint of a column and begin the next.
const BEHIND_DEFAULT: &[&str] =
    &["CONSTRAINT", "NOT", "NULL", "CHECK", "REFERENCES", "UNIQUE", "PRIMARY", "GENERATED", "COLLATE"];

/// Parameters that are changed under `ACCESS EXCLUSIVE`: all others of a table are under `SHARE UPDATE EXCLUSIVE`
/// (`src/backend/access/common/reloptions.c`).
const STRICT: &[&str] = &["user_catalog_table"];

/// From behind `ALTER TABLE` on.
pub(super) fn table(cur: &mut Cursor<'_>) -> Vec<Action> {
    skip_if(cur);
    if cur.is("ALL") {
        return vec![Action::unknown(None, names(cur))];
    }
    let only = cur.eat(&["ONLY"]);
    let Some(target) = relation(cur) else { return vec![Action::unknown(None, Vec::new())] };
    if cur.token(0).is_some_and(|t| t.text(cur.text) == "*") {
        cur.at += 1;
    }
    let mut found: Vec<Action> = cur.rest().items().flat_map(|mut item| action(&mut item, &target)).collect();
    for one in &mut found {
        one.only = only;
    }
    // A constraint on a column that the statement itself adds.
    let added: Vec<String> = found.iter().filter(|a| a.op == Some(Op::AddColumn)).map(|a| a.name.clone()).collect();
    for one in &mut found {
        if !one.columns.is_empty() && one.columns.iter().all(|c| added.contains(c)) {
            one.says.insert(Say::OfNewColumn);
        }
    }
    found
}

fn action(cur: &mut Cursor<'_>, target: &Name) -> Vec<Action> {
    let on = || Some(target.clone());
    let one = |op: Op| Action::new(op, on());
    let single = |a: Action| vec![a];
    let cascade = has(cur, &["CASCADE"]);
    if cur.eat(&["ADD"]) {
        if let Some(found) = constraint(cur, target) {
            return single(found);
        }
        cur.eat(&["COLUMN"]);
        skip_if(cur);
        return column(cur, target);
    }
    if cur.eat(&["DROP", "CONSTRAINT"]) {
        skip_if(cur);
        return single(one(Op::DropConstraint).named(word(cur)).say(Say::Cascade, cascade));
    }
    if cur.eat(&["DROP"]) {
        cur.eat(&["COLUMN"]);
        skip_if(cur);
        return single(one(Op::DropColumn).named(word(cur)).say(Say::Cascade, cascade));
    }
    if cur.eat(&["VALIDATE", "CONSTRAINT"]) {
        return single(one(Op::ValidateConstraint).named(word(cur)));
    }
    if cur.eat(&["ALTER", "CONSTRAINT"]) {
        return single(traits(one(Op::AlterConstraint).named(word(cur)), cur));
    }
    if cur.eat(&["ALTER"]) {
        cur.eat(&["COLUMN"]);
        let name = word(cur);
        return single(of_column(cur, target).map_or_else(|| Action::unknown(on(), Vec::new()), |a| a.named(name)));
    }
    if cur.eat(&["RENAME", "CONSTRAINT"]) {
        return single(one(Op::RenameConstraint).named(word(cur)));
    }
    if cur.eat(&["RENAME", "TO"]) {
        return single(one(Op::RenameTable));
    }
    if cur.eat(&["RENAME"]) {
        cur.eat(&["COLUMN"]);
        return single(one(Op::RenameColumn).named(word(cur)));
    }
    if cur.eat(&["SET", "SCHEMA"]) {
        return single(one(Op::SetSchema));
    }
    if cur.eat(&["OWNER", "TO"]) {
        return single(one(Op::SetOwner).named(word(cur)));
    }
    if cur.eat(&["SET", "TABLESPACE"]) {
        return single(one(Op::SetTablespace).named(word(cur)));
    }
    if cur.eat(&["SET", "ACCESS", "METHOD"]) {
        return single(one(Op::SetAccessMethod).named(word(cur)));
    }
    if cur.eat(&["SET", "LOGGED"]) {
        return single(one(Op::SetLogged).named("p"));
    }
    if cur.eat(&["SET", "UNLOGGED"]) {
        return single(one(Op::SetLogged).named("u"));
    }
    if cur.eat(&["CLUSTER", "ON"]) {
        return single(one(Op::ClusterOn).named(word(cur)));
    }
    if cur.eat(&["SET", "WITHOUT", "CLUSTER"]) {
        return single(one(Op::ClusterOn));
    }
    if cur.is_any(&["SET", "RESET"]) && cur.kind(1) == Some(underpin_sql::TokenKind::OpenParen) {
        cur.at += 1;
        let strict = columns(cur).iter().any(|p| STRICT.contains(&p.as_str()));
        return single(one(Op::SetParameters).say(Say::StrictParameter, strict));
    }
    if cur.eat(&["REPLICA", "IDENTITY"]) {
        let index = if cur.eat(&["USING", "INDEX"]) { word(cur) } else { String::new() };
        return single(one(Op::ReplicaIdentity).named(index));
    }
    if has(cur, &["ROW", "LEVEL", "SECURITY"]) {
        return single(one(Op::RowSecurity));
    }
    if cur.is_any(&["ENABLE", "DISABLE"]) {
        let op = if has(cur, &["RULE"]) { Op::SetRule } else { Op::SetTrigger };
        return single(one(op));
    }
    if cur.eat(&["INHERIT"]) {
        return single(one(Op::Inherit).with(relation(cur)));
    }
    if cur.eat(&["NO", "INHERIT"]) {
        return single(one(Op::NoInherit).with(relation(cur)));
    }
    if cur.eat(&["OF"]) || cur.eat(&["NOT", "OF"]) {
        return single(one(Op::OfType));
    }
    if cur.eat(&["ATTACH", "PARTITION"]) {
        let mut found = one(Op::AttachPartition).with(relation(cur));
        found.bound = text(cur);
        return single(found);
    }
    if cur.eat(&["DETACH", "PARTITION"]) {
        let late = has(cur, &["CONCURRENTLY"]) || has(cur, &["FINALIZE"]);
        let op = if late { Op::DetachConcurrently } else { Op::DetachPartition };
        return single(one(op).with(relation(cur)));
    }
    if cur.eat(&["OPTIONS"]) {
        return single(one(Op::ForeignOptions));
    }
    single(Action::unknown(on(), names(cur)))
}

/// `ALTER COLUMN c …`, from behind the name on.
fn of_column(cur: &mut Cursor<'_>, target: &Name) -> Option<Action> {
    let one = |op: Op| Some(Action::new(op, Some(target.clone())));
    if cur.eat(&["SET", "DATA", "TYPE"]) || cur.eat(&["TYPE"]) {
        let mut found = one(Op::SetType)?;
        found.type_name = text_until(cur, &["COLLATE", "USING"]);
        if cur.eat(&["COLLATE"]) {
            found.collation = word(cur);
        }
        if cur.eat(&["USING"]) {
            found.expression = text(cur);
        }
        return Some(found);
    }
    if cur.eat(&["SET", "DEFAULT"]) || cur.eat(&["DROP", "DEFAULT"]) {
        return one(Op::SetDefault);
    }
    if cur.eat(&["SET", "NOT", "NULL"]) {
        return one(Op::SetNotNull);
    }
    if cur.eat(&["DROP", "NOT", "NULL"]) {
        return one(Op::DropNotNull);
    }
    if cur.eat(&["ADD", "GENERATED"]) {
        return one(Op::AddIdentity);
    }
    if cur.eat(&["DROP", "IDENTITY"]) {
        return one(Op::DropIdentity);
    }
    if cur.eat(&["SET", "EXPRESSION"]) {
        return one(Op::SetExpression);
    }
    if cur.eat(&["DROP", "EXPRESSION"]) {
        return one(Op::DropExpression);
    }
    if cur.eat(&["SET", "STATISTICS"]) {
        return one(Op::SetStatistics);
    }
    if cur.eat(&["SET", "STORAGE"]) {
        return one(Op::SetStorage);
    }
    if cur.eat(&["SET", "COMPRESSION"]) {
        return one(Op::SetCompression);
    }
    if cur.is_any(&["SET", "RESET"]) && cur.kind(1) == Some(underpin_sql::TokenKind::OpenParen) {
        return one(Op::SetColumnOptions);
    }
    if cur.eat(&["OPTIONS"]) {
        return one(Op::ForeignOptions);
    }
    // What changes the sequence behind an identity; several such clauses may follow each other.
    if cur.is("RESTART") || cur.is("SET") {
        return one(Op::SetIdentity);
    }
    None
}

/// A constraint of the table, with or without a name; nothing where a column begins.
fn constraint(cur: &mut Cursor<'_>, target: &Name) -> Option<Action> {
    let name = if cur.eat(&["CONSTRAINT"]) { word(cur) } else { String::new() };
    let one = |op: Op| Action::new(op, Some(target.clone())).named(name.clone());
    if cur.eat(&["CHECK"]) {
        let inner = cur.parens();
        let mut found = traits(one(Op::AddCheck), cur);
        found.expression = inner.map(|i| text(&i)).unwrap_or_default();
        return Some(found);
    }
    if cur.eat(&["NOT", "NULL"]) {
        let mut found = one(Op::AddNotNull);
        found.columns = vec![word(cur)];
        return Some(traits(found, cur));
    }
    if cur.eat(&["FOREIGN", "KEY"]) {
        let mut found = one(Op::AddForeignKey);
        found.columns = columns(cur);
        cur.seek(&["REFERENCES"]);
        cur.eat(&["REFERENCES"]);
        return Some(traits(found.with(relation(cur)), cur));
    }
    if cur.eat(&["EXCLUDE"]) {
        return Some(one(Op::AddExclude));
    }
    let primary = cur.eat(&["PRIMARY", "KEY"]);
    if !primary && !cur.eat(&["UNIQUE"]) {
        return None;
    }
    if cur.eat(&["USING", "INDEX"]) {
        let index = Name { schema: target.schema.clone(), name: word(cur), space: target.space };
        return Some(one(Op::AddUsingIndex).with([index]).say(Say::PrimaryKey, primary));
    }
    let _ = cur.eat(&["NULLS", "NOT", "DISTINCT"]) || cur.eat(&["NULLS", "DISTINCT"]);
    let mut found = one(if primary { Op::AddPrimaryKey } else { Op::AddUnique });
    found.columns = columns(cur);
    Some(traits(found, cur))
}

/// A new column and the constraints that are said with it, from its name on.
fn column(cur: &mut Cursor<'_>, target: &Name) -> Vec<Action> {
    let one = |op: Op| Action::new(op, Some(target.clone()));
    let mut new = one(Op::AddColumn).named(word(cur));
    new.type_name = text_until(cur, BEHIND_TYPE);
    let serial = ["serial", "bigserial", "smallserial", "serial4", "serial8", "serial2"];
    let is_serial = serial.contains(&new.type_name.to_ascii_lowercase().as_str());
    new = new.say(Say::Identity, is_serial);
    let name = new.name.clone();
    let mut parts: Vec<Action> = Vec::new();
    let part = |op: Op| {
        let mut part = one(op).say(Say::OfNewColumn, true);
        part.columns = vec![name.clone()];
        part
    };
    while !cur.done() {
        if cur.eat(&["DEFAULT"]) {
            new.expression = text_until(cur, BEHIND_DEFAULT);
            new = new.clone().say(Say::Default, !new.expression.eq_ignore_ascii_case("NULL"));
        } else if cur.eat(&["GENERATED"]) {
            if has(cur, &["IDENTITY"]) {
                new.says.insert(Say::Identity);
            } else {
                // Version 18 makes it virtual where nothing is said; before, STORED had to be said.
                let stored = has(cur, &["STORED"]);
                new = new.say(Say::Stored, stored);
            }
            while !cur.done() && !cur.is_any(&["CONSTRAINT", "CHECK", "REFERENCES", "UNIQUE", "PRIMARY"]) {
                cur.step();
            }
        } else if cur.eat(&["CHECK"]) {
            cur.parens();
            parts.push(part(Op::AddCheck));
        } else if cur.eat(&["REFERENCES"]) {
            let referenced = relation(cur);
            parts.push(part(Op::AddForeignKey).with(referenced));
        } else if cur.eat(&["UNIQUE"]) {
            parts.push(part(Op::AddUnique));
        } else if cur.eat(&["PRIMARY", "KEY"]) {
            parts.push(part(Op::AddPrimaryKey));
        } else if cur.eat(&["COLLATE"]) {
            new.collation = word(cur);
        } else {
            cur.step();
        }
    }
    let filled = new.says(Say::Default) || new.says(Say::Identity) || new.says(Say::Stored);
    for part in &mut parts {
        if filled {
            part.says.insert(Say::Default);
        }
    }
    parts.insert(0, new);
    parts
}
