//! Functions that return rows of a table, where queries read from them.
//!
//! The server prints such a function in FROM always with the names of all columns behind its alias, `f() x(a, b)`, in the
//! order in which the table happens to have them (`set_relation_column_names`, utils/adt/ruleutils.c). Where these names
//! are the table's own they say nothing, and between two databases that differ only in the order of a table's columns
//! they would rename columns. They are taken out when a catalog is read.

use crate::objects::{Body, Routine, parts_of};
use crate::{PgCatalog, PgId, PgKind, PgObject};
use std::collections::{BTreeMap, BTreeSet};
use underpin_sql::quote;

/// Takes the names out of everything that reads from such functions.
pub(crate) fn take_out(catalog: &mut PgCatalog) {
    let lists = lists(catalog);
    if lists.is_empty() {
        return;
    }
    let readers: BTreeSet<PgId> = catalog
        .rests_on
        .iter()
        .filter(|(_, needs)| needs.iter().any(|n| n.kind == PgKind::Function && lists.contains_key(&name(n))))
        .map(|(id, _)| id.clone())
        .collect();
    for id in readers {
        let clean = |text: &mut String| *text = without(text, &lists);
        match catalog.objects.get_mut(&id) {
            Some(PgObject::View(view)) => clean(&mut view.definition),
            Some(PgObject::MaterializedView(view)) => clean(&mut view.definition),
            Some(PgObject::Rule(rule)) => clean(&mut rule.definition),
            Some(PgObject::Policy(policy)) => policy.using.iter_mut().chain(&mut policy.check).for_each(clean),
            Some(PgObject::Function(Routine { body: Body::Sql(text), .. })) => clean(text),
            Some(PgObject::Procedure(Routine { body: Body::Sql(text), .. })) => clean(text),
            _ => {}
        }
    }
}

fn name(function: &PgId) -> String {
    quote::qualified(&function.parts()[..2])
}

/// By the name of a function that returns rows of a relation: the list of the relation's columns as the server prints it.
fn lists(catalog: &PgCatalog) -> BTreeMap<String, String> {
    let mut by_row_type: BTreeMap<String, Option<PgId>> = BTreeMap::new();
    let mut results: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for (id, object) in &catalog.objects {
        match object {
            PgObject::Table(_) | PgObject::View(_) | PgObject::MaterializedView(_) => {
                by_row_type.insert(quote::qualified(&id.parts()), Some(id.clone()));
            }
            PgObject::Function(function) => {
                let result = function.result.as_deref().unwrap_or_default();
                results.entry(name(id)).or_default().insert(result.strip_prefix("SETOF ").unwrap_or(result));
            }
            _ => {}
        }
    }
    let mut lists = BTreeMap::new();
    for (function, result) in results {
        // A name by which functions with several results go does not tell which one is read.
        let [result] = result.into_iter().collect::<Vec<_>>()[..] else { continue };
        let Some(Some(relation)) = by_row_type.get(result) else { continue };
        let columns: Vec<String> = match catalog.objects.get(relation) {
            Some(PgObject::View(view)) => view.columns.iter().map(|c| quote::ident(&c.name)).collect(),
            Some(PgObject::MaterializedView(view)) => view.columns.iter().map(|c| quote::ident(&c.name)).collect(),
            _ => parts_of(catalog, PgKind::Column, &relation.parts())
                .into_iter()
                .map(|(id, _)| quote::ident(id.last()))
                .collect(),
        };
        lists.insert(function, format!("({})", columns.join(", ")));
    }
    lists
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '"' | '.')
}

/// The text without the lists of names that stand behind calls of these functions.
fn without(text: &str, lists: &BTreeMap<String, String>) -> String {
    let mut cuts: Vec<(usize, usize)> = Vec::new();
    let mut open: Vec<usize> = Vec::new();
    let (mut quoted, mut string) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' if !string => quoted = !quoted,
            '\'' if !quoted => string = !string,
            '(' if !quoted && !string => open.push(at),
            ')' if !quoted && !string => {
                let Some(start) = open.pop() else { continue };
                let called = text[..start].rsplit(|c: char| !is_word(c)).next().unwrap_or_default();
                // A quoted name may hold anything.
                let odd = |name: &str| !name.chars().all(is_word) && text[..start].ends_with(name);
                let list = lists.get(called).or_else(|| lists.iter().find(|(name, _)| odd(name)).map(|(_, list)| list));
                if let Some(list) = list
                    && let Some(behind) = alias_end(&text[at + 1..])
                    && let Some(len) = own_names(&text[at + 1 + behind..], list)
                {
                    cuts.push((at + 1 + behind, at + 1 + behind + len));
                }
            }
            _ => {}
        }
    }
    let mut out = String::with_capacity(text.len());
    let mut done = 0;
    for (start, end) in cuts {
        out.push_str(&text[done..start]);
        done = end;
    }
    out.push_str(&text[done..]);
    out
}

/// The length of the list at the head of `rest` if it holds the first names of `list`: a query that is older than the last
/// columns does not know them.
fn own_names(rest: &str, list: &str) -> Option<usize> {
    let same = rest.bytes().zip(list.bytes()).take_while(|(a, b)| a == b).count();
    let ends = rest.as_bytes().get(same) == Some(&b')') && list.as_bytes().get(same) == Some(&b',');
    if same == list.len() { Some(same) } else { (same > 1 && ends).then_some(same + 1) }
}

/// Where the alias behind a call ends: ` x` or ` "X y"`.
fn alias_end(rest: &str) -> Option<usize> {
    let alias = rest.strip_prefix(' ')?;
    if let Some(inner) = alias.strip_prefix('"') {
        let mut chars = inner.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c == '"' && chars.next_if(|(_, next)| *next == '"').is_none() {
                return Some(at + 3);
            }
        }
        return None;
    }
    let len = alias.find(|c: char| !is_word(c)).unwrap_or(alias.len());
    (len > 0).then_some(len + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_say_nothing_go() {
        let lists = BTreeMap::from([
            ("public.f".to_owned(), "(a, \"B\")".to_owned()),
            ("\"a b\".f".to_owned(), "(c)".to_owned()),
        ]);
        let cases = [
            (
                "SELECT x.a FROM public.f(g(1), ')') x(a, \"B\") WHERE 1",
                "SELECT x.a FROM public.f(g(1), ')') x WHERE 1",
            ),
            (
                "FROM public.f() \"X \"\"y\"(a, \"B\"), public.f() z(a, q)",
                "FROM public.f() \"X \"\"y\", public.f() z(a, q)",
            ),
            ("FROM \"a b\".f() x(c), \"a b\".g() x(c)", "FROM \"a b\".f() x, \"a b\".g() x(c)"),
            ("FROM public.ff() x(a, \"B\")", "FROM public.ff() x(a, \"B\")"),
            ("FROM ( SELECT 1) x(a, \"B\")", "FROM ( SELECT 1) x(a, \"B\")"),
            ("SELECT ' public.f() x(a, \"B\")'", "SELECT ' public.f() x(a, \"B\")'"),
        ];
        for (text, wanted) in cases {
            assert_eq!(without(text, &lists), wanted);
        }
    }
}
