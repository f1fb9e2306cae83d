//! A schema that a road passes through.

use crate::PgCatalog;
use std::borrow::Cow;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

/// A schema of a road's line. Most plans change little of few: it is the one that it was made from until something in it is
/// changed, and copies of it are one until then.
#[derive(Debug, Clone)]
pub struct Waypoint<'a>(Rc<Cow<'a, PgCatalog>>);

impl<'a> Waypoint<'a> {
    /// The schema as it was read.
    #[must_use]
    pub fn lent(catalog: &'a PgCatalog) -> Self {
        Self(Rc::new(Cow::Borrowed(catalog)))
    }

    /// Whether both are the same one. What is in them is not looked at.
    #[must_use]
    pub fn is_same(&self, other: &Waypoint<'_>) -> bool {
        std::ptr::eq(&raw const **self, &raw const **other)
    }
}

impl Deref for Waypoint<'_> {
    type Target = PgCatalog;

    fn deref(&self) -> &PgCatalog {
        &self.0
    }
}

impl DerefMut for Waypoint<'_> {
    fn deref_mut(&mut self) -> &mut PgCatalog {
        Rc::make_mut(&mut self.0).to_mut()
    }
}

impl From<PgCatalog> for Waypoint<'_> {
    fn from(catalog: PgCatalog) -> Self {
        Self(Rc::new(Cow::Owned(catalog)))
    }
}
