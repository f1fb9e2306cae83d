//! What a statement is, told by its first words.

use crate::cursor::{Cursor, ident, lower, string};
use crate::lex::TokenKind;
use crate::statement::{Class, ObjectWord};

/// The kind word of a `CREATE`, `ALTER`, `DROP`, `COMMENT ON` or `GRANT … ON`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Object(ObjectWord),
    Role,
    Database,
    DefaultPrivileges,
    /// Words that open no kind that is known here.
    None,
}

/// Steps over the words that name a kind of object.
pub(crate) fn kind(cur: &mut Cursor<'_>) -> Kind {
    use ObjectWord as O;
    /// Longer ones first, where one begins another.
    const KINDS: &[(&[&str], Kind)] = &[
        (&["table"], Kind::Object(O::Table)),
        (&["index"], Kind::Object(O::Index)),
        (&["function"], Kind::Object(O::Function)),
        (&["view"], Kind::Object(O::View)),
        (&["sequence"], Kind::Object(O::Sequence)),
        (&["type"], Kind::Object(O::Type)),
        (&["trigger"], Kind::Object(O::Trigger)),
        (&["foreign", "table"], Kind::Object(O::ForeignTable)),
        (&["foreign", "data", "wrapper"], Kind::Object(O::ForeignDataWrapper)),
        (&["foreign", "server"], Kind::Object(O::Server)),
        (&["materialized", "view"], Kind::Object(O::MaterializedView)),
        (&["schema"], Kind::Object(O::Schema)),
        (&["extension"], Kind::Object(O::Extension)),
        (&["domain"], Kind::Object(O::Domain)),
        (&["procedure"], Kind::Object(O::Procedure)),
        (&["routine"], Kind::Object(O::Function)),
        (&["aggregate"], Kind::Object(O::Aggregate)),
        (&["event", "trigger"], Kind::Object(O::EventTrigger)),
        (&["policy"], Kind::Object(O::Policy)),
        (&["rule"], Kind::Object(O::Rule)),
        (&["cast"], Kind::Object(O::Cast)),
        (&["operator", "class"], Kind::Object(O::OperatorClass)),
        (&["operator", "family"], Kind::Object(O::OperatorFamily)),
        (&["operator"], Kind::Object(O::Operator)),
        (&["collation"], Kind::Object(O::Collation)),
        (&["conversion"], Kind::Object(O::Conversion)),
        (&["text", "search", "configuration"], Kind::Object(O::TextSearch)),
        (&["text", "search", "dictionary"], Kind::Object(O::TextSearch)),
        (&["text", "search", "parser"], Kind::Object(O::TextSearch)),
        (&["text", "search", "template"], Kind::Object(O::TextSearch)),
        (&["statistics"], Kind::Object(O::Statistics)),
        (&["publication"], Kind::Object(O::Publication)),
        (&["subscription"], Kind::Object(O::Subscription)),
        (&["server"], Kind::Object(O::Server)),
        (&["user", "mapping"], Kind::Object(O::UserMapping)),
        (&["language"], Kind::Object(O::Language)),
        (&["transform"], Kind::Object(O::Transform)),
        (&["access", "method"], Kind::Object(O::AccessMethod)),
        (&["large", "object"], Kind::Object(O::Other)),
        (&["default", "privileges"], Kind::DefaultPrivileges),
        (&["role"], Kind::Role),
        (&["user"], Kind::Role),
        (&["group"], Kind::Role),
        (&["database"], Kind::Database),
        (&["tablespace"], Kind::Database),
        (&["system"], Kind::Database),
    ];
    KINDS.iter().find(|(words, _)| cur.eat(words)).map_or(Kind::None, |&(_, kind)| kind)
}

/// Steps over the words between `CREATE` and the kind of object.
fn create_words(cur: &mut Cursor<'_>) {
    loop {
        // `DEFAULT` belongs to CREATE DEFAULT CONVERSION, and not to `ALTER DEFAULT PRIVILEGES`, which is no CREATE.
        if cur.eat(&["or", "replace"]) {
            continue;
        }
        let modifiers = [
            "temp",
            "temporary",
            "unlogged",
            "global",
            "local",
            "recursive",
            "unique",
            "constraint",
            "trusted",
            "procedural",
            "default",
        ];
        if !cur.is_any(&modifiers) {
            return;
        }
        cur.at += 1;
    }
}

/// Steps over what may stand between the kind and the name.
fn name_words(cur: &mut Cursor<'_>) {
    cur.eat(&["concurrently"]);
    let _ = cur.eat(&["if", "not", "exists"]) || cur.eat(&["if", "exists"]);
    // A relation named "only" would be followed by the rest of the statement, not by a name; it is a reserved word.
    cur.eat(&["only"]);
}

fn object(cur: &mut Cursor<'_>, class: impl FnOnce(ObjectWord) -> Class) -> Class {
    let found = kind(cur);
    name_words(cur);
    match found {
        Kind::Object(word) => class(word),
        Kind::Role => Class::Role,
        Kind::Database => Class::Database,
        Kind::DefaultPrivileges => Class::AlterDefaultPrivileges,
        Kind::None => class(ObjectWord::Other),
    }
}

/// `SET` and `RESET`, behind that word: the name of the setting, with the reader left behind it.
fn setting(cur: &mut Cursor<'_>) -> Class {
    // `session` and `local` are words before the name, unless one of them is the name.
    if !cur.is_at(1, "to") && cur.kind(1) != Some(TokenKind::Operator) && !cur.eat(&["session"]) {
        cur.eat(&["local"]);
    }
    if cur.eat(&["authorization"]) {
        return Class::Set { name: "session authorization".into() };
    }
    if cur.eat(&["transaction"]) || cur.is("characteristics") {
        return Class::Transaction;
    }
    if cur.eat(&["time", "zone"]) {
        return Class::Set { name: "time zone".into() };
    }
    let mut name = String::new();
    while let Some(token) = cur.token(0).filter(|t| t.kind.is_name() || t.kind == TokenKind::Dot) {
        let dot = token.kind == TokenKind::Dot;
        if !dot && !name.is_empty() && !name.ends_with('.') {
            break;
        }
        if dot {
            name.push('.')
        } else {
            name.push_str(&ident(cur.text, token).to_ascii_lowercase())
        }
        cur.at += 1;
    }
    Class::Set { name }
}

/// `SELECT [pg_catalog.]set_config('search_path', 'value', …)`, behind the `SELECT`.
fn set_config(mut cur: Cursor<'_>) -> Option<String> {
    let function = cur.chain()?;
    if function.last() != "set_config" || !cur.eat_kind(TokenKind::OpenParen) {
        return None;
    }
    let setting = cur.token(0).filter(|t| t.kind.is_string())?;
    let value = cur.token(2).filter(|t| t.kind.is_string())?;
    let is_path = string(cur.text, setting).eq_ignore_ascii_case("search_path");
    (is_path && cur.kind(1) == Some(TokenKind::Comma)).then(|| string(cur.text, value))
}

/// The class of the statement, with the reader left before the name of its object where it has one.
pub(crate) fn classify(cur: &mut Cursor<'_>) -> Class {
    let Some(first) = cur.token(0) else { return Class::Unknown };
    if first.kind == TokenKind::OpenParen {
        // `(SELECT …) UNION …`
        return Class::Dml;
    }
    if first.kind != TokenKind::Word {
        return Class::Unknown;
    }
    let mut buffer = [0; 20];
    let word = lower(first.text(cur.text), &mut buffer);
    cur.at = 1;
    match word {
        "create" => {
            create_words(cur);
            object(cur, Class::Create)
        }
        "alter" => {
            // Only here, for `CREATE` has no such words.
            cur.eat_all(&["procedural"]);
            object(cur, Class::Alter)
        }
        "drop" => {
            if cur.eat(&["owned"]) {
                return Class::ReassignOwned;
            }
            cur.eat_all(&["procedural"]);
            object(cur, |_| Class::Drop)
        }
        "comment" => Class::Comment,
        "grant" => Class::Grant,
        "revoke" => Class::Revoke,
        "security" => Class::SecurityLabel,
        "set" | "reset" => setting(cur),
        "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release" => Class::Transaction,
        "prepare" if cur.is("transaction") => Class::Transaction,
        "do" => Class::Do,
        "reassign" => Class::ReassignOwned,
        "select" => match set_config(*cur) {
            Some(value) => Class::SelectSetConfigSearchPath { value },
            None => Class::Dml,
        },
        "insert" | "update" | "delete" | "merge" | "truncate" | "copy" | "with" | "values" | "table" | "call"
        | "execute" | "lock" | "vacuum" | "analyze" | "analyse" | "refresh" | "cluster" | "reindex" | "repack"
        | "notify" | "listen" | "unlisten" | "show" | "explain" | "declare" | "fetch" | "move" | "close"
        | "prepare" | "deallocate" | "discard" | "checkpoint" => Class::Dml,
        _ => Class::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lex::Lexer;

    fn class(text: &str) -> Class {
        let toks: Vec<_> = Lexer::new(text).filter(|t| !t.kind.is_trivia()).collect();
        classify(&mut Cursor::new(text, &toks))
    }

    #[test]
    fn create_sees_through_what_stands_between() {
        use ObjectWord as O;
        for (text, want) in [
            ("CREATE TABLE t ()", O::Table),
            ("create unlogged table if not exists t ()", O::Table),
            ("CREATE GLOBAL TEMPORARY TABLE t ()", O::Table),
            ("CREATE OR REPLACE TEMP RECURSIVE VIEW v AS SELECT 1", O::View),
            ("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", O::Index),
            ("CREATE /* x */ CONSTRAINT TRIGGER x AFTER INSERT ON t", O::Trigger),
            ("CREATE OR REPLACE TRUSTED PROCEDURAL LANGUAGE plx", O::Language),
            ("CREATE DEFAULT CONVERSION c FOR 'a' TO 'b' FROM f", O::Conversion),
            ("CREATE FOREIGN DATA WRAPPER w", O::ForeignDataWrapper),
            ("CREATE FOREIGN TABLE f () SERVER s", O::ForeignTable),
            ("CREATE USER MAPPING FOR u SERVER s", O::UserMapping),
            ("CREATE OPERATOR CLASS c DEFAULT FOR TYPE t USING btree AS STORAGE t", O::OperatorClass),
            ("CREATE TEXT SEARCH DICTIONARY d (TEMPLATE = simple)", O::TextSearch),
            ("CREATE MATERIALIZED VIEW m AS SELECT 1", O::MaterializedView),
            ("CREATE ACCESS METHOD m TYPE INDEX HANDLER h", O::AccessMethod),
            ("CREATE EVENT TRIGGER e ON ddl_command_start EXECUTE FUNCTION f()", O::EventTrigger),
            ("CREATE GADGET g", O::Other),
        ] {
            assert_eq!(class(text), Class::Create(want), "{text}");
        }
        assert_eq!(class("ALTER TABLE IF EXISTS ONLY t ADD a int"), Class::Alter(O::Table));
        assert_eq!(class("ALTER LARGE OBJECT 1 OWNER TO x"), Class::Alter(O::Other));
    }

    #[test]
    fn all_other_classes() {
        let set = |name: &str| Class::Set { name: name.into() };
        for (text, want) in [
            ("CREATE USER u", Class::Role),
            ("DROP ROLE IF EXISTS u", Class::Role),
            ("DROP USER MAPPING FOR u SERVER s", Class::Drop),
            ("ALTER GROUP g ADD USER u", Class::Role),
            ("GRANT a TO b", Class::Grant),
            ("REVOKE ALL ON t FROM b", Class::Revoke),
            ("ALTER DATABASE d SET x = 1", Class::Database),
            ("CREATE TABLESPACE s LOCATION '/x'", Class::Database),
            ("ALTER SYSTEM SET a = 1", Class::Database),
            ("ALTER DEFAULT PRIVILEGES IN SCHEMA s GRANT SELECT ON TABLES TO x", Class::AlterDefaultPrivileges),
            ("DROP OWNED BY x", Class::ReassignOwned),
            ("REASSIGN OWNED BY x TO y", Class::ReassignOwned),
            ("SECURITY LABEL ON TABLE t IS 'x'", Class::SecurityLabel),
            ("COMMENT ON TABLE t IS 'x'", Class::Comment),
            ("DO $$ $$", Class::Do),
            ("START TRANSACTION", Class::Transaction),
            ("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE", Class::Transaction),
            ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", Class::Transaction),
            ("SET SESSION search_path TO a", set("search_path")),
            ("SET LOCAL my.Var = 1", set("my.var")),
            ("SET check_function_bodies=off", set("check_function_bodies")),
            ("SET TIME ZONE 'UTC'", set("time zone")),
            ("SET SESSION AUTHORIZATION x", set("session authorization")),
            ("SET SESSION ROLE x", set("role")),
            ("RESET ALL", set("all")),
            ("SELECT set_config('other', '', false)", Class::Dml),
            ("WITH x AS (SELECT 1) SELECT 1", Class::Dml),
            ("(SELECT 1)", Class::Dml),
            ("COPY t FROM stdin", Class::Dml),
            ("IMPORT FOREIGN SCHEMA x FROM SERVER y INTO z", Class::Unknown),
            ("'x'", Class::Unknown),
        ] {
            assert_eq!(class(text), want, "{text}");
        }
        let dump = "SELECT pg_catalog.set_config('search_path', '', false)";
        assert_eq!(class(dump), Class::SelectSetConfigSearchPath { value: String::new() });
    }
}
