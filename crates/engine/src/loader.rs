//! Runs SQL on a development database: in big messages while all goes well, statement by statement where something fails,
//! and again later where a statement may only have come too early.

use crate::EngineError;
use crate::dev::DevDatabase;
use crate::error::server_words;
use postgres::Client;
use postgres::error::{DbError, ErrorPosition};
use std::sync::Arc;
use underpin_sql::{Class, ObjectWord};

/// Something to run.
pub(crate) struct Piece<'a> {
    pub sql: &'a str,
    pub class: Class,
    /// The path that its file has set before it.
    pub search_path: Option<&'a Arc<[String]>>,
}

/// A statement that the server does not take, with its last words.
pub(crate) struct Rejected {
    /// Its place in the list that was run.
    pub place: usize,
    /// The server's words.
    pub words: String,
    /// The server's code.
    pub code: String,
    /// Where in the statement, in characters from 1.
    pub position: Option<usize>,
}

/// Statements a message: enough that the way there and back does not count, few enough to find the place again quickly.
const MESSAGE: usize = 400;

/// Runs all pieces. Roles that are missing are made on a private server. What fails is tried again as long as others
/// succeed in between; what still fails then is returned.
pub(crate) fn run(database: &mut DevDatabase<'_>, pieces: &[Piece<'_>], trust: bool) -> Result<Vec<Rejected>, EngineError> {
    let mut run = Run { database, pieces, trust, path: None, path_known: false };
    let mut waiting: Vec<usize> = (0..pieces.len()).collect();
    // Event triggers come last, so that none fires while the rest is made.
    waiting.sort_by_key(|n| matches!(pieces[*n].class, Class::Create(ObjectWord::EventTrigger) | Class::Alter(ObjectWord::EventTrigger)));
    loop {
        let rejected = run.pass(&waiting)?;
        if rejected.is_empty() || rejected.len() == waiting.len() {
            return Ok(rejected);
        }
        waiting = rejected.iter().map(|r| r.place).collect();
    }
}

struct Run<'r, 'd, 'p> {
    database: &'r mut DevDatabase<'d>,
    pieces: &'p [Piece<'p>],
    trust: bool,
    path: Option<&'p Arc<[String]>>,
    path_known: bool,
}

/// What becomes of a message.
enum Sent {
    Done,
    /// The place in the message of the statement that failed, where it can be told.
    Failed(Option<usize>, Box<postgres::Error>),
}

impl<'p> Run<'_, '_, 'p> {
    fn pass(&mut self, places: &[usize]) -> Result<Vec<Rejected>, EngineError> {
        let mut rejected = Vec::new();
        let mut at = 0;
        // After a failure messages are short for a while: failures come in flocks.
        let mut size = MESSAGE;
        while at < places.len() {
            let path = self.pieces[places[at]].search_path;
            self.set_path(path)?;
            let end = places[at..]
                .iter()
                .take(size)
                .take_while(|n| same_path(self.pieces[**n].search_path, path))
                .count()
                + at;
            match self.send(&places[at..end])? {
                Sent::Done => {
                    at = end;
                    size = (size * 4).min(MESSAGE);
                }
                Sent::Failed(Some(0), error) if end - at == 1 => {
                    if let Some(r) = self.alone(places[at], *error)? {
                        rejected.push(r);
                    }
                    at += 1;
                }
                // What stands before it is all right: it is sent again, then the one by itself.
                Sent::Failed(Some(n), _) => size = n.max(1),
                Sent::Failed(None, _) => size = ((end - at) / 4).max(1),
            }
        }
        Ok(rejected)
    }

    fn set_path(&mut self, path: Option<&'p Arc<[String]>>) -> Result<(), EngineError> {
        if !self.path_known || !same_path(self.path, path) {
            let dev = self.database.dev();
            dev.set_search_path(&mut self.database.loader, path.map(|p| &**p))?;
            self.path = path;
            self.path_known = true;
        }
        Ok(())
    }

    /// Sends statements as one message, which the server runs as one transaction.
    fn send(&mut self, places: &[usize]) -> Result<Sent, EngineError> {
        let mut text = String::new();
        let mut starts = Vec::with_capacity(places.len());
        let mut characters = 0;
        for n in places {
            let sql = self.pieces[*n].sql;
            starts.push(characters);
            text.push_str(sql);
            text.push_str(";\n");
            characters += sql.chars().count() + 2;
        }
        let Err(error) = self.database.loader.batch_execute(&text) else { return Ok(Sent::Done) };
        let Some(db) = error.as_db_error() else { return Err(error.into()) };
        if places.len() == 1 {
            return Ok(Sent::Failed(Some(0), Box::new(error)));
        }
        let place = original_position(db).map(|p| starts.partition_point(|s| *s < p).saturating_sub(1));
        Ok(Sent::Failed(place, Box::new(error)))
    }

    /// What a single statement needs to succeed after all: a role, or a right that only a superuser has.
    fn alone(&mut self, place: usize, error: postgres::Error) -> Result<Option<Rejected>, EngineError> {
        let mut error = error;
        for _ in 0..16 {
            let Some(db) = error.as_db_error() else { return Err(error.into()) };
            let private = self.database.dev().is_private();
            let missing = missing_role(db).filter(|_| private);
            let roles = roles_made(self.pieces[place].sql);
            if private && self.pieces[place].class == Class::Do && db.code().code() == "42501" && !roles.is_empty() {
                // The block makes roles, which the loader may not; the roles are made for it, and the block is told of.
                for role in roles {
                    // One that is there already is just what is wanted.
                    let _ = self.database.make_role(&role);
                }
                return Ok(Some(Rejected { words: ROLES_MADE.to_owned(), ..self.reject(place, &error) }));
            }
            if let Some(role) = missing {
                self.database.make_role(&role)?;
            } else if private && self.needs_superuser(place, db) {
                match self.as_superuser(place)? {
                    None => return Ok(None),
                    Some(e) => {
                        if e.as_db_error().and_then(missing_role).is_none() {
                            return Ok(Some(self.reject(place, &e)));
                        }
                        error = e;
                        continue;
                    }
                }
            } else {
                return Ok(Some(self.reject(place, &error)));
            }
            match self.send(&[place])? {
                Sent::Done => return Ok(None),
                Sent::Failed(_, e) => error = *e,
            }
        }
        Ok(Some(self.reject(place, &error)))
    }

    fn reject(&self, place: usize, error: &postgres::Error) -> Rejected {
        let db = error.as_db_error();
        Rejected {
            place,
            words: server_words(error),
            code: db.map(|d| d.code().code().to_owned()).unwrap_or_default(),
            position: db.and_then(original_position),
        }
    }

    /// Whether the statement may be run by a superuser: it only needs the right, and runs no code of the schema.
    fn needs_superuser(&self, place: usize, error: &DbError) -> bool {
        let code = error.code().code();
        if code != "42501" && !(code == "42939" || code == "0LP01") {
            return false;
        }
        let piece = &self.pieces[place];
        let by_class = match piece.class {
            Class::Comment | Class::Grant | Class::Revoke | Class::AlterDefaultPrivileges | Class::SecurityLabel | Class::Drop => true,
            Class::Create(word) | Class::Alter(word) => match word {
                ObjectWord::Extension
                | ObjectWord::EventTrigger
                | ObjectWord::ForeignDataWrapper
                | ObjectWord::Server
                | ObjectWord::UserMapping
                | ObjectWord::Language
                | ObjectWord::OperatorClass
                | ObjectWord::OperatorFamily
                | ObjectWord::Operator
                | ObjectWord::AccessMethod
                | ObjectWord::Cast
                | ObjectWord::Publication
                | ObjectWord::Subscription
                | ObjectWord::TextSearch
                | ObjectWord::Transform
                | ObjectWord::Conversion
                | ObjectWord::Collation
                | ObjectWord::Type
                | ObjectWord::Aggregate
                | ObjectWord::Schema => true,
                ObjectWord::Function | ObjectWord::Procedure => self.trust || !has_foreign_language(piece.sql),
                _ => false,
            },
            _ => false,
        };
        by_class || is_owner_change(piece.sql)
    }

    fn as_superuser(&mut self, place: usize) -> Result<Option<postgres::Error>, EngineError> {
        let piece = &self.pieces[place];
        let path = piece.search_path;
        let owns = !matches!(
            piece.class,
            Class::Create(ObjectWord::EventTrigger | ObjectWord::ForeignDataWrapper | ObjectWord::Extension | ObjectWord::Subscription)
        );
        let dev = self.database.dev();
        let admin: &mut Client = self.database.admin()?;
        dev.set_search_path(admin, path.map(|p| &**p))?;
        // What a superuser made is given away at once, so that nothing of the schema ever runs with its rights.
        let give = if owns && matches!(piece.class, Class::Create(_)) {
            format!("; REASSIGN OWNED BY {} TO {}", crate::dev::ADMIN, crate::dev::LOADER)
        } else {
            String::new()
        };
        match admin.batch_execute(&format!("{}{give}", piece.sql)) {
            Ok(()) => Ok(None),
            Err(e) if !give.is_empty() && e.as_db_error().is_some_and(|d| d.message().contains("must be a superuser")) => {
                Ok(admin.batch_execute(piece.sql).err())
            }
            Err(e) => Ok(Some(e)),
        }
    }
}

fn same_path(a: Option<&Arc<[String]>>, b: Option<&Arc<[String]>>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a == b,
        _ => false,
    }
}

fn original_position(db: &DbError) -> Option<usize> {
    match db.position()? {
        ErrorPosition::Original(p) => usize::try_from(*p).ok(),
        ErrorPosition::Internal { .. } => None,
    }
}

/// The role that the server misses: `role "x" does not exist` (42704). The message is asked for in English at the start
/// of every private server (`lc_messages` is C there).
fn missing_role(db: &DbError) -> Option<String> {
    if db.code().code() != "42704" {
        return None;
    }
    let rest = db.message().strip_prefix("role \"")?;
    rest.strip_suffix("\" does not exist").map(str::to_owned)
}

/// What is said of a `DO` block whose roles were made instead of running it.
pub(crate) const ROLES_MADE: &str = "the roles that the block makes were made on the private server; the rest of it was not run";

/// The roles that the text of a block makes.
fn roles_made(sql: &str) -> Vec<String> {
    let words: Vec<&str> = sql.split_whitespace().collect();
    words
        .windows(3)
        .filter(|w| w[0].eq_ignore_ascii_case("create") && ["role", "user", "group"].iter().any(|r| w[1].eq_ignore_ascii_case(r)))
        .map(|w| {
            let name = w[2].trim_end_matches([';', '\'']);
            match name.strip_prefix('"').and_then(|n| n.strip_suffix('"')) {
                Some(quoted) => quoted.replace("\"\"", "\""),
                None => name.to_ascii_lowercase(),
            }
        })
        .collect()
}

/// Whether a routine is in a language that the server does not keep in bounds.
fn has_foreign_language(sql: &str) -> bool {
    let lower = sql.to_ascii_lowercase();
    ["c", "internal", "'c'", "'internal'", "plpython3u", "plperlu", "pltclu"].iter().any(|l| {
        lower.match_indices(&format!("language {l}")).any(|(at, m)| {
            !lower[at + m.len()..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        })
    })
}

/// Whether the statement only gives an object another owner: `ALTER … OWNER TO role` and nothing else.
fn is_owner_change(sql: &str) -> bool {
    let words: Vec<&str> = sql.split_whitespace().collect();
    let n = words.len();
    let plain_list = !sql.split_once('(').map_or(sql, |(before, _)| before).contains(',');
    n >= 5
        && words[0].eq_ignore_ascii_case("alter")
        && words[n - 3].eq_ignore_ascii_case("owner")
        && words[n - 2].eq_ignore_ascii_case("to")
        && plain_list
        && !["add", "set", "using", "default", "type"].iter().any(|w| words[3..n - 3].iter().any(|x| x.eq_ignore_ascii_case(w)))
}
