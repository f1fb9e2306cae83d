//! What a run that stopped left behind under a name of ours, and what it was to become: a plan made then goes on from there.

use super::{not_null, partition_attached};
use crate::objects::{Constraint, Context, Index};
use crate::render::name_aside;
use crate::{PgCatalog, PgId, PgKind, PgObject, PgOp, Postgres, Server};
use std::collections::HashMap;
use underpin_planner::{Action, Verb};

/// What the names of new things begin with until they take the place of the old ones.
pub(crate) const NEW: &str = "_underpin_new_";

/// What all names of ours begin with.
const OURS: &str = "_underpin_";

/// The name under which something new waits to take the place of the old one.
pub(crate) fn aside(id: &PgId) -> PgId {
    let mut parts = id.parts();
    let name = name_aside(NEW, id.last());
    if let Some(last) = parts.last_mut() {
        *last = &name;
    }
    PgId::new(id.kind, parts)
}

/// What is left of stopped runs on the live side.
#[derive(Debug, Default)]
pub(crate) struct Leftovers {
    /// What can be used as it is, by what it was to become.
    usable: HashMap<PgId, PgId>,
    /// The same the other way round.
    becomes: HashMap<PgId, PgId>,
    /// What has to go before the object is made or altered, since it has the name that is needed on the way.
    in_the_way: HashMap<PgId, PgId>,
}

impl Leftovers {
    /// Looks for what was to become objects of `to`.
    pub(crate) fn new(server: &Server, from: &PgCatalog, to: &PgCatalog) -> Self {
        let mut found = Self::default();
        // Nothing of ours is there in most databases, and then no name has to be made up.
        let any = from.objects.keys().any(|id| id.of.is_none() && id.last().starts_with(OURS));
        let mut defaults: HashMap<&PgId, PgId> = HashMap::new();
        for (id, object) in from.objects.iter().filter(|_| any) {
            if let PgObject::Partition(tie) = object
                && tie.bound == "DEFAULT"
            {
                defaults.extend(id.target(0).map(|table| (&tie.parent, table)));
            }
        }
        for (id, object) in &to.objects {
            match object {
                PgObject::Index(index) => {
                    let left = if any { from.objects.get_key_value(&aside(id)) } else { None };
                    if let Some((left, PgObject::Index(old))) = left {
                        found.note(id, left, is_index(old, index));
                    }
                }
                PgObject::Constraint(constraint) if constraint.is_key() => {
                    // A key that is new is built under its own name.
                    let own = PgId::new(PgKind::Index, [id.part(0), id.last()]);
                    let left = if any { from.objects.get_key_value(&aside(&own)) } else { None };
                    if let Some((left, PgObject::Index(old))) = left.or_else(|| from.objects.get_key_value(&own))
                        && old.on == id.prefix(PgKind::Table, 2)
                    {
                        found.note(id, left, is_index_of(old, constraint));
                    }
                }
                PgObject::Constraint(constraint) if any => {
                    if let Some((left, PgObject::Constraint(old))) = from.objects.get_key_value(&aside(id)) {
                        found.note(id, left, is_constraint(old, constraint));
                    }
                }
                PgObject::Column(column) if any && column.not_null && !server.has_not_null_constraints() => {
                    let was = matches!(from.objects.get(id), Some(PgObject::Column(c)) if !c.not_null);
                    let check = not_null::check_id(id);
                    if was && let Some((left, PgObject::Constraint(old))) = from.objects.get_key_value(&check) {
                        found.note(id, left, old.definition == not_null::demand(id, to));
                    }
                }
                PgObject::Partition(tie) if any && !from.objects.contains_key(id) => {
                    let Some(table) = id.target(0) else { continue };
                    for on in defaults.get(&tie.parent).into_iter().chain([&table]) {
                        let check = partition_attached::check_id(on, &table);
                        if from.objects.contains_key(&check) {
                            found.note(id, &check, false);
                        }
                    }
                }
                PgObject::MaterializedView(_) if any => {
                    if let Some((left, _)) = from.objects.get_key_value(&aside(id)) {
                        found.note(id, left, false);
                    }
                }
                _ => {}
            }
        }
        found
    }

    fn note(&mut self, wanted: &PgId, left: &PgId, usable: bool) {
        if usable {
            self.usable.insert(wanted.clone(), left.clone());
            self.becomes.insert(left.clone(), wanted.clone());
        } else {
            self.in_the_way.insert(left.clone(), wanted.clone());
        }
    }

    /// What has to be ended before something else is made or altered: the leftover, and that other.
    pub(crate) fn in_the_way(&self, left: &PgId) -> Option<&PgId> {
        self.in_the_way.get(left)
    }
}

impl Context<'_> {
    /// What a stopped run left that only has to take the place of the object.
    pub(crate) fn left_for(&self, wanted: &PgId) -> Option<&PgId> {
        self.left.usable.get(wanted).filter(|left| self.is_untouched(left))
    }

    /// Whether the object is left of a stopped run and will become another one, so that it is not ended.
    pub(crate) fn becomes_another(&self, left: &PgId) -> bool {
        self.left.becomes.contains_key(left) && self.is_untouched(left)
    }

    /// Whether all that the object rests on stays as it is.
    fn is_untouched(&self, left: &PgId) -> bool {
        // What no catalog holds, such as an extension that every database has, stays.
        let goes = |need: &PgId| self.from.objects.contains_key(need) && !self.to.objects.contains_key(need);
        !self.from.needs(left).any(|need| self.is_made(need) || goes(need))
    }
}

impl Postgres<'_> {
    /// What comes before and after what takes the place of something: what is left in its way goes first, and what the old one
    /// held in place changes after.
    pub(crate) fn around_new_ones(&self, actions: &[Action<Self>]) -> Vec<(usize, usize)> {
        let mut pairs = Vec::new();
        let mut taking: HashMap<&PgId, usize> = HashMap::new();
        let mut held: HashMap<&PgId, usize> = HashMap::new();
        for (n, action) in actions.iter().enumerate() {
            let anew = action.op == Some(PgOp::Anew);
            if anew || action.verb == Verb::Make {
                taking.insert(&action.id, n);
            }
            // A column of a primary key is NOT NULL as long as that is there.
            if anew && action.id.kind == PgKind::Constraint {
                held.extend(self.from.needs(&action.id).filter(|c| c.kind == PgKind::Column).map(|c| (c, n)));
            }
        }
        for (n, action) in actions.iter().enumerate() {
            let place = self.left.in_the_way(&action.id).filter(|_| action.verb == Verb::End);
            pairs.extend(place.and_then(|wanted| taking.get(wanted)).map(|m| (n, *m)));
            if action.op == Some(PgOp::DropNotNull) {
                pairs.extend(held.get(&action.id).map(|m| (*m, n)));
            }
        }
        pairs
    }
}

/// For an index that `REINDEX CONCURRENTLY` left when it failed, or works on: the name of the index that it was for.
/// The server calls the new one `…_ccnew` and the old one, once they have changed places, `…_ccold`, with a number
/// where the name is taken (manual, REINDEX), and neither is valid.
#[must_use]
pub fn left_by_reindex(catalog: &PgCatalog, id: &PgId) -> Option<String> {
    let Some(PgObject::Index(index)) = catalog.objects.get(id) else { return None };
    let stem = id.last().trim_end_matches(|c: char| c.is_ascii_digit());
    let stem = ["_ccnew", "_ccold"].iter().find_map(|end| stem.strip_suffix(end)).filter(|_| !index.valid)?;
    // A long name was cut to make room.
    let is_of = |name: &str| name == stem || (name.len() > 57 && name.starts_with(stem));
    let other = catalog.objects.iter().find_map(|(other, object)| match object {
        PgObject::Index(i) if i.on == index.on && is_of(other.last()) => Some(other.last()),
        PgObject::Constraint(c) if c.has_index() && other.is_under(&index.on.parts()) && is_of(other.last()) => {
            Some(other.last())
        }
        _ => None,
    });
    Some(underpin_sql::quote::qualified(&[id.part(0), other?]))
}

/// Whether an index is what is wanted but for its name and for what can be said of it later.
fn is_index(left: &Index, wanted: &Index) -> bool {
    left.valid
        && !left.partitioned
        && !wanted.partitioned
        && left.part_of.is_none()
        && left.on == wanted.on
        && left.unique == wanted.unique
        && left.definition == wanted.definition
        && left.options == wanted.options
        && left.tablespace == wanted.tablespace
}

/// Whether an index is what a key needs.
fn is_index_of(left: &Index, key: &Constraint) -> bool {
    left.valid
        && left.unique
        && left.part_of.is_none()
        && !left.partitioned
        && Some(&left.definition) == key.index_definition().as_ref()
        && left.options == key.options
        && left.tablespace == key.tablespace
}

/// Whether a constraint is what is wanted but for its name and for being proved.
fn is_constraint(left: &Constraint, wanted: &Constraint) -> bool {
    left.kind == wanted.kind
        && left.definition == wanted.definition
        && (left.deferrable, left.deferred) == (wanted.deferrable, wanted.deferred)
        && left.enforced == wanted.enforced
        && !left.inherited
}
