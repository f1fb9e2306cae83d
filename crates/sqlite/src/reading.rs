//! The text of a CREATE TABLE taken apart: columns and constraints, each with its words and its place. SQLite tells much of a table
//! by pragmas, but neither checks nor names of constraints, what is done on conflict, or the expression of a generated column; these
//! stand in the text alone (manual, "CREATE TABLE", its diagrams). What the pragmas tell too is held against what is read here.

use crate::objects::{Rule, RuleKind};
use std::ops::Range;
use underpin_sql::sqlite::{Tok, TokKind, keyword, toks, word_among};

/// The text of a table, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableText {
    /// The bytes of the table's name.
    pub name: Range<usize>,
    /// The columns in order: name, words of the type, constraints, and the bytes of all that.
    pub columns: Vec<ColumnText>,
    /// The constraints of the table, with their bytes.
    pub rules: Vec<(Rule, Range<usize>)>,
}

/// A column of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnText {
    /// Its name without quotes.
    pub name: String,
    /// Its bytes, from its name to its last token.
    pub span: Range<usize>,
    /// Its constraints in the order in which they are written.
    pub rules: Vec<Rule>,
}

/// Words with which a constraint of a column begins.
const RULES: &[&str] =
    &["constraint", "primary", "not", "null", "unique", "check", "default", "collate", "references", "generated", "as"];

/// Words of a foreign key; what else stands in one is a name, whose case the pragma shows.
const KEY_WORDS: &[&str] = &[
    "constraint",
    "foreign",
    "key",
    "references",
    "on",
    "delete",
    "update",
    "set",
    "null",
    "default",
    "cascade",
    "restrict",
    "no",
    "action",
    "match",
    "not",
    "deferrable",
    "initially",
    "deferred",
    "immediate",
];

struct Reader<'a> {
    text: &'a str,
    toks: Vec<Tok>,
    at: usize,
    is_name: &'a dyn Fn(&str) -> bool,
}

/// Takes a text apart; none where it is not one that SQLite's diagrams draw.
#[must_use]
pub fn read_table(text: &str) -> Option<TableText> {
    read_table_among(text, &|_| true)
}

/// The same, where it is known what names there are: see [`words_among`](underpin_sql::sqlite::words_among).
#[must_use]
pub fn read_table_among(text: &str, is_name: &dyn Fn(&str) -> bool) -> Option<TableText> {
    let mut r = Reader { text, toks: toks(text), at: 0, is_name };
    r.eat("create").then_some(())?;
    _ = r.eat("temp") || r.eat("temporary");
    r.eat("table").then_some(())?;
    if r.eat("if") {
        (r.eat("not") && r.eat("exists")).then_some(())?;
    }
    let mut name = r.bump()?;
    if r.peek().is_some_and(|t| t.kind == TokKind::Dot) {
        r.at += 1;
        name = r.bump()?;
    }
    name.name(text)?;
    (r.bump()?.kind == TokKind::Open).then_some(())?;
    let mut found = TableText { name: name.start..name.end, columns: Vec::new(), rules: Vec::new() };
    loop {
        let is_rule = ["constraint", "primary", "unique", "check", "foreign"].contains(&r.word().as_str());
        if is_rule && !found.columns.is_empty() {
            let begin = r.at;
            let rule = r.table_rule()?;
            found.rules.push((rule, r.span(begin)));
            // Between constraints of a table the comma may be missing.
            match r.peek()?.kind {
                TokKind::Comma => r.at += 1,
                TokKind::Close => break,
                _ => {}
            }
            continue;
        }
        let begin = r.at;
        let name = r.bump()?.name(text)?;
        r.type_words()?;
        let mut rules = Vec::new();
        while !matches!(r.peek()?.kind, TokKind::Comma | TokKind::Close) {
            rules.push(r.column_rule()?);
        }
        found.columns.push(ColumnText { name, span: r.span(begin), rules });
        match r.bump()?.kind {
            TokKind::Comma => {}
            _ => {
                r.at -= 1;
                break;
            }
        }
    }
    // The options behind the list are told by a pragma.
    (r.bump()?.kind == TokKind::Close).then_some(found)
}

impl Reader<'_> {
    fn peek(&self) -> Option<Tok> {
        self.toks.get(self.at).copied()
    }

    fn bump(&mut self) -> Option<Tok> {
        self.at += 1;
        self.toks.get(self.at - 1).copied()
    }

    /// The word that comes next, in lower case; empty where it is none.
    fn word(&self) -> String {
        keyword(self.toks.get(self.at), self.text)
    }

    fn eat(&mut self, word: &str) -> bool {
        let is = self.word() == word;
        self.at += usize::from(is);
        is
    }

    /// The bytes from a token on to the last one that was taken.
    fn span(&self, begin: usize) -> Range<usize> {
        self.toks[begin].start..self.toks[self.at - 1].end
    }

    /// Passes over what stands in parentheses, which come next.
    fn parentheses(&mut self) -> Option<()> {
        (self.bump()?.kind == TokKind::Open).then_some(())?;
        let mut depth = 1_usize;
        while depth > 0 {
            match self.bump()?.kind {
                TokKind::Open => depth += 1,
                TokKind::Close => depth -= 1,
                _ => {}
            }
        }
        Some(())
    }

    /// Passes over the words of a type and the numbers behind it.
    fn type_words(&mut self) -> Option<()> {
        while let Some(tok) = self.peek() {
            let is_word = tok.name(self.text).is_some();
            // `GENERATED` is a type's word where ALWAYS does not follow.
            let begins_rule = match self.word().as_str() {
                "generated" => keyword(self.toks.get(self.at + 1), self.text) == "always",
                word => RULES.contains(&word),
            };
            if !is_word || begins_rule {
                break;
            }
            self.at += 1;
        }
        if self.peek()?.kind == TokKind::Open {
            self.parentheses()?;
        }
        Some(())
    }

    fn conflict(&mut self) -> Option<()> {
        if self.word() == "on" && keyword(self.toks.get(self.at + 1), self.text) == "conflict" {
            self.at += 3;
        }
        Some(())
    }

    /// What stands behind REFERENCES.
    fn references(&mut self) -> Option<()> {
        self.bump()?.name(self.text)?;
        if self.peek()?.kind == TokKind::Open {
            self.parentheses()?;
        }
        loop {
            match self.word().as_str() {
                "on" => {
                    self.at += 2;
                    // SET NULL, SET DEFAULT and NO ACTION are two words.
                    let two = matches!(self.word().as_str(), "set" | "no");
                    self.at += if two { 2 } else { 1 };
                }
                "match" => self.at += 2,
                "deferrable" => self.deferrable(),
                "not" if keyword(self.toks.get(self.at + 1), self.text) == "deferrable" => {
                    self.at += 1;
                    self.deferrable();
                }
                _ => return Some(()),
            }
        }
    }

    fn deferrable(&mut self) {
        self.at += 1;
        if self.eat("initially") {
            self.at += 1;
        }
    }

    fn constraint_name(&mut self) -> Option<Option<String>> {
        if !self.eat("constraint") {
            return Some(None);
        }
        Some(Some(self.bump()?.name(self.text)?))
    }

    fn column_rule(&mut self) -> Option<Rule> {
        let begin = self.at;
        let name = self.constraint_name()?;
        let word = self.word();
        self.at += 1;
        let kind = match word.as_str() {
            "primary" => {
                self.eat("key").then_some(())?;
                _ = self.eat("asc") || self.eat("desc");
                self.conflict()?;
                self.eat("autoincrement");
                RuleKind::PrimaryKey
            }
            "not" => {
                self.eat("null").then_some(())?;
                self.conflict()?;
                RuleKind::NotNull
            }
            "null" => {
                self.conflict()?;
                RuleKind::Null
            }
            "unique" => {
                self.conflict()?;
                RuleKind::Unique
            }
            "check" => {
                self.parentheses()?;
                self.conflict()?;
                RuleKind::Check
            }
            "default" => {
                match self.peek()? {
                    t if t.kind == TokKind::Open => self.parentheses()?,
                    t if t.kind == TokKind::Sign => self.at += 2,
                    _ => self.at += 1,
                }
                RuleKind::Default
            }
            "collate" => {
                self.bump()?.name(self.text)?;
                RuleKind::Collate
            }
            "references" => {
                self.references()?;
                RuleKind::ForeignKey
            }
            "generated" | "as" => {
                if word == "generated" {
                    (self.eat("always") && self.eat("as")).then_some(())?;
                }
                self.parentheses()?;
                _ = self.eat("stored") || self.eat("virtual");
                RuleKind::Generated
            }
            _ => return None,
        };
        self.rule(kind, name, begin)
    }

    fn table_rule(&mut self) -> Option<Rule> {
        let begin = self.at;
        let name = self.constraint_name()?;
        let word = self.word();
        self.at += 1;
        let kind = match word.as_str() {
            "primary" => {
                self.eat("key").then_some(())?;
                self.parentheses()?;
                self.conflict()?;
                RuleKind::PrimaryKey
            }
            "unique" => {
                self.parentheses()?;
                self.conflict()?;
                RuleKind::Unique
            }
            "check" => {
                self.parentheses()?;
                self.conflict()?;
                RuleKind::Check
            }
            "foreign" => {
                self.eat("key").then_some(())?;
                self.parentheses()?;
                self.eat("references").then_some(())?;
                self.references()?;
                RuleKind::ForeignKey
            }
            _ => return None,
        };
        self.rule(kind, name, begin)
    }

    fn rule(&self, kind: RuleKind, name: Option<String>, begin: usize) -> Option<Rule> {
        let taken = self.toks.get(begin..self.at)?;
        let words = taken.iter().enumerate().map(|(n, tok)| match kind {
            RuleKind::ForeignKey => {
                let word = tok.word(self.text);
                let is_word = tok.kind == TokKind::Word && KEY_WORDS.contains(&word.as_str());
                if is_word { word } else { tok.name(self.text).unwrap_or(word) }
            }
            // The pragma shows a default as it is written.
            RuleKind::Default if n > 0 => tok.text(self.text).to_owned(),
            _ => word_among(self.text, taken, n, self.is_name),
        });
        let words = words.collect();
        let span = self.span(begin);
        Some(Rule { kind, name, words, text: self.text[span].to_owned() })
    }
}

/// Whether the text of a table says the table's own name before a column: `CHECK (t.a > 0)`.
#[must_use]
pub fn says_itself(text: &str, name: &Range<usize>) -> bool {
    let list = toks(text);
    let own = list.iter().find(|t| t.start == name.start).and_then(|t| t.name(text)).unwrap_or_default();
    list.windows(2).any(|pair| {
        pair[0].start >= name.end
            && pair[1].kind == TokKind::Dot
            && pair[0].name(text).is_some_and(|s| s.eq_ignore_ascii_case(&own))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(String, Vec<RuleKind>)> {
        let table = read_table(text).expect("a table");
        let columns = table.columns.into_iter().map(|c| (c.name, c.rules.into_iter().map(|r| r.kind).collect()));
        columns.chain([(String::new(), table.rules.into_iter().map(|(r, _)| r.kind).collect())]).collect()
    }

    #[test]
    fn every_constraint_of_a_column_is_found() {
        use RuleKind::*;
        let text = "CREATE TABLE t (id INTEGER PRIMARY KEY DESC ON CONFLICT ABORT AUTOINCREMENT, \"a b\" varchar(20, 3) \
            CONSTRAINT nn NOT NULL ON CONFLICT FAIL UNIQUE DEFAULT -1.5 COLLATE nocase, \
            c REFERENCES o(x) ON DELETE SET NULL ON UPDATE NO ACTION MATCH FULL NOT DEFERRABLE INITIALLY DEFERRED NOT NULL, \
            d unsigned big int NULL CHECK (d > (1)) DEFAULT (1 + 2), e GENERATED ALWAYS AS (d + 1) STORED, f AS (1), \
            g DEFAULT CURRENT_TIMESTAMP, CONSTRAINT u UNIQUE (c, d) ON CONFLICT IGNORE \
            FOREIGN KEY (c) REFERENCES o DEFERRABLE, CHECK (c <> d), PRIMARY KEY (id)) STRICT, WITHOUT ROWID";
        assert_eq!(
            kinds(text),
            [
                ("id".to_owned(), vec![PrimaryKey]),
                ("a b".to_owned(), vec![NotNull, Unique, Default, Collate]),
                ("c".to_owned(), vec![ForeignKey, NotNull]),
                ("d".to_owned(), vec![Null, Check, Default]),
                ("e".to_owned(), vec![Generated]),
                ("f".to_owned(), vec![Generated]),
                ("g".to_owned(), vec![Default]),
                (String::new(), vec![Unique, ForeignKey, Check, PrimaryKey]),
            ]
        );
    }

    #[test]
    fn what_is_no_table_is_not_read() {
        for text in
            ["CREATE TABLE t", "CREATE TABLE t (", "CREATE VIRTUAL TABLE t USING x", "create table t(a b c d", ""]
        {
            assert_eq!(read_table(text), None, "{text}");
        }
        assert!(read_table("create table t(a)").is_some());
        assert!(read_table("create table main.[t](a text, b)").is_some());
    }

    #[test]
    fn a_table_that_says_its_own_name_is_found() {
        let says = |text: &str| says_itself(text, &read_table(text).expect("a table").name);
        assert!(says("CREATE TABLE \"T\" (a CHECK (t.a > 0))"));
        assert!(!says("CREATE TABLE t (b REFERENCES t (a), c CHECK (x.t <> 't.a'))"));
        assert!(!says("CREATE TABLE main.t (a)"));
    }
}
