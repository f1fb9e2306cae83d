//! The address of an object: a kind and the parts of a name, never a joined string.

use rustc_hash::FxHasher;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A dialect's enumeration of object kinds. The order of its values is the order in which a reader expects them.
pub trait Kind: Copy + Ord + Hash + fmt::Debug + Send + Sync + Serialize + 'static {
    /// The kind in lower-case words, as the server's manual calls it (`table`, `materialized view`).
    fn name(self) -> &'static str;
}

/// The address of one object: everything that a person can name has one.
///
/// Addresses are compared and hashed more often than anything else, so the parts of the name stand in one piece of text,
/// with a zero byte between them, which no name can hold; its order is the order of the parts.
#[derive(Clone, Serialize, Deserialize)]
#[serde(bound(deserialize = "K: Kind + Deserialize<'de>"), from = "Plain<K>", into = "Plain<K>")]
pub struct ObjectId<K: Kind> {
    /// What it is.
    pub kind: K,
    /// For a comment, a grant or an owner: the kind of the object that it hangs on.
    pub of: Option<K>,
    /// The parts of its name from the outside in: schema, table, column.
    path: Arc<str>,
    /// A hash over the path.
    hash: u64,
}

/// An address as it is written down.
#[derive(Serialize, Deserialize)]
#[serde(rename = "ObjectId")]
struct Plain<K> {
    kind: K,
    of: Option<K>,
    path: Vec<String>,
}

impl<K: Kind> From<Plain<K>> for ObjectId<K> {
    fn from(plain: Plain<K>) -> Self {
        Self::build(plain.kind, plain.of, &plain.path.join(SEPARATOR))
    }
}

impl<K: Kind> From<ObjectId<K>> for Plain<K> {
    fn from(id: ObjectId<K>) -> Self {
        let path = id.parts().into_iter().map(str::to_owned).collect();
        Self { kind: id.kind, of: id.of, path }
    }
}

const SEPARATOR: &str = "\0";

impl<K: Kind> PartialEq for ObjectId<K> {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash && self.kind == other.kind && self.of == other.of && self.path == other.path
    }
}

impl<K: Kind> Eq for ObjectId<K> {}

impl<K: Kind> PartialOrd for ObjectId<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Kind> Ord for ObjectId<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        let path = || if Arc::ptr_eq(&self.path, &other.path) { Ordering::Equal } else { self.path.cmp(&other.path) };
        self.kind.cmp(&other.kind).then_with(|| self.of.cmp(&other.of)).then_with(path)
    }
}

impl<K: Kind> Hash for ObjectId<K> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
        self.of.hash(state);
        state.write_u64(self.hash);
    }
}

impl<K: Kind> ObjectId<K> {
    fn build(kind: K, of: Option<K>, path: &str) -> Self {
        let mut hasher = FxHasher::default();
        hasher.write(path.as_bytes());
        Self { kind, of, path: path.into(), hash: hasher.finish() }
    }

    /// The address of the object of `kind` whose name has these parts.
    pub fn new<S: AsRef<str>>(kind: K, parts: impl IntoIterator<Item = S>) -> Self {
        let mut path = String::new();
        for (n, part) in parts.into_iter().enumerate() {
            if n > 0 {
                path.push_str(SEPARATOR);
            }
            path.push_str(part.as_ref());
        }
        Self::build(kind, None, &path)
    }

    /// The address of something of `kind` that hangs on this object, such as its comment; `extra` tells several apart,
    /// as the grantee of a grant does.
    #[must_use]
    pub fn attached(&self, kind: K, extra: &[&str]) -> Self {
        if extra.is_empty() {
            return Self::build(kind, Some(self.kind), &self.path);
        }
        let mut path = self.path.to_string();
        for part in extra {
            path.push_str(SEPARATOR);
            path.push_str(part);
        }
        Self::build(kind, Some(self.kind), &path)
    }

    /// The object that this address hangs on, for what [`ObjectId::attached`] made with `extra` parts.
    #[must_use]
    pub fn target(&self, extra: usize) -> Option<Self> {
        let kind = self.of?;
        let mut path = &*self.path;
        for _ in 0..extra {
            path = path.rsplit_once(SEPARATOR).map_or("", |(head, _)| head);
        }
        Some(Self::build(kind, None, path))
    }

    /// The address of the object of `kind` whose name is the first `len` parts of this one.
    #[must_use]
    pub fn prefix(&self, kind: K, len: usize) -> Self {
        let end = self.path.match_indices(SEPARATOR).nth(len.saturating_sub(1)).map_or(self.path.len(), |(at, _)| at);
        Self::build(kind, None, &self.path[..end])
    }

    /// The parts of the name.
    #[must_use]
    pub fn parts(&self) -> Vec<&str> {
        self.path.split(SEPARATOR).collect()
    }

    /// Whether the name begins with these parts.
    #[must_use]
    pub fn is_under(&self, prefix: &[&str]) -> bool {
        let mut rest = Some(&*self.path);
        prefix.iter().all(|part| {
            let Some(text) = rest else { return false };
            let (head, tail) = text.split_once(SEPARATOR).map_or((text, None), |(h, t)| (h, Some(t)));
            rest = tail;
            head == *part
        })
    }

    /// One part of the name, or an empty text where there is none.
    #[must_use]
    pub fn part(&self, n: usize) -> &str {
        self.path.split(SEPARATOR).nth(n).unwrap_or_default()
    }

    /// The last part of the name.
    #[must_use]
    pub fn last(&self) -> &str {
        self.path.rsplit(SEPARATOR).next().unwrap_or_default()
    }

    /// The number of parts.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.path.matches(SEPARATOR).count() + 1
    }
}

impl<K: Kind> fmt::Display for ObjectId<K> {
    /// For people: `column public.users.email`, `comment on table public.users`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.kind.name())?;
        if let Some(of) = self.of {
            write!(f, "on {} ", of.name())?;
        }
        for (n, part) in self.path.split(SEPARATOR).enumerate() {
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
