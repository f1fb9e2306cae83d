//! A difference in one attribute, in words.

use std::fmt;

/// One attribute of an object that differs, with both values as a person would read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The attribute in the manual's words (`type`, `not null`).
    pub name: &'static str,
    /// What is there.
    pub from: String,
    /// What is wanted.
    pub to: String,
}

/// How a value of an attribute is told to a person.
pub trait Words {
    /// The value in words; empty for none.
    fn words(&self) -> String;
}

impl Words for String {
    fn words(&self) -> String {
        self.clone()
    }
}

impl Words for bool {
    fn words(&self) -> String {
        if *self { "yes".to_owned() } else { "no".to_owned() }
    }
}

macro_rules! words_by_display {
    ($($t:ty),*) => { $(impl Words for $t { fn words(&self) -> String { self.to_string() } })* };
}
words_by_display!(i16, i32, i64, u32, u64, f32, char);

impl<T: Words> Words for Option<T> {
    fn words(&self) -> String {
        self.as_ref().map_or_else(String::new, Words::words)
    }
}

impl<T: Words> Words for Vec<T> {
    fn words(&self) -> String {
        self.iter().map(Words::words).collect::<Vec<_>>().join(", ")
    }
}

impl<A: Words, B: Words> Words for (A, B) {
    fn words(&self) -> String {
        format!("{} {}", self.0.words(), self.1.words())
    }
}

impl<K: Words, V: Words> Words for std::collections::BTreeMap<K, V> {
    fn words(&self) -> String {
        self.iter().map(|(k, v)| format!("{}={}", k.words(), v.words())).collect::<Vec<_>>().join(", ")
    }
}

impl Words for crate::PgId {
    fn words(&self) -> String {
        self.to_string()
    }
}

/// Adds an [`Attribute`] to a list where two values differ.
pub fn differ<T: Words + PartialEq>(list: &mut Vec<Attribute>, name: &'static str, from: &T, to: &T) {
    if from != to {
        list.push(Attribute { name, from: from.words(), to: to.words() });
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let long = self.from.contains('\n') || self.to.contains('\n') || self.from.len() + self.to.len() > 120;
        match (self.from.as_str(), self.to.as_str()) {
            _ if long => write!(f, "{} changes", self.name),
            ("", to) => write!(f, "{} {to}", self.name),
            (from, "") => write!(f, "no {} (was {from})", self.name),
            (from, to) => write!(f, "{} {from} → {to}", self.name),
        }
    }
}
