//! Quoting of PostgreSQL identifiers and literals.
//!
//! Everything that a user named passes through here on its way into a statement; nothing else may build SQL from a
//! name or a value.

use rustc_hash::FxHashSet;
use std::sync::LazyLock;

/// Words that PostgreSQL 12 to 18 do not take as a bare column or table name: the reserved ones, those reserved except
/// as a function or type name, and those that are no function or type name (manual, appendix C, "SQL Key Words"). A
/// word quoted without need does no harm, so the list is the union over the versions.
const KEYWORDS: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "authorization",
    "between",
    "bigint",
    "binary",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "collation",
    "column",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "ilike",
    "in",
    "initially",
    "inner",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "is",
    "isnull",
    "join",
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "lateral",
    "leading",
    "least",
    "left",
    "like",
    "limit",
    "localtime",
    "localtimestamp",
    "merge_action",
    "national",
    "natural",
    "nchar",
    "none",
    "normalize",
    "not",
    "notnull",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "outer",
    "overlaps",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "right",
    "row",
    "select",
    "session_user",
    "setof",
    "similar",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "system_user",
    "table",
    "tablesample",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "verbose",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

/// The same words for looking up: every name of every statement passes here.
static RESERVED: LazyLock<FxHashSet<&'static str>> = LazyLock::new(|| KEYWORDS.iter().copied().collect());

/// Whether `word` can stand unquoted as an identifier and be read back as itself.
fn is_plain(word: &str) -> bool {
    let mut bytes = word.bytes();
    let starts = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
    starts && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_') && !RESERVED.contains(word)
}

/// `word` as an identifier, quoted where it has to be (as `quote_ident` of the server does).
#[must_use]
pub fn ident(word: &str) -> String {
    if is_plain(word) { word.to_owned() } else { format!("\"{}\"", word.replace('"', "\"\"")) }
}

/// The parts of a name, each quoted where it has to be, joined by dots.
#[must_use]
pub fn qualified(parts: &[&str]) -> String {
    parts.iter().map(|p| ident(p)).collect::<Vec<_>>().join(".")
}

/// `text` as a string literal. A backslash makes it an `E''` string, so that the result means the same whatever
/// `standard_conforming_strings` says (manual, 4.1.2.2).
#[must_use]
pub fn literal(text: &str) -> String {
    let doubled = text.replace('\'', "''");
    if text.contains('\\') { format!("E'{}'", doubled.replace('\\', "\\\\")) } else { format!("'{doubled}'") }
}

/// `body` between dollar quotes whose tag does not occur in it (manual, 4.1.2.4).
#[must_use]
pub fn dollar(body: &str) -> String {
    let mut tag = String::from("$$");
    let mut n = 0;
    while body.contains(tag.trim_end_matches('$')) && (n > 0 || body.contains("$$") || body.ends_with('$')) {
        n += 1;
        tag = if n == 1 { "$body$".to_owned() } else { format!("$body{n}$") };
    }
    format!("{tag}{body}{tag}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keyword_list_is_sorted() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn quotes_only_what_needs_it() {
        assert_eq!(ident("users"), "users");
        assert_eq!(ident("Users"), "\"Users\"");
        assert_eq!(ident("a\"b"), "\"a\"\"b\"");
        assert_eq!(ident("select"), "\"select\"");
        assert_eq!(ident("ünder"), "\"ünder\"");
        assert_eq!(ident(""), "\"\"");
        assert_eq!(qualified(&["my app", "t"]), "\"my app\".t");
    }

    #[test]
    fn literals_survive_quotes_and_backslashes() {
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal("a\\b"), "E'a\\\\b'");
    }

    #[test]
    fn a_dollar_tag_never_occurs_in_its_body() {
        assert_eq!(dollar("x"), "$$x$$");
        assert_eq!(dollar("a $$ b"), "$body$a $$ b$body$");
        assert_eq!(dollar("a$"), "$body$a$$body$");
        assert_eq!(dollar("$$ $body$"), "$body2$$$ $body$$body2$");
    }
}
