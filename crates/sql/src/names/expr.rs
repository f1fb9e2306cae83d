//! What expressions and queries name, told by where a name stands: behind `FROM` it is a relation, before `(` a
//! routine, behind `::` a type. A bare word in an expression is a column and no name of an object.

use super::collect::Collector;
use crate::cursor::{Chain, Cursor, lower};
use crate::lex::TokenKind;
use crate::statement::Space;

/// What the next name will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Nothing,
    Relation,
    /// The target of a foreign key.
    Referenced,
    Type,
    Other,
}

/// One level of parentheses.
#[derive(Debug, Clone, Copy, Default)]
struct Level {
    /// They hold the arguments of a function.
    call: bool,
    /// They are those of `CAST (x AS type)`.
    cast: bool,
    /// They are those of a function that takes the name of a relation or sequence as a string.
    takes_relation: bool,
    /// A `SELECT` stands in them.
    select: bool,
    /// Behind a `FROM`: a comma leads to a further relation.
    from: bool,
}

/// Words before `(` or a string that are no function and no type.
fn is_syntax(word: &str) -> bool {
    matches!(
        word,
        "all"
            | "and"
            | "any"
            | "array"
            | "as"
            | "between"
            | "by"
            | "case"
            | "check"
            | "coalesce"
            | "constraint"
            | "cross"
            | "cube"
            | "default"
            | "distinct"
            | "do"
            | "else"
            | "end"
            | "except"
            | "exclude"
            | "exists"
            | "filter"
            | "for"
            | "foreign"
            | "from"
            | "full"
            | "generated"
            | "grouping"
            | "having"
            | "ilike"
            | "in"
            | "include"
            | "inherits"
            | "inner"
            | "instead"
            | "intersect"
            | "is"
            | "join"
            | "key"
            | "lateral"
            | "left"
            | "like"
            | "limit"
            | "materialized"
            | "natural"
            | "not"
            | "null"
            | "nullif"
            | "offset"
            | "on"
            | "or"
            | "order"
            | "outer"
            | "over"
            | "partition"
            | "primary"
            | "range"
            | "references"
            | "return"
            | "returning"
            | "right"
            | "rollup"
            | "row"
            | "rows"
            | "select"
            | "set"
            | "sets"
            | "similar"
            | "some"
            | "then"
            | "union"
            | "unique"
            | "using"
            | "values"
            | "varying"
            | "when"
            | "where"
            | "with"
            | "within"
    )
}

/// Operators that come with the server, so that no statement has to make them.
fn is_builtin_operator(text: &str) -> bool {
    matches!(
        text,
        "=" | "<"
            | ">"
            | "<="
            | ">="
            | "<>"
            | "!="
            | "+"
            | "-"
            | "*"
            | "/"
            | "%"
            | "^"
            | "|"
            | "&"
            | "||"
            | "~"
            | "~*"
            | "!~"
            | "!~*"
            | "#"
            | "<<"
            | ">>"
            | "->"
            | "->>"
            | "#>"
            | "#>>"
            | "@>"
            | "<@"
            | "?"
            | "?|"
            | "?&"
            | "&&"
            | "=>"
            | "@@"
            | "#-"
            | "@?"
            | "~~"
            | "!~~"
            | "-|-"
            | "|/"
            | "!!"
            | "@"
    )
}

/// Steps over a type and takes down its name; `t.c%TYPE` names the relation `t`.
pub(crate) fn type_name(out: &mut Collector, cur: &mut Cursor<'_>) {
    cur.eat_all(&["setof"]);
    let Some(chain) = cur.chain() else { return };
    let percent = cur.token(0).is_some_and(|t| t.kind == TokenKind::Operator && t.text(cur.text) == "%");
    if percent && cur.is_at(1, "type") {
        cur.at += 2;
        if let Some(relation) = chain.parent() {
            out.add(&relation, Space::Relation);
        }
    } else if percent && cur.is_at(1, "rowtype") {
        cur.at += 2;
        out.add(&chain, Space::Relation);
    } else {
        out.add(&chain, Space::Type);
    }
}

/// Takes down what the tokens from here to the end name.
pub(crate) fn scan(out: &mut Collector, cur: Cursor<'_>) {
    let last = Level::default();
    let mut scan = Scan { out, cur, levels: Vec::new(), level: last, expect: Expect::Nothing, with: false };
    while let Some(kind) = scan.cur.kind(0) {
        scan.token(kind);
    }
}

/// Whether the token before the reader is one of these words.
fn before(mut cur: Cursor<'_>, words: &[&str]) -> bool {
    let Some(at) = cur.at.checked_sub(1) else { return false };
    cur.at = at;
    cur.is_any(words)
}

struct Scan<'a, 'o> {
    out: &'o mut Collector,
    cur: Cursor<'a>,
    levels: Vec<Level>,
    level: Level,
    expect: Expect,
    /// A `WITH` has been seen, so `x AS (` may name a query.
    with: bool,
}

impl<'a> Scan<'a, '_> {
    fn open(&mut self, level: Level) {
        self.cur.at += 1;
        self.levels.push(self.level);
        self.level = level;
        // `FROM (a JOIN b …)`: a parenthesis does not end the wait for a relation.
        if self.expect != Expect::Relation {
            self.expect = Expect::Nothing;
        }
    }

    fn token(&mut self, kind: TokenKind) {
        match kind {
            TokenKind::Word | TokenKind::QuotedIdent | TokenKind::UnicodeIdent => self.name(),
            TokenKind::OpenParen => self.open(Level::default()),
            TokenKind::CloseParen => {
                self.cur.at += 1;
                self.level = self.levels.pop().unwrap_or_default();
                self.expect = Expect::Nothing;
            }
            TokenKind::Comma => {
                self.cur.at += 1;
                self.expect = if self.level.from { Expect::Relation } else { Expect::Nothing };
            }
            TokenKind::TypeCast => {
                self.cur.at += 1;
                self.expect = Expect::Type;
            }
            TokenKind::Operator => {
                self.operator();
                self.cur.at += 1;
                self.expect = Expect::Nothing;
            }
            _ => {
                if kind.is_string() {
                    self.string();
                }
                self.cur.at += 1;
            }
        }
    }

    fn operator(&mut self) {
        let text = self.cur.text;
        let Some(token) = self.cur.token(0).filter(|t| !is_builtin_operator(t.text(text))) else { return };
        let name = token.text(text).to_owned();
        self.out.refers.push(crate::Name { schema: None, name, space: Space::Other });
    }

    /// A string that names an object: `'x'::regclass`, `nextval('x')`.
    fn string(&mut self) {
        let (Some(token), text) = (self.cur.token(0), self.cur.text) else { return };
        if self.level.takes_relation {
            self.out.add_string(text, token, Space::Relation);
        }
        if self.cur.kind(1) != Some(TokenKind::TypeCast) {
            return;
        }
        let mut target = self.cur;
        target.at += 2;
        let Some(chain) = target.chain() else { return };
        let space = match chain.last().as_str() {
            "regclass" if !self.level.takes_relation => Space::Relation,
            "regtype" => Space::Type,
            "regproc" | "regprocedure" => Space::Routine,
            "regnamespace" => Space::Schema,
            _ => return,
        };
        self.out.add_string(text, token, space);
    }

    /// `x [(columns)] AS [[NOT] MATERIALIZED] (` behind `WITH` or a comma.
    fn is_with_query(&self) -> bool {
        let comma = self.cur.at.checked_sub(1).and_then(|i| self.cur.toks.get(i)).map(|t| t.kind);
        if !self.with || !(before(self.cur, &["with", "recursive"]) || comma == Some(TokenKind::Comma)) {
            return false;
        }
        let mut ahead = self.cur;
        ahead.at += 1;
        if ahead.kind(0) == Some(TokenKind::OpenParen) {
            // Columns only: the look ahead stays short, whatever the parentheses hold.
            let names = |t: &&crate::lex::Token| t.kind.is_name() || t.kind == TokenKind::Comma;
            let columns = ahead.toks[ahead.at + 1..].iter().take(1700).take_while(names).count();
            ahead.at += columns + 1;
            if !ahead.eat_kind(TokenKind::CloseParen) {
                return false;
            }
        }
        if !ahead.eat(&["as"]) {
            return false;
        }
        ahead.eat(&["not"]);
        ahead.eat(&["materialized"]);
        ahead.kind(0) == Some(TokenKind::OpenParen)
    }

    fn name(&mut self) {
        if self.expect == Expect::Type {
            type_name(self.out, &mut self.cur);
            self.expect = Expect::Nothing;
            return;
        }
        if self.is_with_query() {
            if let Some(chain) = self.cur.chain() {
                self.out.with_queries.push(chain.last());
            }
            self.expect = Expect::Nothing;
            return;
        }
        let start = self.cur;
        let Some(chain) = self.cur.chain() else { return };
        let mut buffer = [0; 20];
        let word = lower(chain.bare().unwrap_or(""), &mut buffer);
        if !word.is_empty() && self.keyword(word, start) {
            return;
        }
        self.object(&chain, word);
    }

    /// Handles a word of the grammar. `here` is the reader before it.
    fn keyword(&mut self, word: &str, here: Cursor<'a>) -> bool {
        match word {
            "select" => {
                (self.level.select, self.level.from) = (true, false);
                self.expect = Expect::Nothing;
            }
            "from" => {
                let of_function = self.level.call && !self.level.select;
                if !of_function && !before(here, &["distinct"]) {
                    self.level.from = true;
                    self.expect = Expect::Relation;
                }
            }
            "join" | "into" | "table" => self.expect = Expect::Relation,
            "update" => {
                let clause = before(here, &["for", "on", "do", "or", "before", "after", "of", "key", "no"]);
                self.expect = if clause { Expect::Nothing } else { Expect::Relation };
            }
            // `EXCLUDE USING gist (…)`
            "using" if before(here, &["exclude"]) => self.expect = Expect::Other,
            "using" => {
                let list = self.level.from && self.cur.kind(0) != Some(TokenKind::OpenParen);
                self.expect = if list { Expect::Relation } else { Expect::Nothing };
            }
            "references" => self.expect = Expect::Referenced,
            "collate" => self.expect = Expect::Other,
            "returns" | "setof" => self.expect = Expect::Type,
            "as" => self.expect = if self.level.cast { Expect::Type } else { Expect::Nothing },
            "with" => {
                self.with = true;
                self.expect = Expect::Nothing;
            }
            "where" | "group" | "having" | "order" | "limit" | "offset" | "union" | "except" | "intersect"
            | "window" | "fetch" | "returning" | "set" => {
                self.level.from = false;
                self.expect = Expect::Nothing;
            }
            // These do not end the wait for a relation.
            "only" | "lateral" | "rows" if self.expect == Expect::Relation => {}
            _ => return false,
        }
        true
    }

    /// Handles a name that is no word of the grammar.
    fn object(&mut self, chain: &Chain<'_>, word: &str) {
        let call = self.cur.kind(0) == Some(TokenKind::OpenParen);
        let expect = std::mem::replace(&mut self.expect, Expect::Nothing);
        match expect {
            Expect::Relation => self.out.add(chain, Space::Relation),
            Expect::Referenced => self.out.add_each(chain, &[Space::Relation, Space::Key]),
            Expect::Other => self.out.add(chain, Space::Other),
            Expect::Type | Expect::Nothing => {}
        }
        let syntax = !word.is_empty() && is_syntax(word);
        if call && !matches!(expect, Expect::Referenced | Expect::Other) && !syntax {
            self.out.add(chain, Space::Routine);
            let name = chain.last();
            let takes_relation = matches!(name.as_str(), "nextval" | "currval" | "setval");
            self.open(Level { call: true, cast: word == "cast", takes_relation, ..Level::default() });
        } else if !syntax && self.cur.kind(0).is_some_and(TokenKind::is_string) {
            self.out.add(chain, Space::Type);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lex::Lexer;

    fn names(text: &str) -> Vec<String> {
        let toks: Vec<_> = Lexer::new(text).filter(|t| !t.kind.is_trivia()).collect();
        let mut out = Collector::default();
        scan(&mut out, Cursor::new(text, &toks));
        let show = |n: crate::Name| {
            let schema = n.schema.map(|s| s + ".").unwrap_or_default();
            format!("{:?} {schema}{}", n.space, n.name)
        };
        let mut all: Vec<String> = out.finish().into_iter().map(show).collect();
        all.sort();
        all
    }

    #[test]
    fn queries_name_relations_routines_and_types() {
        assert_eq!(
            names(
                "SELECT a.x, f(y), s.g('1'::mood), CAST(z AS s.kind), kind '2' FROM t a, ONLY s.u JOIN (v LEFT JOIN w ON true) \
                 USING (id) WHERE EXISTS (SELECT 1 FROM q) AND c COLLATE \"Mine\" = d"
            ),
            [
                "Other Mine",
                "Relation q",
                "Relation s.u",
                "Relation t",
                "Relation v",
                "Relation w",
                "Routine cast",
                "Routine f",
                "Routine s.g",
                "Type kind",
                "Type mood",
                "Type s.kind"
            ]
        );
    }

    #[test]
    fn words_that_look_like_relations_are_none() {
        let got = names("SELECT extract(epoch FROM created), a IS DISTINCT FROM b, now() FROM t FOR UPDATE");
        assert_eq!(got, ["Relation t", "Routine extract", "Routine now"]);
        let got = names(
            "WITH RECURSIVE x (a) AS (SELECT 1 FROM t), y AS NOT MATERIALIZED (SELECT 1 FROM x) SELECT * FROM y, s.y",
        );
        assert_eq!(got, ["Relation s.y", "Relation t"]);
    }

    #[test]
    fn strings_that_name_objects() {
        let got = names("nextval('s.\"Seq\"'::regclass) + nextval('q') + 'T'::regclass || 'f(int)'::regprocedure");
        assert_eq!(got, ["Relation q", "Relation s.Seq", "Relation t", "Routine f", "Routine nextval"]);
    }

    #[test]
    fn data_statements_and_own_operators() {
        let got = names("INSERT INTO a SELECT 1 FROM b; UPDATE c SET x = y === z; DELETE FROM d USING e, f WHERE 1");
        assert_eq!(
            got,
            ["Other ===", "Relation a", "Relation b", "Relation c", "Relation d", "Relation e", "Relation f"]
        );
    }
}
