//! Where the names of one statement are gathered.

use crate::cursor::{Chain, Cursor, lower, string};
use crate::lex::{Lexer, Token};
use crate::statement::{Name, Space};

/// Names that a statement mentions.
#[derive(Debug, Default)]
pub(crate) struct Collector {
    pub refers: Vec<Name>,
    /// The names of `WITH` queries, which hide relations of the same name.
    pub with_queries: Vec<String>,
}

/// Words that only ever name a type of the server itself when they stand alone and unquoted.
fn is_builtin_type(word: &str) -> bool {
    let mut buffer = [0; 20];
    matches!(
        lower(word, &mut buffer),
        "int"
            | "integer"
            | "int2"
            | "int4"
            | "int8"
            | "bigint"
            | "smallint"
            | "serial"
            | "bigserial"
            | "smallserial"
            | "serial4"
            | "serial8"
            | "text"
            | "varchar"
            | "char"
            | "character"
            | "bpchar"
            | "name"
            | "boolean"
            | "bool"
            | "numeric"
            | "decimal"
            | "dec"
            | "real"
            | "float"
            | "float4"
            | "float8"
            | "double"
            | "date"
            | "time"
            | "timetz"
            | "timestamp"
            | "timestamptz"
            | "interval"
            | "uuid"
            | "json"
            | "jsonb"
            | "bytea"
            | "inet"
            | "cidr"
            | "macaddr"
            | "oid"
            | "xml"
            | "bit"
            | "varbit"
            | "money"
            | "point"
            | "tsvector"
            | "tsquery"
            | "regclass"
            | "regtype"
            | "regproc"
            | "regprocedure"
            | "regnamespace"
            | "record"
            | "void"
            | "trigger"
            | "internal"
            | "cstring"
            | "any"
            | "anyelement"
            | "anyarray"
            | "national"
            | "nchar"
            | "setof"
            | "null"
            | "default"
    )
}

impl Collector {
    /// Takes `chain` down as a name in `space`, unless it is one of the server's own.
    pub fn add(&mut self, chain: &Chain<'_>, space: Space) {
        if chain.is_system() || (space == Space::Type && chain.bare().is_some_and(is_builtin_type)) {
            return;
        }
        self.refers.push(chain.name(space));
    }

    /// Takes `chain` down in each of `spaces`.
    pub fn add_each(&mut self, chain: &Chain<'_>, spaces: &[Space]) {
        for &space in spaces {
            self.add(chain, space);
        }
    }

    /// Takes down the name that a string such as `'s.seq'::regclass` spells.
    pub fn add_string(&mut self, text: &str, token: Token, space: Space) {
        let inner = string(text, token);
        let toks: Vec<Token> = Lexer::new(&inner).filter(|t| !t.kind.is_trivia()).collect();
        if let Some(chain) = Cursor::new(&inner, &toks).chain() {
            self.add(&chain, space);
        }
    }

    /// The names, sorted, each once.
    pub fn finish(mut self) -> Vec<Name> {
        if !self.with_queries.is_empty() {
            let with = &self.with_queries;
            self.refers.retain(|n| n.space != Space::Relation || n.schema.is_some() || !with.contains(&n.name));
        }
        self.refers.sort_unstable();
        self.refers.dedup();
        self.refers
    }
}
