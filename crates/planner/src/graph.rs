//! The step graph: what comes before what, each edge with its reason in words, and one order of all.

use crate::{Action, Dialect, Verb};
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use rustc_hash::{FxHashMap as HashMap, FxHashSet as HashSet};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use underpin_model::{Catalog, IdOf, Object};

/// An order that cannot be had: a bug in the rules, not in the user's schema.
#[derive(Debug, thiserror::Error)]
#[error("the steps of this plan wait for each other, which is a bug in underpin; please report it with both schemas:\n{}", .edges.join("\n"))]
pub struct CycleError {
    /// Each edge of the loop with its reason.
    pub edges: Vec<String>,
}

/// Groups of actions in the order in which they run; each group's first action is its head.
pub(crate) struct Ordered<D: Dialect> {
    pub actions: Vec<Action<D>>,
    /// Indices into `actions`.
    pub groups: Vec<Vec<usize>>,
    /// For each group, the groups that have to come before it.
    pub before: Vec<BTreeSet<usize>>,
    /// Pairs of groups of which the first frees a name that the second takes.
    pub names: Vec<(usize, usize)>,
}

/// Why an edge is there. Kept small; words are made only for a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Needs,
    Leaves,
    InTheWay,
    Again,
    Name,
    Sequence,
    Dialect,
}

impl Why {
    fn words(self) -> &'static str {
        match self {
            Self::Needs => "what is needed is made first",
            Self::Leaves => "what rests on it is ended or moved first",
            Self::InTheWay => "what stands in the way is ended first",
            Self::Again => "the old one is ended before the new one is made",
            Self::Name => "the name is freed before it is taken",
            Self::Dialect => "the database has it so",
            Self::Sequence => "the operations on one object keep their order",
        }
    }
}

pub(crate) fn order<D: Dialect>(
    dialect: &D,
    from: &Catalog<D::Object>,
    to: &Catalog<D::Object>,
    actions: Vec<Action<D>>,
) -> Result<Ordered<D>, CycleError> {
    let edges = edges(dialect, from, to, &actions);
    let index: HashMap<(&IdOf<D::Object>, Verb), usize> =
        actions.iter().enumerate().rev().map(|(n, a)| ((&a.id, a.verb), n)).collect();
    let mut folded: Vec<Option<usize>> = actions
        .iter()
        .map(|a| dialect.fold(from, to, a).into_iter().find_map(|(id, verb)| index.get(&(&id, verb)).copied()))
        .collect();
    loop {
        let heads: Vec<usize> = (0..actions.len()).map(|n| head(&folded, n)).collect();
        let (mut graph, nodes) = contracted(&actions, &edges, &heads);
        let knots: Vec<Vec<NodeIndex>> = tarjan_scc(&graph).into_iter().filter(|c| c.len() > 1).collect();
        if knots.is_empty() {
            let between = close_ranks(&actions, &mut graph, &nodes);
            let handed = edges.iter().filter(|(_, _, why)| *why == Why::Name).map(|(m, n, _)| (heads[*m], heads[*n]));
            let handed: Vec<(usize, usize)> = handed.collect();
            return Ok(sorted((dialect, to), actions, &heads, (&graph, &nodes), &between, &handed));
        }
        let in_knot: HashSet<usize> = knots.iter().flatten().map(|n| graph[*n]).collect();
        let mut split = false;
        // Only the edges inside a knot tie it; unfold what they touch.
        let tied: HashSet<usize> = edges
            .iter()
            .filter(|(a, b, _)| heads[*a] != heads[*b] && in_knot.contains(&heads[*a]) && in_knot.contains(&heads[*b]))
            .flat_map(|(a, b, _)| [*a, *b])
            .collect();
        let loosest = tied.iter().filter(|n| folded[**n].is_some()).map(|n| dialect.looseness(&actions[*n])).max();
        for (n, target) in folded.iter_mut().enumerate() {
            if target.is_some() && tied.contains(&n) && Some(dialect.looseness(&actions[n])) == loosest {
                *target = None;
                split = true;
            }
        }
        if !split {
            return Err(report(&actions, &edges, &heads, &in_knot));
        }
    }
}

fn head(folded: &[Option<usize>], mut n: usize) -> usize {
    while let Some(next) = folded[n] {
        n = next;
    }
    n
}

fn report<D: Dialect>(
    actions: &[Action<D>],
    edges: &[(usize, usize, Why)],
    heads: &[usize],
    knot: &HashSet<usize>,
) -> CycleError {
    let say = |n: usize| format!("{:?} {}", actions[n].verb, actions[n].id);
    let edges = edges
        .iter()
        .filter(|(a, b, _)| heads[*a] != heads[*b] && knot.contains(&heads[*a]) && knot.contains(&heads[*b]))
        .map(|(a, b, why)| format!("  {} before {}: {}", say(*a), say(*b), why.words()))
        .take(40)
        .collect();
    CycleError { edges }
}

/// All edges between actions.
fn edges<D: Dialect>(
    dialect: &D,
    from: &Catalog<D::Object>,
    to: &Catalog<D::Object>,
    actions: &[Action<D>],
) -> Vec<(usize, usize, Why)> {
    let mut by_id: HashMap<&IdOf<D::Object>, Vec<usize>> = HashMap::default();
    for (n, action) in actions.iter().enumerate() {
        by_id.entry(&action.id).or_default().push(n);
    }
    let of = |id: &IdOf<D::Object>| by_id.get(id).map_or(&[][..], Vec::as_slice);
    let dependents = from.dependents();
    let children = from.children();
    let mut edges = Vec::new();
    for (n, action) in actions.iter().enumerate() {
        match action.verb {
            Verb::Make | Verb::Alter => {
                let parent = to.objects.get(&action.id).and_then(|o| o.parent(&action.id));
                for need in to.needs(&action.id).chain(parent.as_ref()) {
                    for &m in of(need) {
                        let first = matches!(actions[m].verb, Verb::Make | Verb::Alter);
                        if first && !dialect.is_apart(&actions[m], &action.id) {
                            edges.push((m, n, Why::Needs));
                        }
                    }
                }
            }
            Verb::Park | Verb::Save | Verb::Fill | Verb::End => {}
        }
        let resting = || {
            let resting = dependents.get(&action.id).into_iter().flatten().copied();
            let resting = resting.filter(|d| !dialect.is_only_order(from, d, &action.id));
            resting.chain(children.get(&action.id).into_iter().flatten().copied())
        };
        match action.verb {
            Verb::End => {
                for dependent in resting() {
                    let leaves = action.parked || !to.needs(dependent).any(|x| *x == action.id);
                    for &m in of(dependent) {
                        match actions[m].verb {
                            Verb::End => edges.push((m, n, Why::Leaves)),
                            Verb::Alter if leaves => edges.push((m, n, Why::Leaves)),
                            // Made while the old one is there, it would rest on the old one again. What is parked itself
                            // rests on it until all have moved over.
                            Verb::Make if leaves && !action.parked && !actions[m].parked => {
                                edges.push((n, m, Why::Again))
                            }
                            Verb::Alter | Verb::Make | Verb::Park | Verb::Save | Verb::Fill => {}
                        }
                    }
                }
            }
            Verb::Alter => {
                for dependent in resting().filter(|d| !dialect.is_apart(action, d)) {
                    for &m in of(dependent) {
                        if actions[m].verb == Verb::End {
                            edges.push((m, n, Why::InTheWay));
                        }
                    }
                }
            }
            Verb::Park => {
                // What is ended is ended by names that must still mean the old one: a function by its argument types.
                for dependent in resting() {
                    for &m in of(dependent) {
                        if actions[m].verb == Verb::End && !actions[m].parked {
                            edges.push((m, n, Why::Leaves));
                        }
                    }
                }
            }
            Verb::Make | Verb::Save | Verb::Fill => {}
        }
        if action.verb == Verb::Make {
            for other in dialect.made_after_end_of(from, to, &action.id) {
                for &m in of(&other) {
                    if actions[m].verb == Verb::End && !actions[m].parked && other != action.id {
                        edges.push((m, n, Why::Again));
                    }
                }
            }
        }
        for &m in of(&action.id) {
            match (actions[m].verb, action.verb) {
                (Verb::Park, Verb::Make) | (Verb::Make, Verb::End) if action.parked => edges.push((m, n, Why::Again)),
                (Verb::Park, Verb::End) => edges.push((m, n, Why::Sequence)),
                (Verb::End, Verb::Make) if !action.parked => edges.push((m, n, Why::Again)),
                (Verb::Save, Verb::End) | (Verb::Make, Verb::Fill) => edges.push((m, n, Why::Again)),
                (Verb::Alter, Verb::Alter) if actions[m].part + 1 == action.part => edges.push((m, n, Why::Sequence)),
                _ => {}
            }
        }
    }
    edges.extend(dialect.after(actions).into_iter().map(|(m, n)| (m, n, Why::Dialect)));
    names(dialect, from, to, actions, &mut edges);
    edges
}

/// What frees a name comes before what takes it. An alteration frees and takes what differs between its sides.
fn names<D: Dialect>(
    dialect: &D,
    from: &Catalog<D::Object>,
    to: &Catalog<D::Object>,
    actions: &[Action<D>],
    edges: &mut Vec<(usize, usize, Why)>,
) {
    let slots = |catalog: &Catalog<D::Object>, id: &IdOf<D::Object>| -> HashSet<String> {
        catalog.objects.get(id).map(|o| dialect.slots(id, o).into_iter().collect()).unwrap_or_default()
    };
    let mut freed: HashMap<String, Vec<usize>> = HashMap::default();
    for (n, action) in actions.iter().enumerate() {
        let frees = match action.verb {
            Verb::Park => slots(from, &action.id),
            Verb::End if !action.parked => slots(from, &action.id),
            Verb::Alter => &slots(from, &action.id) - &slots(to, &action.id),
            Verb::End | Verb::Make | Verb::Save | Verb::Fill => continue,
        };
        for slot in frees {
            freed.entry(slot).or_default().push(n);
        }
    }
    for (n, action) in actions.iter().enumerate() {
        let takes = match action.verb {
            Verb::Make => slots(to, &action.id),
            Verb::Alter => &slots(to, &action.id) - &slots(from, &action.id),
            Verb::End | Verb::Park | Verb::Save | Verb::Fill => continue,
        };
        for slot in takes {
            for &m in freed.get(&slot).into_iter().flatten() {
                if actions[m].id != action.id {
                    edges.push((m, n, Why::Name));
                }
            }
        }
    }
}

/// The graph of heads. A node's weight is the head's index.
fn contracted<D: Dialect>(
    actions: &[Action<D>],
    edges: &[(usize, usize, Why)],
    heads: &[usize],
) -> (DiGraph<usize, ()>, Vec<Option<NodeIndex>>) {
    let mut graph = DiGraph::with_capacity(actions.len(), edges.len());
    let mut nodes = vec![None; actions.len()];
    for n in 0..actions.len() {
        if heads[n] == n {
            nodes[n] = Some(graph.add_node(n));
        }
    }
    let distinct: HashSet<(usize, usize)> =
        edges.iter().map(|(a, b, _)| (heads[*a], heads[*b])).filter(|(a, b)| a != b).collect();
    for (a, b) in distinct {
        if let (Some(a), Some(b)) = (nodes[a], nodes[b]) {
            graph.add_edge(a, b, ());
        }
    }
    (graph, nodes)
}

/// Nothing comes between putting aside what an object holds and putting it back but what has to: all else that is needed for
/// putting it back is done before. So no commit that something else needs falls between the two. Gives what has to come
/// between.
fn close_ranks<D: Dialect>(
    actions: &[Action<D>],
    graph: &mut DiGraph<usize, ()>,
    nodes: &[Option<NodeIndex>],
) -> HashSet<usize> {
    let node_of = |verb: Verb| {
        let of = actions.iter().enumerate().filter(move |(_, a)| a.verb == verb);
        of.filter_map(|(n, a)| Some((&a.id, nodes[n]?))).collect::<HashMap<_, _>>()
    };
    let fills = node_of(Verb::Fill);
    let mut pairs: Vec<(NodeIndex, NodeIndex)> =
        node_of(Verb::Save).into_iter().filter_map(|(id, save)| Some((save, *fills.get(id)?))).collect();
    pairs.sort_unstable();
    let mut between = HashSet::default();
    for &(save, fill) in &pairs {
        let after = reached(graph, save, petgraph::Outgoing);
        for needed in reached(graph, fill, petgraph::Incoming) {
            if needed != save && !after.contains(&needed) {
                graph.update_edge(needed, save, ());
            }
        }
    }
    for &(save, fill) in &pairs {
        let after = reached(graph, save, petgraph::Outgoing);
        between.insert(graph[fill]);
        between.extend(reached(graph, fill, petgraph::Incoming).intersection(&after).map(|n| graph[*n]));
    }
    between
}

/// All nodes that can be reached from one, in a direction; not the node itself, as there are no cycles.
fn reached(graph: &DiGraph<usize, ()>, from: NodeIndex, direction: petgraph::Direction) -> HashSet<NodeIndex> {
    let mut seen = HashSet::default();
    let mut open = vec![from];
    while let Some(node) = open.pop() {
        open.extend(graph.neighbors_directed(node, direction).filter(|next| seen.insert(*next)));
    }
    seen
}

/// One topological order. Among what is free to run: what stands between putting aside and putting back, then what shares
/// transactions before what does not, makes before ends, then the address.
fn sorted<D: Dialect>(
    (dialect, to): (&D, &Catalog<D::Object>),
    actions: Vec<Action<D>>,
    heads: &[usize],
    (graph, nodes): (&DiGraph<usize, ()>, &[Option<NodeIndex>]),
    between: &HashSet<usize>,
    handed: &[(usize, usize)],
) -> Ordered<D> {
    let mut members: HashMap<usize, Vec<usize>> = HashMap::default();
    for (n, head) in heads.iter().enumerate() {
        if *head != n {
            members.entry(*head).or_default().push(n);
        }
    }
    let key = |n: usize| {
        let a = &actions[n];
        // Actions stand in the order of addresses, so their numbers do for these.
        Reverse((!between.contains(&n), dialect.lateness(to, a), a.verb, n))
    };
    let mut waiting: Vec<usize> =
        nodes.iter().map(|node| node.map_or(0, |i| graph.neighbors_directed(i, petgraph::Incoming).count())).collect();
    let mut heap: BinaryHeap<_> =
        (0..actions.len()).filter(|n| nodes[*n].is_some() && waiting[*n] == 0).map(key).collect();
    let mut order = Vec::with_capacity(graph.node_count());
    while let Some(Reverse((.., n))) = heap.pop() {
        order.push(n);
        let Some(node) = nodes[n] else { continue };
        for next in graph.neighbors(node) {
            let m = graph[next];
            waiting[m] -= 1;
            if waiting[m] == 0 {
                heap.push(key(m));
            }
        }
    }
    let place: HashMap<usize, usize> = order.iter().enumerate().map(|(p, n)| (*n, p)).collect();
    let before = order
        .iter()
        .map(|n| {
            let incoming = nodes[*n].map(|i| graph.neighbors_directed(i, petgraph::Incoming));
            incoming.into_iter().flatten().filter_map(|m| place.get(&graph[m]).copied()).collect()
        })
        .collect();
    let groups =
        order.iter().map(|n| std::iter::once(*n).chain(members.remove(n).into_iter().flatten()).collect()).collect();
    let names = handed.iter().filter_map(|(m, n)| Some((*place.get(m)?, *place.get(n)?))).collect();
    Ordered { actions, groups, before, names }
}
