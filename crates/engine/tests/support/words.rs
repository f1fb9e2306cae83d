//! SQL as the judge reads it: words without case, quotes, space and comments.

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// A keyword, or a name without quotes.
    Bare,
    /// A name in double quotes, backticks or brackets, or a string in double quotes.
    Quoted,
    /// A string, a number, or a sign.
    Other,
}

/// A word of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// What it is.
    pub sort: Sort,
    /// Without the quotes of names, and names in lower case.
    pub text: String,
}

impl Word {
    fn is_sign(&self, sign: &str) -> bool {
        self.sort == Sort::Other && self.text == sign
    }
}

/// What stands in quotes at the beginning, and the bytes that it takes.
fn quoted(rest: &str, close: char, doubles: bool) -> (String, usize) {
    let mut inner = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == close {
            if !doubles || chars.peek().is_none_or(|(_, next)| *next != close) {
                return (inner, at + 1);
            }
            chars.next();
        }
        inner.push(c);
    }
    (inner, rest.len())
}

/// What stands before a value, and not before a name.
fn leads_to_value(word: Option<&Word>) -> bool {
    let words = ["default", "then", "else", "when", "and", "or", "not", "like", "select", "where"];
    let signs = ["=", "<", ">", "|", "+", "*", "/", "(", ","];
    word.is_some_and(|w| match w.sort {
        Sort::Bare => words.contains(&w.text.as_str()),
        Sort::Quoted => false,
        Sort::Other => signs.contains(&w.text.as_str()),
    })
}

/// The words of a statement. What stands in double quotes and is the name of nothing is a string, and keeps its case.
pub fn words(sql: &str, is_known: &impl Fn(&str) -> bool) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::new();
    let mut rest = sql;
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '$' || !c.is_ascii();
    while let Some(first) = rest.chars().next() {
        let mut take = first.len_utf8();
        if rest.starts_with("--") {
            take = rest.find('\n').unwrap_or(rest.len());
        } else if let Some(comment) = rest.strip_prefix("/*") {
            take = comment.find("*/").map_or(rest.len(), |end| end + 4);
        } else if first == '\'' {
            let (inner, end) = quoted(rest, '\'', true);
            take = end;
            out.push(Word { sort: Sort::Other, text: format!("'{inner}'") });
        } else if matches!(first, '"' | '`' | '[') {
            let (inner, end) = quoted(rest, if first == '[' { ']' } else { first }, first != '[');
            take = end;
            let name = inner.to_ascii_lowercase();
            let is_text = first == '"' && leads_to_value(out.last()) && !is_known(&name);
            out.push(match is_text {
                true => Word { sort: Sort::Other, text: format!("'{inner}'") },
                false => Word { sort: Sort::Quoted, text: name },
            });
        } else if part(first) {
            let is_number = first.is_ascii_digit();
            take = rest.find(|c: char| !(part(c) || (is_number && c == '.'))).unwrap_or(rest.len());
            let sort = if is_number { Sort::Other } else { Sort::Bare };
            out.push(Word { sort, text: rest[..take].to_ascii_lowercase() });
        } else if !first.is_ascii_whitespace() && first != ';' {
            out.push(Word { sort: Sort::Other, text: first.to_string() });
        }
        rest = &rest[take..];
    }
    out
}

fn texts(words: &[Word]) -> String {
    words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" ")
}

/// A statement as its words.
pub fn plain(sql: &str, is_known: &impl Fn(&str) -> bool) -> Vec<String> {
    vec![texts(&words(sql, is_known))]
}

/// The parts of a list in parentheses, and what stands behind it.
fn parts(list: &[Word]) -> (Vec<&[Word]>, &[Word]) {
    let (mut found, mut depth, mut begin) = (Vec::new(), 0_i32, 0);
    for (n, word) in list.iter().enumerate() {
        depth += i32::from(word.is_sign("(")) - i32::from(word.is_sign(")"));
        if depth < 0 {
            found.push(&list[begin..n]);
            return (found, &list[n + 1..]);
        }
        if depth == 0 && word.is_sign(",") {
            found.push(&list[begin..n]);
            begin = n + 1;
        }
    }
    (found, &list[list.len()..])
}

/// Constraints of a table, between which the comma may be missing, apart from each other.
fn apart(part: &[Word]) -> Vec<&[Word]> {
    let rules = ["constraint", "primary", "unique", "check", "foreign"];
    let begins = |w: &Word| w.sort == Sort::Bare && rules.contains(&w.text.as_str());
    if !part.first().is_some_and(begins) {
        return vec![part];
    }
    let (mut found, mut depth, mut begin) = (Vec::new(), 0, 0);
    for (n, word) in part.iter().enumerate() {
        depth += i32::from(word.is_sign("(")) - i32::from(word.is_sign(")"));
        let is_named = |n: usize| part[n].sort == Sort::Bare && part[n].text == "constraint";
        // Behind CONSTRAINT stands a name, and then what it is the name of.
        let belongs = n < begin + 3 && is_named(begin);
        if depth == 0 && n > begin && begins(word) && !belongs {
            found.push(&part[begin..n]);
            begin = n;
        }
    }
    found.push(&part[begin..]);
    found
}

/// A CREATE TABLE as its parts, in one order.
pub fn table(sql: &str, is_known: &impl Fn(&str) -> bool) -> Vec<String> {
    let list = words(sql, is_known);
    let Some(open) = list.iter().position(|w| w.is_sign("(")) else { return vec![texts(&list)] };
    let (parts, behind) = parts(&list[open + 1..]);
    let mut parts: Vec<String> = parts.into_iter().flat_map(apart).map(texts).collect();
    parts.sort();
    let mut options: Vec<String> = behind.iter().map(|w| w.text.clone()).filter(|w| w != ",").collect();
    options.sort();
    parts.insert(0, texts(&list[..open]));
    parts.push(options.join(" "));
    parts
}
