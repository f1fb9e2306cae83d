//! The order in which statements of several files can run: what is named is made before.
//!
//! The order is that of the files, changed as little as can be. The statements are gone through one after the other,
//! and before each comes what it needs and has not come yet. So an order that is right already stays as it is.
//!
//! What belongs to the session (`SET`) stands where it stood, but a statement that is drawn forward leaves it behind:
//! who runs the statements sets the search path of each from [`Statement::search_path`].

use std::collections::HashMap;

use petgraph::graph::{DiGraph, NodeIndex};
use rustc_hash::FxBuildHasher;

use crate::statement::{Name, Space, Statement};

/// One edge: the statement it leads to must come before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Need {
    on: usize,
    /// Given up where it would make a circle: what the body of a function names, and the order among the changes of
    /// one object.
    weak: bool,
}

/// What is known of a name while the statements are gone through.
#[derive(Debug, Default)]
struct Object {
    /// The statements that make it, and those that add to it what others may need.
    creators: Vec<usize>,
    extenders: Vec<usize>,
    /// The last statement so far, with its file, that makes or adds to it, and that does anything to it.
    made: Option<(usize, usize)>,
    touched: Option<(usize, usize)>,
}

type Key<'a> = (Space, &'a str, &'a str);

/// The names of all statements.
#[derive(Default)]
struct Objects<'a> {
    index: HashMap<Key<'a>, usize, FxBuildHasher>,
    objects: Vec<Object>,
}

/// The schemas in which a name without one is looked for: the file's search path, or what a new session has.
fn path(statement: &Statement) -> impl Iterator<Item = &str> {
    let set = statement.search_path.as_deref();
    let default = set.is_none().then_some("public");
    set.unwrap_or_default().iter().map(String::as_str).filter(|s| *s != "$user").chain(default)
}

/// The schema where a statement makes a name.
fn home<'a>(name: &'a Name, statement: &'a Statement) -> &'a str {
    match (name.space, &name.schema) {
        (Space::Schema | Space::Other, _) => "",
        (_, Some(schema)) => schema,
        (_, None) => path(statement).next().unwrap_or("public"),
    }
}

impl<'a> Objects<'a> {
    fn make(&mut self, name: &'a Name, statement: &'a Statement) -> &mut Object {
        let key = (name.space, home(name, statement), name.name.as_str());
        let next = self.objects.len();
        let at = *self.index.entry(key).or_insert(next);
        if at == next {
            self.objects.push(Object::default());
        }
        &mut self.objects[at]
    }

    /// The place of what a name in a statement means, if any statement makes it.
    fn find(&self, name: &Name, statement: &Statement) -> Option<usize> {
        let get = |schema: &str| self.index.get(&(name.space, schema, name.name.as_str())).copied();
        match (name.space, &name.schema) {
            (Space::Schema | Space::Other, _) => get(""),
            (_, Some(schema)) => get(schema),
            (_, None) => path(statement).find_map(get),
        }
    }

    fn schema(&self, name: &'a Name, statement: &'a Statement) -> Option<usize> {
        let schema = home(name, statement);
        if schema.is_empty() { None } else { self.index.get(&(Space::Schema, "", schema)).copied() }
    }
}

/// How a statement has to do with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Refers,
    InBody,
    Alters,
    Drops,
}

/// What statement `i` of `file` needs of `object`.
fn needs_of(object: &Object, i: usize, file: usize, how: How, needs: &mut Vec<Need>) {
    let weak = how == How::InBody;
    let here = |place: Option<(usize, usize)>| place.filter(|p| p.0 == file).map(|p| p.1);
    // The last to make it in the same file will do: later ones were not needed where the order was right.
    let made = here(object.made);
    needs.extend(made.map(|on| Need { on, weak }));
    needs.extend(here(object.touched).map(|on| Need { on, weak: true }));
    if made.is_none() && how != How::Drops {
        needs.extend(object.creators.iter().map(|&on| Need { on, weak }));
        if how != How::Alters {
            needs.extend(object.extenders.iter().map(|&on| Need { on, weak }));
        }
    }
    needs.retain(|n| n.on != i);
}

/// All needs of all statements: sorted, each once, a firm one rather than a weak one.
fn all_needs(statements: &[(usize, &Statement)]) -> Vec<Vec<Need>> {
    let mut objects = Objects::default();
    let names = statements.iter().map(|(_, s)| s.creates.len() + s.extends.len()).sum();
    objects.index.reserve(names);
    objects.objects.reserve(names);
    for (i, &(_, statement)) in statements.iter().enumerate() {
        for name in &statement.creates {
            objects.make(name, statement).creators.push(i);
        }
        for name in &statement.extends {
            objects.make(name, statement).extenders.push(i);
        }
    }
    let mut all = Vec::with_capacity(statements.len());
    let mut needs = Vec::new();
    for (i, &(file, statement)) in statements.iter().enumerate() {
        let lists = [
            (&statement.refers, How::Refers),
            (&statement.body_refers, How::InBody),
            (&statement.alters, How::Alters),
            (&statement.drops, How::Drops),
        ];
        for (names, how) in lists {
            for place in names.iter().filter_map(|name| objects.find(name, statement)) {
                needs_of(&objects.objects[place], i, file, how, &mut needs);
            }
        }
        for name in &statement.creates {
            if let Some(schema) = objects.schema(name, statement) {
                needs_of(&objects.objects[schema], i, file, How::Refers, &mut needs);
            }
        }
        let makes = statement.creates.iter().chain(&statement.extends).map(|name| (name, true));
        for (name, makes) in makes.chain(statement.alters.iter().chain(&statement.drops).map(|name| (name, false))) {
            let Some(place) = objects.find(name, statement) else { continue };
            let object = &mut objects.objects[place];
            if let Some((_, on)) = object.touched.filter(|&(f, on)| f == file && on != i) {
                needs.push(Need { on, weak: true });
            }
            object.touched = Some((file, i));
            if makes {
                object.made = Some((file, i));
            }
        }
        needs.sort_unstable();
        needs.dedup_by_key(|n| n.on);
        all.push(std::mem::take(&mut needs));
    }
    all
}

/// Goes through the statements, needs first. Nothing where they go in a circle.
fn arrange(needs: &[Vec<Need>]) -> Option<Vec<usize>> {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        Open,
        Done,
    }
    let mut state = vec![State::New; needs.len()];
    let mut out = Vec::with_capacity(needs.len());
    // (statement, how many of its needs have been looked at)
    let mut stack: Vec<(usize, usize)> = Vec::new();
    for first in 0..needs.len() {
        if state[first] != State::New {
            continue;
        }
        state[first] = State::Open;
        stack.push((first, 0));
        while let Some((i, seen)) = stack.last_mut() {
            let Some(need) = needs[*i].get(*seen) else {
                state[*i] = State::Done;
                out.push(*i);
                stack.pop();
                continue;
            };
            *seen += 1;
            match state[need.on] {
                State::Done => {}
                State::Open => return None,
                State::New => {
                    state[need.on] = State::Open;
                    stack.push((need.on, 0));
                }
            }
        }
    }
    Some(out)
}

/// For each statement, the number of the circle it is part of.
fn circles(needs: &[Vec<Need>]) -> Vec<usize> {
    let mut graph = DiGraph::<(), ()>::with_capacity(needs.len(), needs.len());
    for _ in needs {
        graph.add_node(());
    }
    for (i, list) in needs.iter().enumerate() {
        for need in list {
            graph.add_edge(NodeIndex::new(i), NodeIndex::new(need.on), ());
        }
    }
    let mut circle = vec![0; needs.len()];
    for (number, members) in petgraph::algo::kosaraju_scc(&graph).into_iter().enumerate() {
        for member in members {
            circle[member.index()] = number;
        }
    }
    circle
}

/// The order in which the statements can run, as places in `statements`, which is all files one after the other, each
/// statement with the number of its file. What goes in a circle keeps the order of the files.
#[must_use]
pub fn order(statements: &[(usize, &Statement)]) -> Vec<usize> {
    let mut needs = all_needs(statements);
    if let Some(order) = arrange(&needs) {
        return order;
    }
    let circle = circles(&needs);
    for (i, list) in needs.iter_mut().enumerate() {
        list.retain(|n| !n.weak || circle[n.on] != circle[i]);
    }
    if let Some(order) = arrange(&needs) {
        return order;
    }
    let circle = circles(&needs);
    for (i, list) in needs.iter_mut().enumerate() {
        list.retain(|n| n.on < i || circle[n.on] != circle[i]);
    }
    // No circle is left: inside what was one, all needs lead back.
    arrange(&needs).unwrap_or_else(|| (0..statements.len()).collect())
}

#[cfg(test)]
mod tests;
