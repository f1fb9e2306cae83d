//! Every statement but `ALTER TABLE`.

use super::{Action, Say, columns, has, names, relation, skip_if, text, text_until, word};
use crate::facts::Op;
use underpin_sql::{Cursor, Lexer, Name, Space, Token, TokenKind};

/// Parameters of indexes that are changed under `ACCESS EXCLUSIVE` (`src/backend/access/common/reloptions.c`).
const STRICT_OF_INDEX: &[&str] =
    &["fastupdate", "autosummarize", "gin_pending_list_limit", "pages_per_range", "buffering"];

/// Parameters of indexes that are changed under `SHARE UPDATE EXCLUSIVE`, though the list above has their likes.
const MILD_OF_INDEX: &[&str] = &["fillfactor", "deduplicate_items"];

/// A whole statement.
pub(super) fn statement(cur: &mut Cursor<'_>) -> Vec<Action> {
    let first = cur.token(0).map(|t| t.text(cur.text).to_ascii_uppercase()).unwrap_or_default();
    match first.as_str() {
        "CREATE" => {
            cur.at += 1;
            create(cur)
        }
        "ALTER" => {
            cur.at += 1;
            alter(cur)
        }
        "DROP" => {
            cur.at += 1;
            drop(cur)
        }
        "COMMENT" | "SECURITY" => vec![comment(cur)],
        "GRANT" | "REVOKE" => vec![Action::new(Op::Grant, None)],
        "REINDEX" => {
            cur.at += 1;
            reindex(cur)
        }
        "CLUSTER" => {
            cur.at += 1;
            cur.parens();
            cur.eat(&["VERBOSE"]);
            let table = relation(cur);
            vec![Action::new(Op::Cluster, table)]
        }
        "ANALYZE" | "VACUUM" => {
            cur.at += 1;
            let full = cur.parens().is_some_and(|p| has(&p, &["FULL"])) | has(cur, &["FULL"]);
            cur.eat_all(&["FULL", "FREEZE", "VERBOSE", "ANALYZE"]);
            let op = if full && first == "VACUUM" { Op::Cluster } else { Op::Analyze };
            cur.rest().items().map(|mut item| Action::new(op, relation(&mut item))).collect()
        }
        "TRUNCATE" => {
            cur.at += 1;
            cur.eat(&["TABLE"]);
            let only = cur.eat(&["ONLY"]);
            let cascade = has(cur, &["CASCADE"]);
            let tables = cur.rest().items().map(|mut item| {
                let mut one = Action::new(Op::Truncate, relation(&mut item)).say(Say::Cascade, cascade);
                one.only = only;
                one
            });
            tables.collect()
        }
        "REFRESH" => {
            cur.eat(&["REFRESH", "MATERIALIZED", "VIEW"]);
            let op = if cur.eat(&["CONCURRENTLY"]) { Op::RefreshViewConcurrently } else { Op::RefreshView };
            let empty = has(cur, &["NO", "DATA"]);
            vec![Action::new(op, relation(cur)).say(Say::Other, empty)]
        }
        "LOCK" => {
            cur.at += 1;
            cur.eat(&["TABLE"]);
            let only = cur.eat(&["ONLY"]);
            let mut one = Action::new(Op::LockTable, relation(cur));
            one.only = only;
            one.word = if cur.eat(&["IN"]) { text_until(cur, &["MODE"]).to_ascii_uppercase() } else { String::new() };
            vec![one]
        }
        "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "WITH" | "VALUES" | "COPY" | "MERGE" | "TABLE" => {
            vec![Action::new(Op::Data, None)]
        }
        // What its words say outright; what else it does is for it to know, as with every function.
        "DO" => {
            let body = cur.toks.iter().find(|t| t.kind == TokenKind::DollarString).map(|t| t.text(cur.text));
            let inner = body.and_then(|b| Some(b.split_once('$')?.1.split_once('$')?.1)).unwrap_or_default();
            let mut found = said_within(inner);
            found.push(Action::new(Op::Data, None));
            found
        }
        "SET" | "RESET" | "SHOW" | "BEGIN" | "COMMIT" | "START" | "SAVEPOINT" | "RELEASE" | "ROLLBACK" | "IMPORT"
        | "REASSIGN" | "NOTIFY" | "LISTEN" | "CHECKPOINT" => vec![Action::new(Op::NoRelation, None)],
        _ => vec![Action::unknown(None, names(cur))],
    }
}

/// The `ALTER TABLE` statements that a body says.
fn said_within(body: &str) -> Vec<Action> {
    let tokens: Vec<Token> = Lexer::new(body).filter(|t| !t.kind.is_trivia()).collect();
    let mut found = Vec::new();
    for (at, _) in tokens.iter().enumerate() {
        let mut cur = Cursor::new(body, &tokens[at..]);
        if cur.eat(&["ALTER", "TABLE"]) {
            let end = cur.toks.iter().position(|t| t.kind == TokenKind::Semicolon).unwrap_or(cur.toks.len());
            let mut one = Cursor { text: body, toks: &cur.toks[..end], at: cur.at };
            found.extend(super::alter::table(&mut one));
        }
    }
    found
}

fn create(cur: &mut Cursor<'_>) -> Vec<Action> {
    let one = |op: Op, on: Option<Name>| Action::new(op, on);
    cur.eat(&["OR", "REPLACE"]);
    let _ = cur.eat(&["CONSTRAINT"]) || cur.eat(&["GLOBAL"]) || cur.eat(&["LOCAL"]);
    cur.eat_all(&["TEMP", "TEMPORARY", "UNLOGGED", "FOREIGN", "RECURSIVE", "TRUSTED", "PROCEDURAL"]);
    let unique = cur.eat(&["UNIQUE"]);
    if unique || cur.is("INDEX") {
        cur.eat(&["INDEX"]);
        let op = if cur.eat(&["CONCURRENTLY"]) { Op::CreateIndexConcurrently } else { Op::CreateIndex };
        skip_if(cur);
        let name = if cur.is("ON") { String::new() } else { word(cur) };
        cur.eat(&["ON"]);
        let only = cur.eat(&["ONLY"]);
        let mut found = one(op, relation(cur)).named(name).say(Say::Other, unique);
        found.only = only;
        if cur.eat(&["USING"]) {
            found.word = word(cur).to_ascii_lowercase();
        }
        // Only an index of plain columns is looked for among those of partitions.
        let list: Vec<Cursor<'_>> = cur.parens().map(|l| l.items().collect()).unwrap_or_default();
        if cur.done() && list.iter().all(|item| item.toks.len() == 1) {
            found.columns = list.iter().filter_map(|item| item.clone().chain().map(|c| c.last())).collect();
        }
        return vec![found];
    }
    if cur.eat(&["TABLE"]) {
        return table(cur);
    }
    if cur.eat(&["MATERIALIZED", "VIEW"]) {
        skip_if(cur);
        return vec![one(Op::CreateFilled, relation(cur))];
    }
    if cur.eat(&["VIEW"]) {
        let mut found = one(Op::CreateView, relation(cur));
        cur.seek(&["AS"]);
        cur.eat(&["AS"]);
        if cur.eat(&["SELECT"]) {
            let start = cur.at;
            cur.seek(&["FROM"]);
            let list = Cursor::new(cur.text, &cur.toks[start..cur.at.min(cur.toks.len())]);
            found.columns = list.items().map(|item| text(&item)).collect();
        } else {
            found.columns = vec!["*".to_owned()];
        }
        return vec![found];
    }
    if cur.eat(&["TRIGGER"]) {
        let name = word(cur);
        cur.seek(&["ON"]);
        cur.eat(&["ON"]);
        let table = relation(cur);
        let referenced = if cur.eat(&["FROM"]) { relation(cur) } else { None };
        return vec![one(Op::CreateTrigger, table).named(name).with(referenced)];
    }
    if cur.eat(&["POLICY"]) {
        let name = word(cur);
        cur.eat(&["ON"]);
        return vec![one(Op::ChangePolicy, relation(cur)).named(name)];
    }
    if cur.eat(&["RULE"]) {
        cur.seek(&["TO"]);
        cur.eat(&["TO"]);
        return vec![one(Op::CreateRule, relation(cur))];
    }
    if cur.eat(&["STATISTICS"]) {
        cur.seek(&["FROM"]);
        cur.eat(&["FROM"]);
        return vec![one(Op::ChangeStatistics, relation(cur))];
    }
    if cur.eat(&["PUBLICATION"]) {
        let name = word(cur);
        return publication(cur, &name);
    }
    vec![one(Op::NoRelation, None)]
}

/// The tables of `FOR TABLE`, `ADD TABLE`, `SET TABLE`.
fn publication(cur: &mut Cursor<'_>, name: &str) -> Vec<Action> {
    if !cur.seek(&["TABLE"]) {
        return vec![Action::new(Op::NoRelation, None)];
    }
    cur.eat(&["TABLE"]);
    let tables = cur.rest().items().map(|mut item| {
        item.eat(&["TABLE"]);
        let only = item.eat(&["ONLY"]);
        let mut one = Action::new(Op::PublicationTables, relation(&mut item)).named(name);
        one.only = only;
        one
    });
    tables.collect()
}

/// `CREATE TABLE`, from its name on.
fn table(cur: &mut Cursor<'_>) -> Vec<Action> {
    skip_if(cur);
    let new = relation(cur);
    let mut found = Vec::new();
    let mut behind = cur.rest();
    behind.parens();
    if behind.seek(&["AS"]) {
        return vec![Action::new(Op::CreateFilled, new)];
    }
    if cur.eat(&["PARTITION", "OF"]) {
        let parent = relation(cur);
        let mut one = Action::new(Op::CreatePartition, parent).with(new.clone());
        cur.parens();
        one.bound = text(cur);
        found.push(one);
    } else {
        let mut one = Action::new(Op::CreateTable, new.clone());
        let mut rest = cur.rest();
        if rest.seek(&["INHERITS"]) {
            rest.eat(&["INHERITS"]);
            let parents =
                rest.parens().map(|list| list.items().filter_map(|mut i| relation(&mut i)).collect::<Vec<_>>());
            one = one.with(parents.unwrap_or_default());
        }
        found.push(one);
    }
    // Tables that it refers to.
    let mut rest = cur.rest();
    while !rest.done() {
        if rest.eat(&["REFERENCES"]) {
            let referenced = relation(&mut rest);
            let mut one = Action::new(Op::AddForeignKey, new.clone()).with(referenced);
            one.says.insert(Say::OfNewColumn);
            found.push(one);
        } else {
            rest.at += 1;
        }
    }
    found
}

fn alter(cur: &mut Cursor<'_>) -> Vec<Action> {
    if cur.eat(&["INDEX"]) {
        return vec![index(cur)];
    }
    if cur.eat(&["VIEW"]) || cur.eat(&["MATERIALIZED", "VIEW"]) {
        skip_if(cur);
        let view = relation(cur);
        return vec![relation_at_large(cur, view.clone()).unwrap_or_else(|| Action::new(Op::AlterView, view))];
    }
    if cur.eat(&["SEQUENCE"]) {
        skip_if(cur);
        let sequence = relation(cur);
        if let Some(found) = relation_at_large(cur, sequence.clone()) {
            return vec![found];
        }
        let op = match () {
            () if has(cur, &["OWNED", "BY"]) => Op::SequenceOwnedBy,
            () if has(cur, &["LOGGED"]) || has(cur, &["UNLOGGED"]) => Op::SequenceLogged,
            () => Op::AlterSequence,
        };
        return vec![Action::new(op, sequence)];
    }
    if cur.eat(&["TRIGGER"]) {
        let name = word(cur);
        cur.eat(&["ON"]);
        return vec![Action::new(Op::RenameTrigger, relation(cur)).named(name)];
    }
    if cur.eat(&["POLICY"]) || cur.eat(&["RULE"]) {
        let name = word(cur);
        cur.eat(&["ON"]);
        return vec![Action::new(Op::ChangePolicy, relation(cur)).named(name)];
    }
    if cur.eat(&["TYPE"]) {
        let name = cur.chain().map(|c| c.name(Space::Relation));
        if has(cur, &["ATTRIBUTE"]) {
            let found = Action::new(Op::AlterAttribute, name).say(Say::Cascade, has(cur, &["CASCADE"]));
            return vec![found];
        }
        return vec![Action::new(Op::AlterType, None)];
    }
    if cur.eat(&["DOMAIN"]) {
        return vec![domain(cur)];
    }
    if cur.eat(&["PUBLICATION"]) {
        let name = word(cur);
        return publication(cur, &name);
    }
    vec![Action::new(Op::NoRelation, None)]
}

/// What can be done to every relation.
fn relation_at_large(cur: &mut Cursor<'_>, on: Option<Name>) -> Option<Action> {
    let op = match () {
        () if cur.eat(&["RENAME", "TO"]) => Op::RenameTable,
        () if cur.is("RENAME") => Op::RenameColumn,
        () if cur.eat(&["SET", "SCHEMA"]) => Op::SetSchema,
        () if cur.eat(&["OWNER", "TO"]) => Op::SetOwner,
        () if cur.eat(&["SET", "TABLESPACE"]) => Op::SetTablespace,
        () if cur.eat(&["SET", "ACCESS", "METHOD"]) => Op::SetAccessMethod,
        () if cur.eat(&["CLUSTER", "ON"]) || cur.eat(&["SET", "WITHOUT", "CLUSTER"]) => Op::ClusterOn,
        () => return None,
    };
    if op == Op::RenameColumn {
        cur.eat(&["RENAME"]);
        cur.eat(&["COLUMN"]);
    }
    Some(Action::new(op, on).named(word(cur)))
}

fn index(cur: &mut Cursor<'_>) -> Action {
    skip_if(cur);
    let index = relation(cur);
    let one = |op: Op| Action::new(op, index.clone());
    if cur.eat(&["RENAME"]) {
        return one(Op::RenameIndex);
    }
    if cur.eat(&["ATTACH", "PARTITION"]) {
        let part = relation(cur);
        return one(Op::AttachIndex).with(part);
    }
    if cur.eat(&["SET", "TABLESPACE"]) {
        return one(Op::SetTablespace).named(word(cur));
    }
    if cur.is_any(&["SET", "RESET"]) && cur.kind(1) == Some(TokenKind::OpenParen) {
        cur.at += 1;
        let parameters = columns(cur);
        let strict =
            parameters.iter().any(|p| STRICT_OF_INDEX.contains(&p.as_str()) || !MILD_OF_INDEX.contains(&p.as_str()));
        return one(Op::SetIndexParameters).say(Say::StrictParameter, strict);
    }
    if cur.eat(&["ALTER"]) {
        return one(Op::SetIndexParameters);
    }
    if has(cur, &["DEPENDS"]) {
        return Action::new(Op::NoRelation, None);
    }
    Action::unknown(index, Vec::new())
}

fn domain(cur: &mut Cursor<'_>) -> Action {
    let mut found = Action::default();
    let start = cur.at;
    cur.chain();
    found.type_name = text(&Cursor::new(cur.text, &cur.toks[start..cur.at]));
    found.op = Some(match () {
        () if cur.eat(&["ADD"]) && !has(cur, &["NOT", "VALID"]) => Op::AddDomainConstraint,
        () if cur.eat(&["SET", "NOT", "NULL"]) => Op::AddDomainConstraint,
        () if cur.eat(&["VALIDATE"]) => Op::ValidateDomain,
        () => Op::AlterDomain,
    });
    found
}

fn drop(cur: &mut Cursor<'_>) -> Vec<Action> {
    let cascade = has(cur, &["CASCADE"]);
    let list = |cur: &mut Cursor<'_>, op: Op| {
        skip_if(cur);
        let found = cur.rest().items().map(|mut item| Action::new(op, relation(&mut item)).say(Say::Cascade, cascade));
        found.collect::<Vec<_>>()
    };
    if cur.eat(&["INDEX"]) {
        let op = if cur.eat(&["CONCURRENTLY"]) { Op::DropIndexConcurrently } else { Op::DropIndex };
        return list(cur, op);
    }
    let kinds: [&[&str]; 5] = [&["TABLE"], &["VIEW"], &["MATERIALIZED", "VIEW"], &["SEQUENCE"], &["FOREIGN", "TABLE"]];
    if kinds.iter().any(|words| cur.eat(words)) {
        return list(cur, Op::DropRelation);
    }
    for (word_of, op) in [("TRIGGER", Op::DropPart), ("POLICY", Op::DropPart), ("RULE", Op::DropPart)] {
        if cur.eat(&[word_of]) {
            skip_if(cur);
            let name = word(cur);
            cur.eat(&["ON"]);
            let mut one = Action::new(op, relation(cur)).named(name);
            one.word = word_of.to_owned();
            return vec![one];
        }
    }
    let kind = cur.token(0).map(|t| t.text(cur.text).to_ascii_uppercase()).unwrap_or_default();
    cur.at += 1;
    skip_if(cur);
    let op = if kind == "STATISTICS" { Op::DropStatistics } else { Op::DropObject };
    let found = cur.rest().items().map(|mut item| {
        let mut one = Action::new(op, None).named(text_until(&mut item, &["CASCADE", "RESTRICT"]));
        one.word.clone_from(&kind);
        one.say(Say::Cascade, cascade)
    });
    found.collect()
}

fn reindex(cur: &mut Cursor<'_>) -> Vec<Action> {
    let said = cur.parens().is_some_and(|p| has(&p, &["CONCURRENTLY"]));
    let whole = cur.is_any(&["SCHEMA", "DATABASE", "SYSTEM"]);
    cur.at += 1;
    let op = if cur.eat(&["CONCURRENTLY"]) || said { Op::ReindexConcurrently } else { Op::Reindex };
    if whole { vec![Action::unknown(None, Vec::new())] } else { vec![Action::new(op, relation(cur))] }
}

/// `COMMENT ON` and `SECURITY LABEL … ON`: the relation, where it is about one or a part of one.
fn comment(cur: &mut Cursor<'_>) -> Action {
    cur.seek(&["ON"]);
    cur.eat(&["ON"]);
    let of = match () {
        () if cur.eat(&["COLUMN"]) => cur.chain().and_then(|c| c.parent()).map(|c| c.name(Space::Relation)),
        () if cur.is_any(&["TABLE", "VIEW", "SEQUENCE", "INDEX"]) => {
            cur.at += 1;
            relation(cur)
        }
        () if cur.eat(&["MATERIALIZED", "VIEW"]) || cur.eat(&["FOREIGN", "TABLE"]) => relation(cur),
        // A part of a relation is locked weakly.
        () => None,
    };
    Action::new(Op::Comment, of)
}
