//! The names of roles in statements, and the one that stands for whoever runs them.

use underpin_sql::{Sql, quote};

/// What the role is called that runs what is planned, where nobody knows its name: files of migrations are run by another one in
/// every database. In statements it is `CURRENT_USER`; in words it reads as what it is. No role of a server can be taken for it,
/// unless somebody called one just so.
pub const RUNNER: &str = "the role that runs it";

/// A role as statements name it.
pub(crate) fn role(name: &str) -> String {
    if name == RUNNER { "CURRENT_USER".to_owned() } else { quote::ident(name) }
}

/// Writes roles.
pub(crate) trait Roles {
    /// One role.
    fn role(self, name: &str) -> Self;
}

impl Roles for Sql {
    fn role(self, name: &str) -> Self {
        self.server_text(&role(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_runs_it_has_no_name() {
        let owner = |name: &str| Sql::new("ALTER TABLE t OWNER TO").role(name).build();
        assert_eq!(owner("App"), "ALTER TABLE t OWNER TO \"App\"");
        assert_eq!(owner(RUNNER), "ALTER TABLE t OWNER TO CURRENT_USER");
    }
}
