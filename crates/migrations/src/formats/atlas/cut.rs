//! How Atlas cuts a file into statements. It is not how the server reads them: comments do not nest, a backtick opens a
//! quote, a parenthesis must be closed, and `E'\''` does not end where it does.
//!
//! Source: `sql/migrate/lex.go` of 1.2.3, with the options of `sql/postgres/driver.go` and `sql/sqlite/driver.go`.

use regex::Regex;
use std::sync::LazyLock;

/// A statement, without the delimiter behind it, and where it begins in the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cut {
    pub sql: String,
    pub start: usize,
}

/// What is open or wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Open {
    pub what: String,
    pub at: usize,
}

/// A mark of a file, `-- atlas:name words`: what stands before, its name and the words.
static MARK: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^([ -~]*)atlas:([0-9A-Za-z_]+)(?: +(.+))*").ok());
static DOLLAR: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^\$([A-Za-zÈ-ÿ_][0-9A-Za-z_È-ÿ]*)*\$").ok());
static ATOMIC: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)^\s*BEGIN\s+ATOMIC\s+").ok());
static BEGIN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)^\s*BEGIN\s+").ok());
static END: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?i)^\s*END\s*").ok());

fn length(pattern: &LazyLock<Option<Regex>>, text: &str) -> Option<usize> {
    pattern.as_ref().and_then(|p| p.find(text)).map(|found| found.len())
}

/// The words of a mark of that name on a line.
pub(super) fn mark<'t>(line: &'t str, name: &str) -> Option<(&'t str, &'t str)> {
    let found = MARK.as_ref()?.captures(line)?;
    (found.get(2)?.as_str() == name).then(|| {
        let before = found.get(1).map_or("", |m| m.as_str());
        (before, found.get(3).map_or("", |m| m.as_str()))
    })
}

/// What differs from version to version and from database to database.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Whether a backslash keeps a quote in `E''` open, as PostgreSQL has it; 1.2.3 does not know that, though it means to.
    pub escapes: bool,
    /// Whether there are dollar quotes and `BEGIN ATOMIC`.
    pub dollars: bool,
}

/// The statements of a file.
pub(super) fn cut(text: &str, rules: Rules) -> Result<Vec<Cut>, Open> {
    let mut lexer = Lexer::new(text, 0, rules)?;
    let mut found = Vec::new();
    while let Some(cut) = lexer.statement()? {
        found.push(cut);
    }
    Ok(found)
}

struct Lexer<'t> {
    text: &'t str,
    /// Where the statement begins.
    from: usize,
    /// Behind the last character that was read.
    at: usize,
    delimiter: String,
    rules: Rules,
}

impl<'t> Lexer<'t> {
    fn new(text: &'t str, from: usize, rules: Rules) -> Result<Self, Open> {
        let mut lexer = Self { text, from, at: from, delimiter: ";".to_owned(), rules };
        let line = text[from..].split('\n').next().unwrap_or_default();
        if let Some(("-- ", delimiter)) = mark(line, "delimiter") {
            lexer.delimit(delimiter)?;
            lexer.from = (from + line.len() + 1).min(text.len());
            lexer.at = lexer.from;
        }
        Ok(lexer)
    }

    fn delimit(&mut self, words: &str) -> Result<(), Open> {
        if words.is_empty() {
            return Err(Open { what: "an empty delimiter".to_owned(), at: self.at });
        }
        self.delimiter = words.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t");
        Ok(())
    }

    fn next(&mut self) -> Option<char> {
        let c = self.text[self.at..].chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn skip_spaces(&mut self) {
        let rest = &self.text[self.from..];
        self.from += rest.len() - rest.trim_start().len();
        self.at = self.from;
    }

    fn emit(&mut self) -> Cut {
        let text = &self.text[self.from..self.at];
        let text = text.strip_suffix(self.delimiter.as_str()).unwrap_or(text);
        let start = self.from + (text.len() - text.trim_start().len());
        self.from = self.at;
        Cut { sql: text.trim().to_owned(), start }
    }

    fn statement(&mut self) -> Result<Option<Cut>, Open> {
        let (mut depth, mut opened) = (0_usize, 0);
        self.skip_spaces();
        loop {
            let start = self.at;
            let Some(c) = self.next() else {
                return match (depth > 0, self.at > self.from) {
                    (true, _) => Err(Open { what: "a `(` that is not closed".to_owned(), at: opened }),
                    (false, true) => Ok(Some(self.emit())),
                    (false, false) => Ok(None),
                };
            };
            let here = &self.text[start..];
            match c {
                '(' => {
                    if depth == 0 {
                        opened = start;
                    }
                    depth += 1;
                }
                ')' if depth == 0 => {
                    return Err(Open { what: "a `)` that closes nothing".to_owned(), at: start });
                }
                ')' => depth -= 1,
                '\'' | '"' | '`' => self.quote(c, start)?,
                _ if start == self.from && starts_with_word(here, "delimiter") => self.delimiter_command()?,
                _ if depth == 0 && here.starts_with(&self.delimiter) => {
                    self.at = start + self.delimiter.len();
                    return Ok(Some(self.emit()));
                }
                '$' if self.rules.dollars && length(&DOLLAR, here).is_some() => {
                    let tag = &here[..length(&DOLLAR, here).unwrap_or_default()];
                    let body = &here[tag.len()..];
                    // To the end where nothing closes it: the server says so then.
                    let length = body.find(tag).map_or(body.len(), |end| end + tag.len());
                    self.at = start + tag.len() + length;
                }
                '-' if self.rest().starts_with('-') => self.comment(start, "\n"),
                '/' if self.rest().starts_with('*') => self.comment(start, "*/"),
                _ if self.delimiter == ";" && (c.is_whitespace() || matches!(c, 'b' | 'B')) && self.block(start) => {
                    return Ok(Some(self.emit()));
                }
                _ => {}
            }
        }
    }

    fn quote(&mut self, quote: char, start: usize) -> Result<(), Open> {
        let escaped = self.rules.escapes && self.text[self.from..start].ends_with(['E', 'e']);
        loop {
            match self.next() {
                None => return Err(Open { what: format!("a `{quote}` that is not closed"), at: start }),
                Some('\\') if escaped => {
                    self.next();
                }
                Some(c) if c == quote => return Ok(()),
                Some(_) => {}
            }
        }
    }

    /// Goes behind a comment. One that nothing ends is none to the tool.
    fn comment(&mut self, start: usize, end: &str) {
        self.at = start + 2;
        let Some(found) = self.rest().find(end) else { return };
        self.at += found + end.len();
        if start == self.from {
            self.from = self.at;
            self.skip_spaces();
        }
    }

    /// `DELIMITER //`, which MySQL's own client knows.
    fn delimiter_command(&mut self) -> Result<(), Open> {
        self.at = self.from + "delimiter".len();
        if !self.rest().starts_with(' ') {
            return Ok(());
        }
        let line = self.rest().split('\n').next().unwrap_or_default();
        let words = line.trim();
        self.at += line.len();
        self.delimit(words.strip_prefix('\'').and_then(|w| w.strip_suffix('\'')).unwrap_or(words))?;
        self.from = self.at;
        self.skip_spaces();
        Ok(())
    }

    /// Goes behind a `BEGIN … END` that begins here, and says whether there was one.
    fn block(&mut self, start: usize) -> bool {
        let here = &self.text[start..];
        if let Some(opening) = length(&ATOMIC, here).filter(|_| self.rules.dollars) {
            self.at = start + opening;
            if let Some(end) = self.block_end(|text| length(&END, text).is_some()) {
                self.at = end;
                return true;
            }
        }
        let here = &self.text[start..];
        let before = self.text[self.from..start].chars().next_back();
        if let Some(opening) = length(&BEGIN, here).filter(|_| before.is_none_or(char::is_whitespace)) {
            self.at = self.at.max(start + opening);
            // The texts have no delimiter any more.
            if let Some(end) = self.block_end(|text| length(&END, text) == Some(text.len())) {
                self.at = end;
                return true;
            }
        }
        false
    }

    /// Behind the first statement that is an end.
    fn block_end(&self, is_end: impl Fn(&str) -> bool) -> Option<usize> {
        let mut body = Self::new(self.text, self.at, self.rules).ok()?;
        while let Some(cut) = body.statement().ok()? {
            if is_end(&cut.sql) {
                return Some(body.at);
            }
        }
        None
    }
}

fn starts_with_word(text: &str, word: &str) -> bool {
    text.len() > word.len() && text.as_bytes()[..word.len()].eq_ignore_ascii_case(word.as_bytes())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const POSTGRES: Rules = Rules { escapes: false, dollars: true };
    const SQLITE: Rules = Rules { escapes: false, dollars: false };

    fn texts(text: &str) -> Vec<String> {
        cut(text, POSTGRES).unwrap().into_iter().map(|c| c.sql).collect()
    }

    #[test]
    fn statements_end_where_the_tool_ends_them() {
        assert_eq!(
            texts("-- a;\n\nSELECT 1;\n/* b; */ SELECT ';', $a$;$a$ -- c;\n;SELECT 2"),
            ["SELECT 1", "SELECT ';', $a$;$a$ -- c;", "SELECT 2"]
        );
        assert_eq!(texts("CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);SELECT 3;").len(), 2);
        let atomic = "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END;\nSELECT 3;";
        assert_eq!(texts(atomic).len(), 2);
        assert_eq!(texts("BEGIN TRANSACTION; SELECT 1; COMMIT;").len(), 3);
        assert_eq!(texts("BEGIN TRANSACTION; SELECT 1; END;").len(), 1);
    }

    #[test]
    fn other_delimiters_are_known() {
        assert_eq!(
            texts("-- atlas:delimiter \\n\\n\nSELECT 1;\nSELECT 2;\n\nSELECT 3"),
            ["SELECT 1;\nSELECT 2;", "SELECT 3"]
        );
        assert_eq!(texts("DELIMITER //\nSELECT 1; SELECT 2//\nSELECT 3//"), ["SELECT 1; SELECT 2", "SELECT 3"]);
    }

    #[test]
    fn what_only_the_server_reads_is_an_error() {
        assert_eq!(cut("SELECT 1 ` 2;", POSTGRES).unwrap_err().at, 9);
        assert!(cut("SELECT E'\\'';", POSTGRES).is_err());
        assert_eq!(cut("SELECT E'\\'';", Rules { escapes: true, ..POSTGRES }).unwrap().len(), 1);
        assert!(cut("SELECT (1;", POSTGRES).is_err());
        assert!(cut("SELECT 1);", POSTGRES).is_err());
        assert_eq!(cut("/* /* */ ; */ SELECT 1;", POSTGRES).unwrap().len(), 2);
    }

    #[test]
    fn triggers_of_sqlite_are_one_statement() {
        let text =
            "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  SELECT CASE WHEN 1 THEN '$$;' END;\nEND;\nSELECT 2 /* $$ */;";
        assert_eq!(cut(text, SQLITE).unwrap().len(), 2);
        assert!(cut("SELECT 1 AS [it's];", SQLITE).is_err());
    }
}
