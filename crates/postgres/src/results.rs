//! Results of the catalog queries, which all travel in one message: text values, told apart by query.

use postgres::{SimpleQueryMessage, SimpleQueryRow};

/// The rows of one query.
#[derive(Debug, Default)]
pub struct Rows(pub Vec<SimpleQueryRow>);

/// One row's values by position.
pub struct Row<'a>(&'a SimpleQueryRow);

impl Rows {
    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = Row<'_>> {
        self.0.iter().map(Row)
    }
}

impl<'a> Row<'a> {
    /// The value, or none for NULL.
    #[must_use]
    pub fn opt(&self, n: usize) -> Option<&'a str> {
        self.0.get(n)
    }

    /// The value; NULL is the empty text.
    #[must_use]
    pub fn text(&self, n: usize) -> &'a str {
        self.0.get(n).unwrap_or_default()
    }

    /// The value as owned text.
    #[must_use]
    pub fn string(&self, n: usize) -> String {
        self.text(n).to_owned()
    }

    /// The value as owned text, or none for NULL.
    #[must_use]
    pub fn opt_string(&self, n: usize) -> Option<String> {
        self.opt(n).map(str::to_owned)
    }

    /// The value as owned text, or none for NULL and for the empty text.
    #[must_use]
    pub fn non_empty(&self, n: usize) -> Option<String> {
        self.opt(n).filter(|t| !t.is_empty()).map(str::to_owned)
    }

    /// A boolean; NULL is false.
    #[must_use]
    pub fn bool(&self, n: usize) -> bool {
        self.text(n) == "t"
    }

    /// An OID or another unsigned number; NULL is 0.
    #[must_use]
    pub fn oid(&self, n: usize) -> u32 {
        self.text(n).parse().unwrap_or(0)
    }

    /// A number; NULL is 0.
    #[must_use]
    pub fn int(&self, n: usize) -> i64 {
        self.text(n).parse().unwrap_or(0)
    }

    /// A `"char"` value; NULL and the empty one are a space.
    #[must_use]
    pub fn char(&self, n: usize) -> char {
        self.text(n).chars().next().unwrap_or(' ')
    }

    /// The elements of a one-dimensional array in its text form.
    #[must_use]
    pub fn array(&self, n: usize) -> Vec<String> {
        parse_array(self.text(n))
    }
}

/// Takes the text form of a one-dimensional array apart (manual, 8.15.6). NULL elements are left out.
#[must_use]
pub fn parse_array(text: &str) -> Vec<String> {
    // One that does not count from 1 says so first: `[0:1]={23,25}`.
    let text = if text.starts_with('[') { text.split_once('=').map_or(text, |(_, items)| items) } else { text };
    let inner = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).unwrap_or_default();
    let mut out = Vec::new();
    let mut chars = inner.chars().peekable();
    while chars.peek().is_some() {
        let mut item = String::new();
        let quoted = chars.peek() == Some(&'"');
        if quoted {
            chars.next();
            while let Some(c) = chars.next() {
                match c {
                    '\\' => item.extend(chars.next()),
                    '"' => break,
                    c => item.push(c),
                }
            }
            chars.next();
        } else {
            for c in chars.by_ref() {
                if c == ',' {
                    break;
                }
                item.push(c);
            }
        }
        if quoted || item != "NULL" {
            out.push(item);
        }
    }
    out
}

/// Cuts the messages of one simple query into one set of rows a statement.
#[must_use]
pub fn split(messages: Vec<SimpleQueryMessage>) -> Vec<Rows> {
    let mut sets = Vec::new();
    let mut rows = Vec::new();
    for message in messages {
        match message {
            SimpleQueryMessage::Row(row) => rows.push(row),
            SimpleQueryMessage::CommandComplete(_) => sets.push(Rows(std::mem::take(&mut rows))),
            _ => {}
        }
    }
    sets
}

#[cfg(test)]
mod tests {
    use super::parse_array;

    #[test]
    fn arrays_come_apart() {
        assert_eq!(parse_array("{}"), Vec::<String>::new());
        assert_eq!(parse_array("{a,b}"), ["a", "b"]);
        assert_eq!(parse_array("[0:1]={23,25}"), ["23", "25"]);
        assert_eq!(parse_array(r#"{"a b","c\"d","",NULL,"NULL"}"#), ["a b", "c\"d", "", "NULL"]);
    }
}
