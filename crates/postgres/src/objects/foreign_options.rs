//! Options of foreign-data wrappers, servers, user mappings, foreign tables and their columns (manual, CREATE SERVER).
//! They may hold passwords: the value of such an option is let go of as soon as it has been read.

use crate::attribute::Words;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use underpin_sql::Sql;

/// Options as `OPTIONS (…)` gives them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignOptions {
    /// Names and values of what may be shown.
    pub plain: BTreeMap<String, String>,
    /// Names of options whose values are secrets. They are neither kept nor compared nor written: who runs the database
    /// sets them.
    pub secrets: BTreeSet<String>,
}

impl Words for ForeignOptions {
    fn words(&self) -> String {
        self.plain.words()
    }
}

/// Whether the value of an option is a secret, as far as its name tells: `password` and `sslpassword` of `postgres_fdw`
/// (manual, F.38), `passcode`, `api_key`, `secret_access_key`, `token` and the like of others.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    // A switch of postgres_fdw's, not a password.
    name != "password_required"
        && [
            "password",
            "passwd",
            "passcode",
            "pwd",
            "secret",
            "token",
            "api_key",
            "apikey",
            "access_key",
            "private_key",
            "credential",
        ]
        .iter()
        .any(|word| name.contains(word))
}

impl ForeignOptions {
    /// Takes the catalog's array of `name=value` apart.
    #[must_use]
    pub fn parse(items: Vec<String>) -> Self {
        let mut options = Self::default();
        for item in items {
            let Some((name, value)) = item.split_once('=') else { continue };
            if is_secret(name) {
                options.secrets.insert(name.to_owned());
            } else {
                options.plain.insert(name.to_owned(), value.to_owned());
            }
        }
        options
    }

    /// Whether two sides are the same in all that can be compared.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.plain == other.plain
    }

    /// Writes `OPTIONS (name 'value', …)` where there are any.
    #[must_use]
    pub(super) fn write(&self, sql: Sql) -> Sql {
        if self.plain.is_empty() {
            return sql;
        }
        sql.kw("OPTIONS").paren(|w| w.list(&self.plain, |w, (k, v)| w.ident(k).literal(v)))
    }

    /// Writes `OPTIONS (ADD …, SET …, DROP …)`, which brings these options to others; none where they are the same.
    #[must_use]
    pub(super) fn write_change(&self, to: &Self, sql: Sql) -> Option<Sql> {
        if self.same(to) {
            return None;
        }
        let mut parts: Vec<Sql> = Vec::new();
        for name in self.plain.keys().filter(|k| !to.plain.contains_key(*k)) {
            parts.push(Sql::new("DROP").ident(name));
        }
        for (name, value) in &to.plain {
            match self.plain.get(name) {
                None => parts.push(Sql::new("ADD").ident(name).literal(value)),
                Some(old) if old != value => parts.push(Sql::new("SET").ident(name).literal(value)),
                Some(_) => {}
            }
        }
        Some(sql.kw("OPTIONS").paren(|w| w.list(parts, Sql::then)))
    }

    /// Tells who makes the object which options are left to them.
    #[must_use]
    pub(super) fn left_out(&self) -> Option<String> {
        if self.secrets.is_empty() {
            return None;
        }
        let names: Vec<&str> = self.secrets.iter().map(String::as_str).collect();
        Some(format!(
            "{} is left out, because a plan shows its statements; set it by hand with ALTER … OPTIONS (ADD …) afterwards",
            names.join(", ")
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_let_go_of() {
        let read = |items: &[&str]| ForeignOptions::parse(items.iter().map(|i| (*i).to_owned()).collect());
        let options = read(&["user=u", "password=hunter2", "password_required=false", "SSLpassword=x"]);
        assert!(!format!("{options:?}").contains("hunter2"));
        assert_eq!(options.plain.keys().collect::<Vec<_>>(), ["password_required", "user"]);
        assert!(options.same(&read(&["user=u", "password_required=false"])));
        assert!(options.left_out().is_some_and(|t| t.contains("password")));
    }

    #[test]
    fn changes_name_what_is_added_set_and_dropped() {
        let read = |items: &[&str]| ForeignOptions::parse(items.iter().map(|i| (*i).to_owned()).collect());
        let change = read(&["a=1", "b=2"]).write_change(&read(&["b=3", "c=it's"]), Sql::new("ALTER SERVER s"));
        assert_eq!(
            change.map(Sql::build).as_deref(),
            Some("ALTER SERVER s OPTIONS (DROP a, SET b '3', ADD c 'it''s')")
        );
        assert!(read(&["a=1"]).write_change(&read(&["a=1"]), Sql::empty()).is_none());
    }
}
