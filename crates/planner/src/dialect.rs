//! What the planner asks of a dialect.

use crate::{Action, Verb};
use std::collections::HashSet;
use underpin_model::{Backfill, Catalog, Hazard, IdOf, Object, Run, Work};

/// How a set of attribute changes of one object is made.
#[derive(Debug, Clone)]
pub enum Alteration<Op> {
    /// In place, by these operations in this order.
    InPlace(Vec<Op>),
    /// Only by ending the object and making it again; the reason is for people.
    Replace(String),
}

/// What becomes of an object when something that it rests on is ended.
#[derive(Debug, Clone)]
pub enum Reaction<Op> {
    /// It is ended before and made again after.
    Rebuild,
    /// It is altered in between: after the new one is made and before the old one is ended.
    Alter(Vec<Op>),
    /// Nothing: it does not mind.
    Keep,
}

/// What may share a transaction with a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isolation {
    /// Anything.
    Shared,
    /// Anything but what uses its effect, which has to wait for the commit.
    CommitBeforeUse,
    /// Nothing: a transaction of its own.
    OwnTransaction,
    /// The same, and nothing waits for it: it comes when the running transaction ends.
    Afterwards,
    /// It may not run in a transaction.
    Outside,
}

/// A step before it has its place in a plan.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Statements in order, without semicolons.
    pub sql: Vec<String>,
    /// How a step of [`Run::Backfill`] goes in batches.
    pub backfill: Option<Backfill>,
    /// How it is run.
    pub run: Run,
    /// What may share its transaction.
    pub isolation: Isolation,
    /// The work under its locks.
    pub work: Work,
    /// The harm that it does.
    pub hazards: Vec<Hazard>,
    /// What it does itself, in words, where it makes one part of several that an alteration is made of.
    pub part: Option<String>,
    /// Why it is there, where its changes do not tell.
    pub reason: Option<String>,
    /// The recipe that made it.
    pub recipe: Option<String>,
    /// What takes it back.
    pub undo: Option<Vec<String>>,
}

impl Draft {
    /// A plain step of these statements.
    #[must_use]
    pub fn sql(sql: Vec<String>) -> Self {
        Self {
            sql,
            backfill: None,
            run: Run::Locked,
            isolation: Isolation::Shared,
            work: Work::Instant,
            hazards: Vec::new(),
            part: None,
            reason: None,
            recipe: None,
            undo: None,
        }
    }
}

/// Actions that one statement carries out: a head and what is folded into it, each in the order of addresses.
pub struct Group<'a, D: Dialect> {
    /// What the plan makes, new or again.
    pub made: &'a HashSet<IdOf<D::Object>>,
    /// The action that gives the group its place.
    pub head: &'a Action<D>,
    /// What the head's statement carries out as well.
    pub folded: Vec<&'a Action<D>>,
}

impl<D: Dialect> Group<'_, D> {
    /// Whether the group carries out `verb` on `id`.
    pub fn has(&self, id: &IdOf<D::Object>, verb: Verb) -> bool {
        std::iter::once(&self.head).chain(&self.folded).any(|a| a.verb == verb && a.id == *id)
    }
}

/// The knowledge about one dialect that planning needs.
pub trait Dialect: Sized {
    /// Its objects.
    type Object: Object;
    /// Something to run, typed.
    type Op: Clone + std::fmt::Debug;

    /// How `attributes` of the object are changed.
    fn alter(
        &self,
        id: &IdOf<Self::Object>,
        from: &Self::Object,
        to: &Self::Object,
        attributes: &[<Self::Object as Object>::Attribute],
    ) -> Alteration<Self::Op>;

    /// Whether `op` on `id` cannot run while `dependent`, which rests on `id`, is there as it is.
    fn invalidates(
        &self,
        id: &IdOf<Self::Object>,
        op: &Self::Op,
        dependent: &IdOf<Self::Object>,
        object: &Self::Object,
    ) -> bool;

    /// Whether the alteration has nothing to do with `other`, which rests on its object or is a part of it: each may come
    /// or go before the alteration or after.
    fn is_apart(&self, _alteration: &Action<Self>, _other: &IdOf<Self::Object>) -> bool {
        false
    }

    /// What becomes of `dependent` when `ended` is ended; `again` says whether it is made again.
    fn reaction(
        &self,
        from: &Catalog<Self::Object>,
        ended: &IdOf<Self::Object>,
        again: bool,
        dependent: &IdOf<Self::Object>,
    ) -> Reaction<Self::Op>;

    /// What cannot stay when the object is ended, although it does not rest on it.
    fn drags(&self, _from: &Catalog<Self::Object>, _id: &IdOf<Self::Object>) -> Vec<IdOf<Self::Object>> {
        Vec::new()
    }

    /// What cannot stay when the object is made, since it cannot take it as it is.
    fn displaces(
        &self,
        _from: &Catalog<Self::Object>,
        _to: &Catalog<Self::Object>,
        _id: &IdOf<Self::Object>,
    ) -> Vec<IdOf<Self::Object>> {
        Vec::new()
    }

    /// Whether that `dependent` rests on `needed` only says which is made first: the one can go without the other.
    fn is_only_order(
        &self,
        from: &Catalog<Self::Object>,
        dependent: &IdOf<Self::Object>,
        needed: &IdOf<Self::Object>,
    ) -> bool;

    /// Whether the object, when it is replaced, is first moved aside under another name, so that what uses it can move
    /// over before the old one is ended.
    fn parks(&self, from: &Catalog<Self::Object>, id: &IdOf<Self::Object>) -> bool;

    /// Whether the object holds what has to be put aside and back when it is made again: rows.
    fn holds(&self, _id: &IdOf<Self::Object>) -> bool {
        false
    }

    /// The relations of the live side that the action locks; none where it locks none, or where the plan is one transaction as
    /// far as that can be. What locks others gets a transaction of its own, so that no lock is held while another is waited for.
    fn locked(&self, _action: &Action<Self>) -> Vec<IdOf<Self::Object>> {
        Vec::new()
    }

    /// Pairs of actions, by their places, of which the first has to come before the second although no dependency says
    /// so.
    fn after(&self, _actions: &[Action<Self>]) -> Vec<(usize, usize)> {
        Vec::new()
    }

    /// The names that the object takes, each in its space; two objects cannot have the same at once.
    fn slots(&self, id: &IdOf<Self::Object>, object: &Self::Object) -> Vec<String>;

    /// What has to be ended, if it is, before the object is made: with it there, the server would tie the new one to it.
    fn made_after_end_of(
        &self,
        from: &Catalog<Self::Object>,
        to: &Catalog<Self::Object>,
        id: &IdOf<Self::Object>,
    ) -> Vec<IdOf<Self::Object>>;

    /// The action whose statement can carry out this one too, if that is part of the plan: tried in order.
    fn fold(
        &self,
        from: &Catalog<Self::Object>,
        to: &Catalog<Self::Object>,
        action: &Action<Self>,
    ) -> Vec<(IdOf<Self::Object>, Verb)>;

    /// How easily a folded action stands for itself where folding ties a knot: what is loosest is taken out first.
    fn looseness(&self, action: &Action<Self>) -> u8;

    /// How much better the action is done late, if it is not folded into another: among what is free to run, all of a
    /// lower number comes first. 0 is no matter; a higher one is for what does not share transactions, or runs code that
    /// reads what no dependency tells.
    fn lateness(&self, to: &Catalog<Self::Object>, action: &Action<Self>) -> u8;

    /// The steps that carry out a group. An empty list is nothing to run.
    fn render(&self, from: &Catalog<Self::Object>, to: &Catalog<Self::Object>, group: &Group<'_, Self>) -> Vec<Draft>;
}
