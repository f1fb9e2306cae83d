//! The address of an object: a kind and the parts of a name, never a joined string.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;

/// A dialect's enumeration of object kinds. The order of its values is the order in which a reader expects them.
pub trait Kind: Copy + Ord + Hash + fmt::Debug + Send + Sync + Serialize + 'static {
    /// The kind in lower-case words, as the server's manual calls it (`table`, `materialized view`).
    fn name(self) -> &'static str;
}

/// The address of one object: everything that a person can name has one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectId<K> {
    /// What it is.
    pub kind: K,
    /// For a comment, a grant or an owner: the kind of the object that it hangs on.
    pub of: Option<K>,
    /// The parts of its name from the outside in: schema, table, column.
    path: Arc<[Box<str>]>,
}

impl<K: Kind> ObjectId<K> {
    /// The address of the object of `kind` whose name has these parts.
    pub fn new<S: AsRef<str>>(kind: K, parts: impl IntoIterator<Item = S>) -> Self {
        Self { kind, of: None, path: parts.into_iter().map(|p| Box::from(p.as_ref())).collect() }
    }

    /// The address of something of `kind` that hangs on this object, such as its comment; `extra` tells several apart,
    /// as the grantee of a grant does.
    #[must_use]
    pub fn attached(&self, kind: K, extra: &[&str]) -> Self {
        let path = self.path.iter().cloned().chain(extra.iter().map(|e| Box::from(*e))).collect();
        Self { kind, of: Some(self.kind), path }
    }

    /// The object that this address hangs on, for what [`ObjectId::attached`] made with `extra` parts.
    #[must_use]
    pub fn target(&self, extra: usize) -> Option<Self> {
        let kind = self.of?;
        Some(Self { kind, of: None, path: self.path[..self.path.len() - extra].into() })
    }

    /// The address of the object of `kind` whose name is the first `len` parts of this one.
    #[must_use]
    pub fn prefix(&self, kind: K, len: usize) -> Self {
        Self { kind, of: None, path: self.path[..len].into() }
    }

    /// The parts of the name.
    #[must_use]
    pub fn parts(&self) -> Vec<&str> {
        self.path.iter().map(AsRef::as_ref).collect()
    }

    /// One part of the name, or an empty text where there is none.
    #[must_use]
    pub fn part(&self, n: usize) -> &str {
        self.path.get(n).map_or("", AsRef::as_ref)
    }

    /// The last part of the name.
    #[must_use]
    pub fn last(&self) -> &str {
        self.path.last().map_or("", AsRef::as_ref)
    }

    /// The number of parts.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.path.len()
    }
}

impl<K: Kind> fmt::Display for ObjectId<K> {
    /// For people: `column public.users.email`, `comment on table public.users`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind.name())?;
        if let Some(of) = self.of {
            write!(f, "on {} ", of.name())?;
        }
        for (n, part) in self.path.iter().enumerate() {
            if n > 0 {
                f.write_str(".")?;
            }
            let plain = !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'(' || b == b')');
            // A dot, a quote or a capital inside a part would make two addresses read alike.
            if plain { f.write_str(part)? } else { write!(f, "\"{}\"", part.replace('"', "\"\""))? }
        }
        Ok(())
    }
}

impl<K: Kind> fmt::Debug for ObjectId<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
