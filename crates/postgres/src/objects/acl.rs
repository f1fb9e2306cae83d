//! Access control lists: their text form, and what is in them beyond the defaults (manual, 5.8 Privileges).

use crate::Server;
use crate::results::parse_array;
use std::collections::BTreeMap;

/// The name under which everyone is a grantee.
pub const PUBLIC: &str = "PUBLIC";

/// Privileges by their letters (manual, table 5.1), each with whether it may be granted on.
pub type Privileges = BTreeMap<char, bool>;

/// What a kind of object grants when nothing has been said (manual, table 5.2).
#[derive(Debug, Clone, Copy)]
pub struct Defaults {
    /// The letters that the owner has.
    pub owner: &'static str,
    /// The letters that everyone has.
    pub public: &'static str,
}

impl Defaults {
    /// Tables, views, materialized views, foreign tables. MAINTAIN (`m`) exists from 17 on.
    pub const TABLE: Self = Self { owner: "arwdDxtm", public: "" };
    /// Columns grant nothing by themselves.
    pub const COLUMN: Self = Self { owner: "", public: "" };
    /// Sequences.
    pub const SEQUENCE: Self = Self { owner: "rwU", public: "" };
    /// Schemas.
    pub const SCHEMA: Self = Self { owner: "UC", public: "" };
    /// Functions, procedures, aggregates.
    pub const ROUTINE: Self = Self { owner: "X", public: "X" };
    /// Types and domains.
    pub const TYPE: Self = Self { owner: "U", public: "U" };
    /// Languages.
    pub const LANGUAGE: Self = Self { owner: "U", public: "U" };
    /// Foreign-data wrappers and foreign servers.
    pub const FOREIGN: Self = Self { owner: "U", public: "" };

    /// What `initdb` grants on the schema `public`: everyone may create there up to 14 (release notes 15).
    #[must_use]
    pub fn public_schema(server: &Server) -> Self {
        if server.major() >= 15 { Self { owner: "UC", public: "U" } } else { Self { owner: "UC", public: "UC" } }
    }

    /// The privileges that `grantee` has by default.
    #[must_use]
    pub fn of(self, grantee: &str, owner: &str, server: &Server) -> Privileges {
        let letters = if grantee == PUBLIC {
            self.public
        } else if grantee == owner {
            self.owner
        } else {
            ""
        };
        letters.chars().filter(|c| *c != 'm' || server.has_maintain()).map(|c| (c, false)).collect()
    }
}

/// Takes an ACL's text apart: privileges by grantee, whoever granted them. `rename` gives the name under which a role is
/// known.
pub fn parse(text: &str, rename: impl Fn(&str) -> String) -> BTreeMap<String, Privileges> {
    let mut grants: BTreeMap<String, Privileges> = BTreeMap::new();
    for item in parse_array(text) {
        let Some((grantee, rest)) = split_role(&item) else { continue };
        let grantee = if grantee.is_empty() { PUBLIC.to_owned() } else { rename(&grantee) };
        let letters = rest.split('/').next().unwrap_or_default();
        let held = grants.entry(grantee).or_default();
        let mut last = None;
        for letter in letters.chars() {
            if letter == '*' {
                if let Some(last) = last {
                    held.insert(last, true);
                }
            } else {
                held.entry(letter).or_insert(false);
                last = Some(letter);
            }
        }
    }
    grants
}

/// The role in front of the `=` of an ACL item, which is quoted where it holds special characters.
fn split_role(item: &str) -> Option<(String, &str)> {
    if let Some(rest) = item.strip_prefix('"') {
        let mut name = String::new();
        let mut chars = rest.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c != '"' {
                name.push(c);
            } else if chars.peek().is_some_and(|(_, next)| *next == '"') {
                name.push('"');
                chars.next();
            } else {
                return rest[at + 1..].strip_prefix('=').map(|r| (name, r));
            }
        }
        None
    } else {
        item.split_once('=').map(|(name, rest)| (name.to_owned(), rest))
    }
}

/// The grantees whose privileges are not what the defaults say, with what they have.
pub fn differing(
    text: &str,
    defaults: Defaults,
    owner: &str,
    server: &Server,
    rename: impl Fn(&str) -> String,
) -> BTreeMap<String, Privileges> {
    let mut grants = parse(text, rename);
    grants.entry(PUBLIC.to_owned()).or_default();
    grants.entry(owner.to_owned()).or_default();
    // An owner holds grant options by being the owner.
    if let Some(own) = grants.get_mut(owner) {
        own.values_mut().for_each(|v| *v = false);
    }
    grants.retain(|grantee, privileges| *privileges != defaults.of(grantee, owner, server));
    grants
}

/// The privilege's name in `GRANT` (manual, table 5.1).
#[must_use]
pub fn privilege_name(letter: char) -> Option<&'static str> {
    Some(match letter {
        'r' => "SELECT",
        'a' => "INSERT",
        'w' => "UPDATE",
        'd' => "DELETE",
        'D' => "TRUNCATE",
        'x' => "REFERENCES",
        't' => "TRIGGER",
        'C' => "CREATE",
        'c' => "CONNECT",
        'T' => "TEMPORARY",
        'X' => "EXECUTE",
        'U' => "USAGE",
        's' => "SET",
        'A' => "ALTER SYSTEM",
        'm' => "MAINTAIN",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acls_come_apart() {
        let acl =
            parse(r#"{postgres=arwdDxt/postgres,=r/postgres,bob=r*w/postgres,"\"a=b\"=r/postgres"}"#, str::to_owned);
        assert_eq!(acl["PUBLIC"], Privileges::from([('r', false)]));
        assert_eq!(acl["bob"], Privileges::from([('r', true), ('w', false)]));
        assert_eq!(acl["a=b"], Privileges::from([('r', false)]));
        let server = Server { number: 150_000, text: String::new(), casts: std::sync::Arc::default() };
        let differing = differing(
            "{postgres=arwdDxt/postgres,bob=r/postgres}",
            Defaults::TABLE,
            "postgres",
            &server,
            str::to_owned,
        );
        assert_eq!(differing.keys().collect::<Vec<_>>(), ["bob"]);
    }
}
