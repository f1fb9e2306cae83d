//! What is covered of each kind of object: its attributes, since which version of the server, and whether a difference is
//! made good in place. `docs/coverage.md` is written from it.
//!
//! It stands beside the kind, and every comparison of a debug build is held to it, so that it cannot grow stale.

use crate::Attribute;
use crate::server::OLDEST;
use underpin_planner::Alteration;

/// How a difference in an attribute is made good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The object is altered.
    InPlace,
    /// The object is ended and made again.
    Again,
    /// It is altered, but made again where this is so.
    AgainWhere(&'static str),
}

/// An attribute, by the name that a difference is told under.
#[derive(Debug, Clone, Copy)]
pub struct Covered {
    /// The name.
    pub name: &'static str,
    /// How a difference is made good.
    pub how: How,
    /// The first major version that has it.
    pub since: u32,
}

/// What is covered of one kind.
#[derive(Debug, Clone, Copy)]
pub struct Coverage {
    /// The first major version that has the kind.
    pub since: u32,
    /// Its attributes; besides, objects come and go.
    pub attributes: &'static [Covered],
    /// What came with later versions inside of attributes: what, and the first major version.
    pub later: &'static [(&'static str, u32)],
    /// Cases and tests that show it, as paths in the project.
    pub shown_by: &'static [&'static str],
}

/// An attribute that is altered in place.
pub(crate) const fn alters(name: &'static str) -> Covered {
    Covered { name, how: How::InPlace, since: OLDEST }
}

/// An attribute for which the object is made again.
pub(crate) const fn again(name: &'static str) -> Covered {
    Covered { name, how: How::Again, since: OLDEST }
}

/// An attribute that is altered in place, but for this.
pub(crate) const fn again_where(name: &'static str, why: &'static str) -> Covered {
    Covered { name, how: How::AgainWhere(why), since: OLDEST }
}

impl Covered {
    /// The attribute, which came with that version.
    pub(crate) const fn since(self, version: u32) -> Self {
        Self { since: version, ..self }
    }
}

impl Coverage {
    /// A kind that every version has.
    pub(crate) const fn of(attributes: &'static [Covered], shown_by: &'static [&'static str]) -> Self {
        Self { since: OLDEST, attributes, later: &[], shown_by }
    }

    /// The kind, which came with that version.
    pub(crate) const fn since(self, version: u32) -> Self {
        Self { since: version, ..self }
    }

    /// The kind with what came later.
    pub(crate) const fn later(self, later: &'static [(&'static str, u32)]) -> Self {
        Self { later, ..self }
    }

    /// What is wrong with the coverage, as these differences and the answer to them show; none where it holds.
    pub(crate) fn breach<Op>(&self, differing: &[Attribute], answer: &Alteration<Op>) -> Option<String> {
        let how = |a: &Attribute| self.attributes.iter().find(|c| c.name == a.name).map(|c| c.how);
        if let Some(unknown) = differing.iter().find(|a| how(a).is_none()) {
            return Some(format!("`{}` is compared and not in the list", unknown.name));
        }
        match answer {
            Alteration::Replace(why) if differing.iter().all(|a| how(a) == Some(How::InPlace)) => {
                let names: Vec<&str> = differing.iter().map(|a| a.name).collect();
                Some(format!(
                    "{} is said to be altered in place, and the object is made again: {why}",
                    names.join(", ")
                ))
            }
            Alteration::InPlace(_) => differing
                .iter()
                .find(|a| how(a) == Some(How::Again))
                .map(|a| format!("`{}` is said to make the object again, and it is altered in place", a.name)),
            Alteration::Replace(_) => None,
        }
    }
}
