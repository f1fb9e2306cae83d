//! What Alembic and Django have in common: files of Python. It is read for a few assignments only, never run.

use crate::{Files, Trouble};
use std::collections::{BTreeMap, BTreeSet};

/// A text as a literal of Python; over several lines between three quotes.
pub(super) fn literal(text: &str) -> String {
    let text = text.replace('\\', r"\\").replace('\r', r"\r").replace('\0', r"\0");
    if !text.contains('\n') {
        return format!("\"{}\"", text.replace('"', "\\\""));
    }
    let mut text = text.replace("\"\"", "\\\"\\\"");
    if text.ends_with('"') {
        text.truncate(text.len() - 1);
        text.push_str("\\\"");
    }
    format!("\"\"\"{text}\"\"\"")
}

/// What an assignment gives a name, and its line from 1; `indent` is what must stand before the name.
pub(super) fn assigned<'a>(text: &'a str, name: &str, indent: &str) -> Option<(usize, &'a str)> {
    let text = text.trim_start_matches('\u{feff}');
    let mut at = 0;
    for (n, line) in text.split('\n').enumerate() {
        let start = at;
        at += line.len() + 1;
        let Some(rest) = line.strip_prefix(indent).and_then(|l| l.strip_prefix(name)) else { continue };
        // A type may stand between: `down_revision: Union[str, None] = None`.
        let Some(sign) = rest.find('=') else { continue };
        let between = rest[..sign].trim();
        if between.is_empty() || between.starts_with(':') {
            let from = start + line.len() - rest.len() + sign + 1;
            return Some((n + 1, value(&text[from..])));
        }
    }
    None
}

/// The expression at the start of a text: to the end of its line, or of its brackets.
fn value(text: &str) -> &str {
    let mut depth = 0_usize;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '\'' | '"' => {
                while let Some((_, inner)) = chars.next() {
                    if inner == '\\' {
                        chars.next();
                    } else if inner == c {
                        break;
                    }
                }
            }
            '#' => {
                if depth == 0 {
                    return text[..at].trim();
                }
                let _ = chars.by_ref().find(|(_, c)| *c == '\n');
            }
            '\n' if depth == 0 => return text[..at].trim(),
            _ => {}
        }
    }
    text.trim()
}

/// The plain strings in an expression, in order.
pub(super) fn strings(value: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = value;
    while let Some(start) = rest.find(['\'', '"', '#']) {
        let quote = &rest[start..=start];
        let inner = &rest[start + 1..];
        let end = inner.find(if quote == "#" { "\n" } else { quote }).unwrap_or(inner.len());
        if quote != "#" {
            found.push(&inner[..end]);
        }
        rest = inner.get(end + 1..).unwrap_or_default();
    }
    found
}

/// A node of a graph of migrations: its name, its file, the line that says what it stands on, and that.
pub(super) struct Node<'a> {
    pub name: String,
    pub file: &'a str,
    pub line: usize,
    pub needs: Vec<String>,
}

/// The nodes in an order in which each stands behind what it needs; a name that is missing and a circle are troubles.
pub(super) fn ordered<'a, 'n>(files: &Files, nodes: &'n [Node<'a>]) -> Result<Vec<&'n Node<'a>>, Trouble> {
    let mut trouble = Vec::new();
    let mut by_name: BTreeMap<&str, &Node> = BTreeMap::new();
    for node in nodes {
        if let Some(before) = by_name.insert(&node.name, node) {
            let words = format!("{} and {} are both {}", node.file, before.file, node.name);
            let found = Trouble::at(files, node.file, node.line, "duplicate-version", words);
            trouble.extend(found.help("give one of them a name of its own").0);
        }
    }
    for node in nodes {
        for need in node.needs.iter().filter(|need| !by_name.contains_key(need.as_str())) {
            let words = format!("{} stands on {need}, which is not there", node.name);
            let found = Trouble::at(files, node.file, node.line, "broken-chain", words);
            trouble.extend(found.help("take the missing file from version control").0);
        }
    }
    if !trouble.is_empty() {
        return Err(Trouble(trouble));
    }
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut order = Vec::new();
    while order.len() < nodes.len() {
        let ready = |n: &&&Node| !done.contains(n.name.as_str()) && n.needs.iter().all(|n| done.contains(n.as_str()));
        let Some(next) = nodes.iter().collect::<Vec<_>>().iter().find(ready).copied() else {
            let Some(left) = nodes.iter().find(|n| !done.contains(n.name.as_str())) else { break };
            let words = format!("{} stands on itself, by way of others", left.name);
            return Err(Trouble::at(files, left.file, left.line, "broken-chain", words));
        };
        done.insert(&next.name);
        order.push(next);
    }
    Ok(order)
}

/// The nodes that nothing stands on.
pub(super) fn heads<'a, 'n>(nodes: &'n [Node<'a>]) -> Vec<&'n Node<'a>> {
    let needed: BTreeSet<&str> = nodes.iter().flat_map(|n| n.needs.iter().map(String::as_str)).collect();
    nodes.iter().filter(|n| !needed.contains(n.name.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_hold_what_they_are_given() {
        assert_eq!(literal("a \"b\" \\ 'c'"), r#""a \"b\" \\ 'c'""#);
        assert_eq!(literal("a\n\"\"\"b\"\\"), "\"\"\"a\n\\\"\\\"\"b\"\\\\\"\"\"");
        assert_eq!(literal("a\nb\""), "\"\"\"a\nb\\\"\"\"\"");
    }

    #[test]
    fn assignments_are_found_over_lines_and_types() {
        let text = "x = 1\nrevision: str = 'a' # no\ndown_revision: Union[str, None] = (\n  'b', # 'c'\n  \"d\",\n)\n";
        assert_eq!(assigned(text, "revision", ""), Some((2, "'a'")));
        let (line, value) = assigned(text, "down_revision", "").unwrap();
        assert_eq!((line, strings(value)), (3, vec!["b", "d"]));
        assert_eq!(assigned(text, "down", ""), None);
    }
}
