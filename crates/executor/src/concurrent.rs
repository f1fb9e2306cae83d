//! What runs beside the traffic and may leave something behind: concurrent builds and drops of indexes, and partitions
//! that are detached concurrently.
//!
//! Each of these is several transactions. One that ends on the way leaves an index that is invalid, or a partition that is
//! half detached, and the same statement then fails, or, with `IF NOT EXISTS`, does nothing and says that all is well. So
//! the catalog is asked before and after.

use postgres::{Client, Error};
use thiserror::Error as ThisError;
use underpin_sql::{Lexer, TokenKind};

/// Versions 14.0 to 14.3 can build indexes concurrently that lack rows (release notes of 14.4).
const CORRUPTING: std::ops::RangeInclusive<i32> = 140_000..=140_003;

/// Why a step that runs beside the traffic was not run, or is not done.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum BuildProblem {
    /// The server's version loses rows in such builds.
    #[error(
        "PostgreSQL 14.0 to 14.3 can leave rows out of an index that is built concurrently, so none is built here. Update the server to 14.4 or later, or plan with --strategy direct"
    )]
    OldServer,
    /// Another session builds an index of that name now.
    #[error("another session is building {0} now. Wait until it has ended, then run again")]
    Building(String),
    /// The name is taken.
    #[error("{name} is there and valid, but is another index: {there}. Rename or drop it, then run again")]
    Taken {
        /// The name, qualified and quoted.
        name: String,
        /// Its definition, in the server's words.
        there: String,
    },
    /// The build ended without an error, and its index is still invalid.
    #[error("{0} is still invalid after its build. Drop it with DROP INDEX CONCURRENTLY, then run again")]
    Invalid(String),
}

/// A statement that runs beside the traffic. Names are as the statement writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Statement {
    Create { index: String, table: String, unique: bool, definition: Vec<String> },
    Drop { index: String },
    Detach { parent: String, partition: String },
    Reindex { name: String },
}

/// What is to be done instead of a statement.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Instead {
    /// The statement itself.
    Itself,
    /// This first, then the statement.
    After(String),
    /// This in its place.
    Other(String),
    /// Nothing: it is done.
    Done,
}

/// An index of the name that a statement makes.
struct Found {
    name: String,
    valid: bool,
    /// Whether it is on the statement's table.
    same_table: bool,
    definition: String,
    building: bool,
}

impl Statement {
    /// Reads a statement; none where it is another kind.
    pub(crate) fn of(sql: &str) -> Option<Self> {
        let words = words(sql);
        let mut words = words.iter().map(String::as_str).peekable();
        let mut rest = Words { words: words.by_ref().collect(), at: 0 };
        if rest.eat(&["create"]) {
            let unique = rest.eat(&["unique"]);
            if !rest.eat(&["index", "concurrently"]) {
                return None;
            }
            rest.eat(&["if", "not", "exists"]);
            let index = rest.name()?;
            rest.eat(&["on"]).then_some(())?;
            rest.eat(&["only"]);
            let table = rest.name()?;
            return Some(Self::Create { index, table, unique, definition: rest.definition() });
        }
        if rest.eat(&["drop", "index", "concurrently"]) {
            rest.eat(&["if", "exists"]);
            return Some(Self::Drop { index: rest.name()? });
        }
        if rest.eat(&["alter", "table"]) {
            rest.eat(&["if", "exists"]);
            rest.eat(&["only"]);
            let parent = rest.name()?;
            rest.eat(&["detach", "partition"]).then_some(())?;
            let partition = rest.name()?;
            return rest.eat(&["concurrently"]).then_some(Self::Detach { parent, partition });
        }
        rest.eat(&["reindex"]).then_some(())?;
        rest.at = rest.words.iter().position(|w| *w == "concurrently")? + 1;
        Some(Self::Reindex { name: rest.name()? })
    }

    /// Whether this server must not run it.
    pub(crate) fn refused(&self, version: i32) -> Option<BuildProblem> {
        let builds = matches!(self, Self::Create { .. } | Self::Reindex { .. });
        (builds && CORRUPTING.contains(&version)).then_some(BuildProblem::OldServer)
    }

    /// What to do, as things stand.
    pub(crate) fn instead(&self, client: &mut Client) -> Result<Result<Instead, BuildProblem>, Error> {
        Ok(match self {
            Self::Create { unique, definition, .. } => match self.found(client)? {
                None => Ok(Instead::Itself),
                Some(found) if !found.valid && found.building => Err(BuildProblem::Building(found.name)),
                Some(found) if !found.valid && found.same_table => {
                    Ok(Instead::After(format!("DROP INDEX CONCURRENTLY {}", found.name)))
                }
                Some(found) if found.valid && found.same_table && is_same(&found.definition, *unique, definition) => {
                    Ok(Instead::Done)
                }
                Some(found) => Err(BuildProblem::Taken { name: found.name, there: found.definition }),
            },
            Self::Detach { parent, partition } => {
                // The column is there from version 14 on, as is the statement.
                let pending = client.query_opt(
                    "SELECT FROM pg_inherits WHERE inhparent = to_regclass($1) AND inhrelid = to_regclass($2) AND inhdetachpending",
                    &[parent, partition],
                )?;
                Ok(match pending {
                    Some(_) => Instead::Other(format!("ALTER TABLE {parent} DETACH PARTITION {partition} FINALIZE")),
                    None => Instead::Itself,
                })
            }
            Self::Drop { .. } | Self::Reindex { .. } => Ok(Instead::Itself),
        })
    }

    /// What is wrong with what it made.
    pub(crate) fn flaw(&self, client: &mut Client) -> Result<Option<BuildProblem>, Error> {
        let found = self.found(client)?;
        Ok(found.filter(|f| !f.valid).map(|f| BuildProblem::Invalid(f.name)))
    }

    /// The statement that takes away, or finishes, what it left half done.
    pub(crate) fn repair(&self, client: &mut Client) -> Result<Option<String>, Error> {
        Ok(match self.instead(client)? {
            Ok(Instead::After(sql) | Instead::Other(sql)) => Some(sql),
            Ok(Instead::Itself | Instead::Done) | Err(_) => None,
        })
    }

    /// What it locks with `ACCESS EXCLUSIVE` when it ends, with its name: a standby's queries on it are stopped then.
    pub(crate) fn exclusive(&self, client: &mut Client) -> Result<Option<(u32, String)>, Error> {
        let name = match self {
            Self::Create { .. } => return Ok(None),
            Self::Drop { index: name } | Self::Detach { partition: name, .. } | Self::Reindex { name } => name,
        };
        let row = client.query_opt("SELECT to_regclass($1)::oid WHERE to_regclass($1) IS NOT NULL", &[name])?;
        row.map(|r| Ok((r.try_get(0)?, name.clone()))).transpose()
    }

    fn found(&self, client: &mut Client) -> Result<Option<Found>, Error> {
        let Self::Create { index, table, .. } = self else { return Ok(None) };
        // A build of a session that may not be looked at shows no index: it may be this one.
        let row = client.query_opt(
            "SELECT format('%I.%I', n.nspname, c.relname), i.indisvalid AND i.indisready, i.indrelid = t.oid,
                    pg_get_indexdef(c.oid),
                    EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.datname = current_database()
                               AND (p.index_relid = c.oid OR p.index_relid IS NULL))
               FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace
               JOIN pg_class c ON c.relnamespace = t.relnamespace AND c.relname = (parse_ident($2))[1]
               JOIN pg_index i ON i.indexrelid = c.oid
              WHERE t.oid = to_regclass($1) AND c.relkind = 'i'",
            &[table, index],
        )?;
        let read = |row: postgres::Row| {
            Ok(Found {
                name: row.try_get(0)?,
                valid: row.try_get(1)?,
                same_table: row.try_get(2)?,
                definition: row.try_get(3)?,
                building: row.try_get(4)?,
            })
        };
        row.map(read).transpose()
    }
}

/// Whether the server's words for an index say the same as a statement that makes one.
fn is_same(there: &str, unique: bool, definition: &[String]) -> bool {
    let words = words(there);
    let mut rest = Words { words: words.iter().map(String::as_str).collect(), at: 0 };
    let same = rest.eat(&["create"])
        && rest.eat(&["unique"]) == unique
        && rest.eat(&["index"])
        && rest.name().is_some()
        && rest.eat(&["on"]);
    if !same {
        return false;
    }
    rest.eat(&["only"]);
    rest.name().is_some() && rest.definition() == definition
}

/// The words and signs of a statement; words that are not quoted in lower case.
fn words(sql: &str) -> Vec<String> {
    let tokens = Lexer::new(sql).filter(|t| !t.kind.is_trivia() && t.kind != TokenKind::Semicolon);
    tokens
        .map(|t| if t.kind == TokenKind::Word { t.text(sql).to_lowercase() } else { t.text(sql).to_owned() })
        .collect()
}

struct Words<'a> {
    words: Vec<&'a str>,
    at: usize,
}

impl Words<'_> {
    fn eat(&mut self, these: &[&str]) -> bool {
        let found = self.words.get(self.at..).is_some_and(|rest| rest.starts_with(these));
        if found {
            self.at += these.len();
        }
        found
    }

    /// A name, with its schema where it has one.
    fn name(&mut self) -> Option<String> {
        let mut name = (*self.words.get(self.at)?).to_owned();
        self.at += 1;
        while self.eat(&["."]) {
            name = format!("{name}.{}", self.words.get(self.at)?);
            self.at += 1;
        }
        name.starts_with(|c: char| c == '"' || c == '_' || c.is_alphabetic()).then_some(name)
    }

    /// The rest of an index's definition, without the method where it is the usual one, and without the place of its
    /// files: the server's words say nothing of that (`pg_get_indexdef`).
    fn definition(&mut self) -> Vec<String> {
        self.eat(&["using", "btree"]);
        let mut out = Vec::new();
        while let Some(word) = self.words.get(self.at) {
            self.at += 1;
            if *word == "tablespace" {
                self.at += 1;
            } else {
                out.push((*word).to_owned());
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_read() {
        let create = Statement::of(
            "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS \"I x\" ON ONLY public.t USING btree (a, lower(b)) WHERE c > 1",
        );
        let Some(Statement::Create { index, table, unique, definition }) = create else { panic!("{create:?}") };
        assert_eq!((index.as_str(), table.as_str(), unique), ("\"I x\"", "public.t", true));
        assert!(is_same(
            "CREATE UNIQUE INDEX \"I x\" ON public.t USING btree (a, lower(b)) WHERE c > 1",
            true,
            &definition
        ));
        assert!(is_same("CREATE UNIQUE INDEX j ON public.t(a,lower(b)) TABLESPACE x WHERE c > 1", true, &definition));
        assert!(!is_same("CREATE INDEX \"I x\" ON public.t USING btree (a, lower(b)) WHERE c > 1", true, &definition));
        assert!(!is_same("CREATE UNIQUE INDEX \"I x\" ON public.t USING hash (a)", true, &definition));
        let drop = Statement::of("drop index concurrently if exists s.i;");
        assert_eq!(drop, Some(Statement::Drop { index: "s.i".to_owned() }));
        let detach = Statement::of("ALTER TABLE ONLY s.p DETACH PARTITION s.c CONCURRENTLY");
        assert_eq!(detach, Some(Statement::Detach { parent: "s.p".to_owned(), partition: "s.c".to_owned() }));
        assert_eq!(
            Statement::of("REINDEX INDEX CONCURRENTLY s.i"),
            Some(Statement::Reindex { name: "s.i".to_owned() })
        );
        assert_eq!(Statement::of("ALTER TABLE s.p DETACH PARTITION s.c"), None);
        assert_eq!(Statement::of("CREATE INDEX i ON t (a)"), None);
    }

    #[test]
    fn only_the_versions_that_lose_rows_are_refused() {
        let build = Statement::of("CREATE INDEX CONCURRENTLY i ON t (a)").unwrap();
        for (version, refused) in
            [(130_009, false), (140_000, true), (140_003, true), (140_004, false), (150_000, false)]
        {
            assert_eq!(build.refused(version).is_some(), refused, "{version}");
        }
        assert_eq!(Statement::of("DROP INDEX CONCURRENTLY i").unwrap().refused(140_001), None);
    }
}
