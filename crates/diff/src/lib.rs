//! Pairs the objects of two catalogs by address and yields what differs. Generic over a dialect's objects; it decides
//! nothing about how a difference is made good, and never guesses a rename.

mod renames;

pub use renames::{LikelyRename, likely_renames};

use std::cmp::Ordering;
use underpin_model::{Catalog, Change, Object};

/// The differences from `from` (what is there) to `to` (what is wanted), in the order of addresses. One walk over both.
pub fn diff<O: Object>(from: &Catalog<O>, to: &Catalog<O>) -> Vec<Change<O>> {
    let mut changes = Vec::new();
    let mut left = from.objects.iter().peekable();
    let mut right = to.objects.iter().peekable();
    loop {
        let order = match (left.peek(), right.peek()) {
            (None, None) => return changes,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((a, _)), Some((b, _))) => a.cmp(b),
        };
        match order {
            Ordering::Less => {
                if let Some((id, _)) = left.next() {
                    changes.push(Change::Drop(id.clone()));
                }
            }
            Ordering::Greater => {
                if let Some((id, _)) = right.next() {
                    changes.push(Change::Create(id.clone()));
                }
            }
            Ordering::Equal => {
                if let (Some((id, a)), Some((_, b))) = (left.next(), right.next())
                    && a != b
                {
                    changes
                        .extend(a.compare(b).into_iter().map(|attribute| Change::Alter { id: id.clone(), attribute }));
                }
            }
        }
    }
}
