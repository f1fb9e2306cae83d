//! Which statements of a desired schema a superuser of a private server may run for the loader, which has no such right.
//!
//! The desired SQL may come from a stranger. A statement is run by a superuser only where it needs the right and cannot
//! bring code of the schema to run with it: no default, check, index expression or validator is evaluated by what is
//! allowed here, no role is given more than it had, and nothing is left behind that does so later. What a statement is
//! was told by its first words; here its tokens decide, so that comments, quotes and line ends make no difference.

use crate::dev::{ADMIN, LOADER};
use postgres::error::DbError;
use underpin_sql::{Class, Lexer, ObjectWord, Sql, Token, TokenKind, quote};

/// Where statements come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The desired SQL, perhaps a stranger's.
    Stranger,
    /// The live database. What only its superuser can have made there is taken as it is: functions in languages without
    /// bounds.
    Live,
    /// The desired SQL of someone whom the user trusts (`--trust-sql`).
    Full,
}

impl From<bool> for Trust {
    fn from(trusted: bool) -> Self {
        if trusted { Self::Full } else { Self::Stranger }
    }
}

impl Trust {
    /// The trust in the live side, which is never less than the trust in the desired one.
    pub fn in_live(trusted: bool) -> Self {
        if trusted { Self::Full } else { Self::Live }
    }
}

/// A statement as its tokens, without spaces and comments.
struct Words<'a> {
    text: &'a str,
    tokens: Vec<Token>,
}

impl<'a> Words<'a> {
    fn new(text: &'a str) -> Self {
        Self {
            text,
            tokens: Lexer::new(text).filter(|t| !t.kind.is_trivia() && t.kind != TokenKind::Semicolon).collect(),
        }
    }

    fn len(&self) -> usize {
        self.tokens.len()
    }

    fn text(&self, n: usize) -> &'a str {
        self.tokens.get(n).map_or("", |t| t.text(self.text))
    }

    fn is(&self, n: usize, word: &str) -> bool {
        self.tokens.get(n).is_some_and(|t| t.kind == TokenKind::Word) && self.text(n).eq_ignore_ascii_case(word)
    }

    fn places(&self, word: &str) -> Vec<usize> {
        (0..self.len()).filter(|n| self.is(*n, word)).collect()
    }

    fn has(&self, word: &str) -> bool {
        !self.places(word).is_empty()
    }

    fn has_kind(&self, kind: TokenKind) -> bool {
        self.tokens.iter().any(|t| t.kind == kind)
    }

    /// The name at a place as the server reads it; nothing for what is no plain name.
    fn name(&self, n: usize) -> Option<String> {
        match self.tokens.get(n)?.kind {
            TokenKind::Word => Some(self.text(n).to_ascii_lowercase()),
            TokenKind::QuotedIdent => Some(self.text(n).trim_matches('"').replace("\"\"", "\"")),
            _ => None,
        }
    }
}

/// Whether a superuser may run the statement in the loader's place after the server has refused it with `error`.
pub(crate) fn may_be_run(sql: &str, class: &Class, error: &DbError, trust: Trust) -> bool {
    // 42939 is a reserved name, 0LP01 an invalid grant: both only a superuser may do.
    if !matches!(error.code().code(), "42501" | "42939" | "0LP01") {
        return false;
    }
    if trust == Trust::Full {
        return true;
    }
    // The refusal came from inside a function, so the statement runs code.
    if error.where_().is_some() {
        return false;
    }
    let words = Words::new(sql);
    match class {
        Class::Comment | Class::AlterDefaultPrivileges | Class::SecurityLabel => true,
        Class::Grant | Class::Revoke => is_grant_on_object(sql, class),
        Class::Drop => {
            let kind = [
                "extension",
                "event",
                "foreign",
                "server",
                "publication",
                "subscription",
                "user",
                "cast",
                "transform",
                "access",
                "language",
                "function",
                "procedure",
                "routine",
            ];
            kind.iter().any(|k| words.is(1, k))
                && !(0..words.len()).any(|n| words.name(n).as_deref() == Some("plpgsql"))
        }
        Class::Create(ObjectWord::Function | ObjectWord::Procedure) if trust == Trust::Live => true,
        Class::Create(word) => may_be_made(*word, &words),
        Class::Alter(word) => {
            is_owner_change(*word, &words) || gives_to_itself(*word, &words) || may_be_changed(*word, &words)
        }
        _ => false,
    }
}

/// Whether the statement gives or takes rights on objects, other than memberships and parameters. A superuser may do that
/// for the loader where the object is not the loader's, since no role here has more rights than the schema gives it.
pub(crate) fn is_grant_on_object(sql: &str, class: &Class) -> bool {
    matches!(class, Class::Grant | Class::Revoke) && {
        let words = Words::new(sql);
        // Without ON it gives a role the rights of another.
        words.has("on") && !words.has("parameter")
    }
}

fn may_be_made(word: ObjectWord, words: &Words<'_>) -> bool {
    use ObjectWord as O;
    match word {
        O::Extension
        | O::EventTrigger
        | O::ForeignDataWrapper
        | O::Server
        | O::UserMapping
        | O::Language
        | O::OperatorClass
        | O::OperatorFamily
        | O::Operator
        | O::AccessMethod
        | O::Cast
        | O::Publication
        | O::Subscription
        | O::TextSearch
        | O::Transform
        | O::Conversion
        | O::Collation
        | O::Type => true,
        // The first value is read by the state's type, which may be a domain with a check of its own.
        O::Aggregate => !["initcond", "initcond1", "minitcond"].iter().any(|w| words.has(w)),
        // `CREATE SCHEMA s CREATE TABLE …` makes more than a schema.
        O::Schema => words.places("create").len() == 1 && !words.has("grant"),
        O::Function | O::Procedure => in_bounds(words) || is_internal(words),
        _ => false,
    }
}

fn may_be_changed(word: ObjectWord, words: &Words<'_>) -> bool {
    use ObjectWord as O;
    match word {
        O::Extension
        | O::EventTrigger
        | O::ForeignDataWrapper
        | O::Server
        | O::UserMapping
        | O::Language
        | O::OperatorClass
        | O::OperatorFamily
        | O::Operator
        | O::Publication
        | O::TextSearch
        | O::Conversion
        | O::Collation
        | O::Aggregate
        | O::Schema => !words.has("owner"),
        O::Subscription => !connects(words),
        // A changed attribute rewrites the typed tables, by casts and checks of the schema.
        O::Type => !words.has("attribute") && !words.has("owner"),
        _ => false,
    }
}

/// Whether a change of a subscription may have the server connect to its publisher (manual, ALTER SUBSCRIPTION).
fn connects(words: &Words<'_>) -> bool {
    // ALTER SUBSCRIPTION name action …
    let setting = words.is(3, "set") && words.tokens.get(4).is_some_and(|t| t.kind == TokenKind::OpenParen);
    if setting {
        let quiet = [
            "slot_name",
            "synchronous_commit",
            "binary",
            "streaming",
            "disable_on_error",
            "password_required",
            "run_as_owner",
            "origin",
        ];
        let kind = |n: usize| words.tokens.get(n).map(|t| t.kind);
        let mut names = (5..words.len())
            .filter(|n| matches!(kind(n - 1), Some(TokenKind::OpenParen | TokenKind::Comma)))
            .map(|n| words.name(n).unwrap_or_default());
        return !names.all(|name| quiet.contains(&name.as_str()));
    }
    let disables = words.is(3, "disable") && words.len() == 4;
    let last: Vec<&str> = (words.len().saturating_sub(5)..words.len()).map(|n| words.text(n)).collect();
    let without_refresh = words.has("publication") && last.join(" ").eq_ignore_ascii_case("( refresh = false )");
    !disables && !without_refresh
}

/// Whether a routine is in a language that the server keeps in bounds. Only the plainest spelling counts.
fn in_bounds(words: &Words<'_>) -> bool {
    let languages = words.places("language");
    !languages.is_empty()
        && languages.iter().all(|n| {
            let next = words.text(n + 1);
            ["sql", "plpgsql"].iter().any(|l| next.eq_ignore_ascii_case(l))
                || ["'sql'", "'plpgsql'", "\"sql\"", "\"plpgsql\""].contains(&next)
        })
}

/// Whether a routine is in the language of the server's own functions, which [`WITHOUT_TWIN`] then has to let pass.
pub(crate) fn makes_internal(sql: &str, class: &Class) -> bool {
    matches!(class, Class::Create(ObjectWord::Function)) && is_internal(&Words::new(sql))
}

fn is_internal(words: &Words<'_>) -> bool {
    let languages = words.places("language");
    !languages.is_empty() && languages.iter().all(|n| words.text(n + 1).eq_ignore_ascii_case("internal"))
}

/// Asks for a function in the language `internal` that this transaction has made or given away and that is not the same as one
/// of the server's own that anyone may call, or that is not a superuser's. Another name for such a one does no more than
/// it; with other types, or called with nulls that it does not expect (which its owner may have it be), it would read
/// memory that is not its own.
pub(crate) const WITHOUT_TWIN: &str = "SELECT f.oid::pg_catalog.regprocedure::text FROM pg_catalog.pg_proc f \
     WHERE f.prolang = 12 AND f.prokind <> 'a' AND f.oid >= 16384 AND f.xmin::text = (pg_catalog.txid_current() % 4294967296)::text \
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass \
                     AND d.objid = f.oid AND d.deptype = 'e') \
     AND (NOT (SELECT rolsuper FROM pg_catalog.pg_roles r WHERE r.oid = f.proowner) OR f.prosecdef OR f.prosupport <> 0 OR f.proconfig IS NOT NULL OR f.pronargdefaults > 0 OR NOT EXISTS ( \
       SELECT FROM pg_catalog.pg_proc p WHERE p.oid < 16384 AND p.prolang = 12 AND p.prosrc = f.prosrc \
       AND p.proargtypes = f.proargtypes AND p.prorettype = f.prorettype AND p.prokind = f.prokind \
       AND p.proretset = f.proretset AND p.provariadic = f.provariadic \
       AND p.proallargtypes IS NOT DISTINCT FROM f.proallargtypes AND (f.proisstrict OR NOT p.proisstrict OR p.prokind = 'w') \
       AND EXISTS (SELECT FROM pg_catalog.aclexplode(COALESCE(p.proacl, pg_catalog.acldefault('f', p.proowner))) a \
                   WHERE a.grantee = 0 AND a.privilege_type = 'EXECUTE'))) LIMIT 1";

/// The role that an object which only a superuser can own is given to, where the statement does only that.
pub(crate) fn mighty_heir(sql: &str, class: &Class) -> Option<String> {
    let words = Words::new(sql);
    match class {
        Class::Alter(word @ (ObjectWord::EventTrigger | ObjectWord::Subscription | ObjectWord::ForeignDataWrapper))
            if is_owner_change(*word, &words) =>
        {
            words.name(words.len() - 1)
        }
        _ => None,
    }
}

/// Whether the statement gives what only a superuser can own to whoever runs it.
fn gives_to_itself(word: ObjectWord, words: &Words<'_>) -> bool {
    use ObjectWord as O;
    let n = words.len();
    matches!(word, O::EventTrigger | O::Subscription | O::ForeignDataWrapper)
        && n >= 6
        && words.is(n - 3, "owner")
        && words.is(n - 2, "to")
        && ["current_user", "session_user", "current_role"].iter().any(|itself| words.is(n - 1, itself))
}

/// Such a statement for the superuser that runs nothing: the one that runs the statement shall own nothing of the schema.
pub(crate) fn given_to_nobody(sql: &str, class: &Class) -> Option<String> {
    let words = Words::new(sql);
    let Class::Alter(word) = class else { return None };
    let last = words.tokens.last().filter(|_| gives_to_itself(*word, &words))?;
    Some(format!("{}{}", &sql[..last.span().start], quote::ident(underpin_scratch::SUPERUSER)))
}

/// Whether the statement only gives an object to a role that has no rights of its own on the server: `ALTER … OWNER TO
/// role` and nothing else.
fn is_owner_change(word: ObjectWord, words: &Words<'_>) -> bool {
    let n = words.len();
    if n < 6 || !words.is(n - 3, "owner") || !words.is(n - 2, "to") {
        return false;
    }
    // A function that runs as its owner would run as that role.
    let Some(role) = words.name(n - 1) else { return false };
    let itself = ["current_user", "session_user", "current_role", "user"].contains(&role.as_str());
    let mighty =
        itself || role == ADMIN || role == "_underpin" || (role.starts_with("pg_") && role != "pg_database_owner");
    // These take several actions, with commas between; the others take one.
    let many = matches!(
        word,
        ObjectWord::Table
            | ObjectWord::ForeignTable
            | ObjectWord::View
            | ObjectWord::MaterializedView
            | ObjectWord::Index
            | ObjectWord::Sequence
            | ObjectWord::Type
            | ObjectWord::Domain
            | ObjectWord::Other
    );
    let one_action = !many || !(words.has_kind(TokenKind::Comma) || words.has_kind(TokenKind::OpenParen));
    !mighty && one_action
}

/// Whether the statement has the server call a validator of options, which must not be the schema's own.
pub(crate) fn calls_validator(class: &Class) -> bool {
    use ObjectWord as O;
    matches!(class, Class::Create(w) | Class::Alter(w) if matches!(w, O::ForeignDataWrapper | O::Server | O::UserMapping))
}

/// Asks whether there is a function that could be such a validator and is not the server's or an extension's own.
pub(crate) const OWN_VALIDATORS: &str = "SELECT count(*) FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang \
     WHERE p.proargtypes = '1009 26'::pg_catalog.oidvector AND l.lanname NOT IN ('c', 'internal')";

/// Asks whether the loader may now call what reaches files: rights that a grant or a default privilege has opened.
pub(crate) fn opened() -> String {
    let functions = [
        "pg_read_file",
        "pg_read_binary_file",
        "pg_ls_dir",
        "pg_stat_file",
        "lo_import",
        "lo_export",
        "pg_file_write",
        "pg_file_read",
        "pg_file_rename",
        "pg_file_unlink",
        "pg_file_sync",
        "pg_reload_conf",
        "dblink_connect_u",
    ];
    let list = Sql::empty().list(functions, |w, f| w.literal(f)).build();
    let loader = Sql::empty().literal(LOADER).build();
    format!(
        "SELECT proname::text FROM pg_catalog.pg_proc WHERE proname IN ({list}) AND prolang IN (12, 13) \
         AND pg_catalog.has_function_privilege({loader}, oid, 'EXECUTE') LIMIT 1"
    )
}

/// A subscription that does not connect when it is made, whatever its statement says: the network is out of bounds, and
/// what it would subscribe to is of no interest to a schema.
pub(crate) fn without_connecting(sql: &str) -> String {
    let words = Words::new(sql);
    let with = words
        .places("with")
        .into_iter()
        .rfind(|n| words.tokens.get(n + 1).is_some_and(|t| t.kind == TokenKind::OpenParen));
    let mut options = vec!["connect = false".to_owned()];
    let Some(with) = with else {
        let end = words.tokens.last().map_or(0, |t| t.span().end);
        return format!("{} WITH ({})", &sql[..end], options.join(", "));
    };
    let first = with + 2;
    let mut from = first;
    for n in first..words.len() {
        let kind = words.tokens[n].kind;
        if matches!(kind, TokenKind::Comma | TokenKind::CloseParen) {
            let name = words.name(from).unwrap_or_default();
            // These three would connect, or are at odds with not connecting.
            if from < n && !["connect", "create_slot", "enabled", "copy_data"].contains(&name.as_str()) {
                options.push(sql[words.tokens[from].span().start..words.tokens[n - 1].span().end].to_owned());
            }
            from = n + 1;
        }
        if kind == TokenKind::CloseParen {
            break;
        }
    }
    format!("{}({})", &sql[..words.tokens[with].span().end], options.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(sql: &str, word: ObjectWord) -> bool {
        is_owner_change(word, &Words::new(sql))
    }

    #[test]
    fn only_a_plain_change_of_owner_counts() {
        assert!(change("ALTER TABLE ONLY public.t OWNER TO app", ObjectWord::Table));
        assert!(change("ALTER FUNCTION f(integer, text) OWNER TO \"App\"", ObjectWord::Function));
        assert!(!change("ALTER TABLE t/*(*/VALIDATE CONSTRAINT c, OWNER TO app", ObjectWord::Table));
        assert!(!change("ALTER TABLE t ALTER a TYPE int USING (f(a)), OWNER TO app", ObjectWord::Table));
        for role in [
            "_underpin_admin",
            "\"_underpin_admin\"",
            "_UNDERPIN",
            "pg_execute_server_program",
            "U&\"x\"",
            "CURRENT_USER",
        ] {
            assert!(!change(&format!("ALTER FUNCTION f() OWNER TO {role}"), ObjectWord::Function), "{role}");
        }
    }

    #[test]
    fn what_only_a_superuser_owns_is_given_to_the_one_that_runs_nothing() {
        let given = |sql: &str, word| given_to_nobody(sql, &Class::Alter(word));
        assert_eq!(
            given("ALTER EVENT TRIGGER e OWNER TO CURRENT_USER -- me", ObjectWord::EventTrigger).as_deref(),
            Some("ALTER EVENT TRIGGER e OWNER TO _underpin")
        );
        assert_eq!(given("ALTER EVENT TRIGGER e OWNER TO \"current_user\"", ObjectWord::EventTrigger), None);
        assert_eq!(given("ALTER FUNCTION f() OWNER TO CURRENT_USER", ObjectWord::Function), None);
    }

    #[test]
    fn only_plain_languages_are_in_bounds() {
        for good in ["LANGUAGE sql", "language PLPGSQL", "LANGUAGE 'sql'", "LANGUAGE /* c */ sql"] {
            assert!(in_bounds(&Words::new(good)), "{good}");
        }
        for bad in [
            "",
            "LANGUAGE c",
            "LANGUAGE/**/c",
            "LANGUAGE \"c\"",
            "LANGUAGE U&\"sql\"",
            "LANGUAGE sql LANGUAGE internal",
        ] {
            assert!(!in_bounds(&Words::new(bad)), "{bad}");
        }
    }

    #[test]
    fn only_changes_of_subscriptions_that_do_not_connect_are_allowed() {
        for quiet in [
            "ALTER SUBSCRIPTION s SET (binary = 'true', slot_name = NONE)",
            "ALTER SUBSCRIPTION s DISABLE",
            "ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = false)",
        ] {
            assert!(!connects(&Words::new(quiet)), "{quiet}");
        }
        for loud in [
            "ALTER SUBSCRIPTION s SET (binary, failover = true)",
            "ALTER SUBSCRIPTION s SET (two_phase)",
            "ALTER SUBSCRIPTION s ENABLE",
            "ALTER SUBSCRIPTION s CONNECTION 'host=x'",
            "ALTER SUBSCRIPTION s REFRESH PUBLICATION",
            "ALTER SUBSCRIPTION s SET PUBLICATION p",
            "ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = true)",
        ] {
            assert!(connects(&Words::new(loud)), "{loud}");
        }
    }

    #[test]
    fn subscriptions_do_not_connect() {
        assert_eq!(
            without_connecting("CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p -- end"),
            "CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p WITH (connect = false)"
        );
        assert_eq!(
            without_connecting(
                "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH (copy_data = false, slot_name = 'a', connect)"
            ),
            "CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p WITH(connect = false, slot_name = 'a')"
        );
    }
}
