//! What a function's text names, and no dependency tells, goes after the function.

use crate::objects::Body;
use crate::{PgId, PgKind, PgObject, Postgres};
use petgraph::algo::tarjan_scc;
use petgraph::graph::DiGraph;
use std::collections::{HashMap, HashSet};
use underpin_planner::{Action, Verb};
use underpin_sql::Lexer;

/// The name by which a text calls or reads an object.
fn name(id: &PgId) -> Option<&str> {
    let said = matches!(
        id.kind,
        PgKind::Function
            | PgKind::Procedure
            | PgKind::Aggregate
            | PgKind::Table
            | PgKind::View
            | PgKind::MaterializedView
            | PgKind::Sequence
    );
    (said && id.of.is_none()).then(|| id.part(1))
}

impl Postgres<'_> {
    /// A function whose body is a text (manual, 38.5: it is looked into when it is called) goes before what its text names: as long
    /// as it is there an index, a default or a trigger may call it, and writers would fail. Where the two name each other in a
    /// circle, nothing is said of them.
    pub(crate) fn callers_first(&self, actions: &[Action<Self>]) -> Vec<(usize, usize)> {
        let ended = || actions.iter().enumerate().filter(|(_, a)| a.verb == Verb::End);
        let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
        for (n, action) in ended() {
            if let Some(name) = name(&action.id) {
                by_name.entry(name).or_default().push(n);
            }
        }
        let mut named: Vec<(usize, usize)> = Vec::new();
        for (n, action) in ended() {
            let Some(PgObject::Function(routine) | PgObject::Procedure(routine)) = self.from.objects.get(&action.id)
            else {
                continue;
            };
            let Body::Source(body) = &routine.body else { continue };
            let words = Lexer::new(body).filter(|t| t.kind.is_name()).map(|t| underpin_sql::ident(body, t));
            let words: HashSet<String> = words.collect();
            let others = words.iter().filter_map(|word| by_name.get(word.as_str())).flatten();
            named.extend(others.filter(|m| **m != n).map(|m| (n, *m)));
        }
        if named.is_empty() {
            return named;
        }
        let places: HashMap<&PgId, usize> = ended().map(|(n, a)| (&a.id, n)).collect();
        let rests = ended().flat_map(|(n, a)| {
            let needs = self.from.needs(&a.id).filter_map(|need| places.get(need));
            needs.map(move |m| (n, *m)).collect::<Vec<_>>()
        });
        let parts = ended().filter_map(|(n, a)| {
            let whole = underpin_model::Object::parent(self.from.objects.get(&a.id)?, &a.id)?;
            Some((n, *places.get(&whole)?))
        });
        // A whole goes with its parts, so that both directions hold there.
        let parts: Vec<(usize, usize)> = parts.flat_map(|(n, m)| [(n, m), (m, n)]).collect();
        let as_node = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let edges = named.iter().copied().chain(rests).chain(parts).map(|(a, b)| (as_node(a), as_node(b)));
        let graph: DiGraph<(), ()> = DiGraph::from_edges(edges);
        let mut circle = vec![0; graph.node_count()];
        for (number, nodes) in tarjan_scc(&graph).into_iter().enumerate() {
            nodes.into_iter().for_each(|node| circle[node.index()] = number);
        }
        named.retain(|(a, b)| circle[*a] != circle[*b]);
        named.sort_unstable();
        named.dedup();
        named
    }
}
