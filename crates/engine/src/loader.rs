//! Runs SQL on a development database: in big messages while all goes well, statement by statement where something fails,
//! and again later where a statement may only have come too early.

use crate::EngineError;
use crate::dev::DevDatabase;
use crate::error::server_words;
use crate::privileged::{self, Trust};
use postgres::Client;
use postgres::error::{DbError, ErrorPosition};
use std::borrow::Cow;
use std::sync::Arc;
use underpin_sql::{Class, ObjectWord, Sql};

/// Something to run.
pub(crate) struct Piece<'a> {
    pub sql: &'a str,
    pub class: Class,
    /// The path that its file has set before it.
    pub search_path: Option<&'a Arc<[String]>>,
    /// The role that its file has set before. It is taken on a private server only.
    pub role: Option<&'a Arc<str>>,
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

/// Runs all pieces. Roles and tablespaces that are missing are made on a private server. What fails is tried again as long as others
/// succeed in between; what still fails then is returned.
pub(crate) fn run(
    database: &mut DevDatabase<'_>,
    pieces: &[Piece<'_>],
    trust: impl Into<Trust>,
) -> Result<Vec<Rejected>, EngineError> {
    let mut run = Run { database, pieces, trust: trust.into(), path: None, path_known: false, defaults_given: 0 };
    let mut waiting: Vec<usize> = (0..pieces.len()).collect();
    // Event triggers come last, so that none fires while the rest is made.
    waiting.sort_by_key(|n| {
        matches!(pieces[*n].class, Class::Create(ObjectWord::EventTrigger) | Class::Alter(ObjectWord::EventTrigger))
    });
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
    trust: Trust,
    path: Option<&'p Arc<[String]>>,
    path_known: bool,
    /// Up to which piece the superuser has been given the default privileges that the loader was given.
    defaults_given: usize,
}

/// What becomes of a message.
enum Sent {
    Done,
    /// The place in the message of the statement that failed, where it can be told.
    Failed(Option<usize>, Box<postgres::Error>),
    /// All of it would run, but some GRANT or REVOKE in it would not do what it says: the object is not the loader's. The
    /// message was taken back.
    NotGranted,
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
            let private = self.database.dev().is_private();
            let extension = |n: usize| private && self.pieces[n].class == Class::Create(ObjectWord::Extension);
            // An extension is the superuser's even where the loader might make it: what it makes gets its maker's defaults.
            if private && let Some(role) = self.pieces[places[at]].role {
                if let Some(r) = self.in_role(places[at], role)? {
                    rejected.push(r);
                }
                at += 1;
                continue;
            }
            if extension(places[at]) {
                if let Some(error) = self.as_superuser(places[at])? {
                    rejected.push(self.reject(places[at], &error));
                }
                at += 1;
                continue;
            }
            let alike = |n: usize| {
                same_path(self.pieces[n].search_path, path)
                    && !extension(n)
                    && !(private && self.pieces[n].role.is_some())
            };
            let end = at + places[at..].iter().take(size).take_while(|n| alike(**n)).count().max(1);
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
                Sent::NotGranted if end - at == 1 => {
                    if let Some(error) = self.as_superuser(places[at])? {
                        rejected.push(self.reject(places[at], &error));
                    }
                    at += 1;
                }
                Sent::Failed(None, _) | Sent::NotGranted => size = ((end - at) / 4).max(1),
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
        // The server only warns of a grant that it does not take. On a private server it is given by a superuser then.
        let grants = self.database.dev().is_private()
            && places.iter().any(|n| privileged::is_grant_on_object(self.pieces[*n].sql, &self.pieces[*n].class));
        let loader = &mut self.database.loader;
        let sent = if grants {
            loader.batch_execute("BEGIN")?;
            self.database.was_not_granted();
            let sent = self.database.loader.batch_execute(&text);
            let not_granted = self.database.was_not_granted();
            let good = sent.is_ok() && !not_granted;
            self.database.loader.batch_execute(if good { "COMMIT" } else { "ROLLBACK" })?;
            if sent.is_ok() && not_granted {
                return Ok(Sent::NotGranted);
            }
            sent
        } else {
            loader.batch_execute(&text)
        };
        let Err(error) = sent else { return Ok(Sent::Done) };
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
            } else if let Some(space) = missing_tablespace(db).filter(|_| private) {
                self.database.make_tablespace(&space)?;
            } else if private
                && privileged::may_be_run(self.pieces[place].sql, &self.pieces[place].class, db, self.trust)
            {
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
                Sent::NotGranted => {
                    let error = self.as_superuser(place)?;
                    return Ok(error.map(|e| self.reject(place, &e)));
                }
                Sent::Failed(_, e) => error = *e,
            }
        }
        Ok(Some(self.reject(place, &error)))
    }

    /// Runs a statement as the role that its file has set. Where that role may not, it is run as any other, which is noted.
    fn in_role(&mut self, place: usize, role: &str) -> Result<Option<Rejected>, EngineError> {
        let alias = self.database.dev().role_alias();
        let is_user = alias.contains_key(role) || alias.values().any(|user| user == role);
        let as_is = |run: &mut Self| match run.send(&[place])? {
            Sent::Done => Ok(None),
            Sent::NotGranted => Ok(run.as_superuser(place)?.map(|e| run.reject(place, &e))),
            Sent::Failed(_, error) => run.alone(place, *error),
        };
        if is_user {
            return as_is(self);
        }
        let set = Sql::new("SET ROLE").ident(role).build();
        if let Err(error) = self.database.loader.batch_execute(&set) {
            // 22023: there is no such role.
            if error.as_db_error().is_none_or(|e| e.code().code() != "22023") {
                return Ok(Some(self.reject(place, &error)));
            }
            self.database.make_role(role)?;
            self.database.loader.batch_execute(&set)?;
        }
        let sent = self.send(&[place]);
        self.database.loader.batch_execute("RESET ROLE")?;
        match sent? {
            Sent::Done => Ok(None),
            Sent::NotGranted | Sent::Failed(..) => {
                let rejected = as_is(self)?;
                if rejected.is_none() {
                    self.database.not_in_role.push(place);
                }
                Ok(rejected)
            }
        }
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

    /// What an extension makes gets the default privileges of its maker, which is the superuser here and the same role as
    /// all else on a live server.
    fn give_defaults(&mut self, place: usize) -> Result<(), EngineError> {
        let from = self.defaults_given.min(place);
        self.defaults_given = place;
        let admin = self.database.admin()?;
        for piece in self.pieces[from..place].iter().filter(|p| p.class == Class::AlterDefaultPrivileges) {
            let head: Vec<String> = piece.sql.split_whitespace().take(5).map(str::to_ascii_lowercase).collect();
            let of_another = head.windows(2).any(|w| w[0] == "for" && (w[1] == "role" || w[1] == "user"));
            if !of_another {
                // What the loader could not be given is told of elsewhere.
                let _ = admin.batch_execute(piece.sql);
            }
        }
        Ok(())
    }

    /// Runs the statement as a superuser; gives the error where that fails too.
    fn as_superuser(&mut self, place: usize) -> Result<Option<postgres::Error>, EngineError> {
        if self.pieces[place].class == Class::Create(ObjectWord::Extension) {
            self.give_defaults(place)?;
        }
        let piece = &self.pieces[place];
        let made = matches!(piece.class, Class::Create(_));
        let keeps_owner = matches!(
            piece.class,
            Class::Create(
                ObjectWord::EventTrigger
                    | ObjectWord::ForeignDataWrapper
                    | ObjectWord::Extension
                    | ObjectWord::Subscription
            )
        );
        // Its owner may have it called with nulls that it does not expect.
        let keeps_owner =
            keeps_owner || (self.trust == Trust::Stranger && privileged::makes_internal(piece.sql, &piece.class));
        let sql = match piece.class {
            Class::Create(ObjectWord::Subscription) if self.trust != Trust::Full => {
                Cow::Owned(privileged::without_connecting(piece.sql))
            }
            _ => Cow::Borrowed(piece.sql),
        };
        let trust = self.trust == Trust::Full;
        let stranger = self.trust == Trust::Stranger;
        let nobody = privileged::given_to_nobody(piece.sql, &piece.class);
        let heir = privileged::mighty_heir(piece.sql, &piece.class).filter(|_| nobody.is_none());
        let sql = nobody.map_or(sql, Cow::Owned);
        let dev = self.database.dev();
        let admin: &mut Client = self.database.admin()?;
        dev.set_search_path(admin, piece.search_path.map(|p| &**p))?;
        if privileged::calls_validator(&piece.class)
            && !trust
            && admin.query_one(privileged::OWN_VALIDATORS, &[])?.get::<_, i64>(0) > 0
        {
            return Ok(admin
                .batch_execute(&refusal("permission denied to have a function of the schema validate options"))
                .err());
        }
        // Event triggers that fire always would fire for the superuser too, with its rights.
        let always: Vec<String> = admin
            .query("SELECT evtname::text FROM pg_catalog.pg_event_trigger WHERE evtenabled = 'A' ORDER BY 1", &[])?
            .iter()
            .map(|row| row.get(0))
            .collect();
        let mut text = String::from("BEGIN; ");
        for name in &always {
            text.push_str(&Sql::new("ALTER EVENT TRIGGER").ident(name).kw("DISABLE; ").build());
        }
        // The server lets only a superuser own it, and what it does never runs with its owner's rights. Nobody else sees the
        // role as one.
        if let Some(heir) = &heir {
            text.push_str(&Sql::new("ALTER ROLE").ident(heir).kw("SUPERUSER; ").build());
        }
        text.push_str(&sql);
        if let Some(heir) = &heir {
            text.push_str(&Sql::new("\n; ALTER ROLE").ident(heir).kw("NOSUPERUSER").build());
        }
        if made {
            // What a superuser made is given away at once, so that nothing of the schema ever runs with its rights; what
            // only a superuser can own goes to the one that runs nothing.
            let heir = if keeps_owner { underpin_scratch::SUPERUSER } else { crate::dev::LOADER };
            text.push_str(&format!("\n; REASSIGN OWNED BY {} TO {heir}", crate::dev::ADMIN));
        }
        for name in &always {
            text.push_str("\n; ");
            text.push_str(&Sql::new("ALTER EVENT TRIGGER").ident(name).kw("ENABLE ALWAYS").build());
        }
        let run = |admin: &mut Client| -> Result<(), postgres::Error> {
            admin.batch_execute(&text)?;
            if !trust && let Some(row) = admin.query_opt(&privileged::opened(), &[])? {
                admin.batch_execute(&refusal(&format!(
                    "permission denied to open {} to the schema",
                    row.get::<_, String>(0)
                )))?;
            }
            if stranger && let Some(row) = admin.query_opt(privileged::WITHOUT_TWIN, &[])? {
                admin.batch_execute(&refusal(&format!(
                    "permission denied to make {} in the language internal other than as one of the server's own functions",
                    row.get::<_, String>(0)
                )))?;
            }
            admin.batch_execute("COMMIT")
        };
        let result = run(admin);
        if result.is_err() {
            admin.batch_execute("ROLLBACK")?;
        }
        Ok(result.err())
    }
}

/// A statement that has the server refuse, so that there is one way for refusals to be told.
fn refusal(why: &str) -> String {
    let why = Sql::empty().literal(why).build();
    format!("DO $$ BEGIN RAISE insufficient_privilege USING MESSAGE = {why}; END $$")
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
    missing(db, "role \"")
}

/// The tablespace that it misses, told in the same way.
pub(crate) fn missing_tablespace(db: &DbError) -> Option<String> {
    missing(db, "tablespace \"")
}

fn missing(db: &DbError, what: &str) -> Option<String> {
    if db.code().code() != "42704" {
        return None;
    }
    let rest = db.message().strip_prefix(what)?;
    rest.strip_suffix("\" does not exist").map(str::to_owned)
}

/// What is said of a `DO` block whose roles were made instead of running it.
pub(crate) const ROLES_MADE: &str =
    "the roles that the block makes were made on the private server; the rest of it was not run";

/// The roles that the text of a block makes.
fn roles_made(sql: &str) -> Vec<String> {
    let words: Vec<&str> = sql.split_whitespace().collect();
    words
        .windows(3)
        .filter(|w| {
            w[0].eq_ignore_ascii_case("create")
                && ["role", "user", "group"].iter().any(|r| w[1].eq_ignore_ascii_case(r))
        })
        .map(|w| {
            let name = w[2].trim_end_matches([';', '\'']);
            match name.strip_prefix('"').and_then(|n| n.strip_suffix('"')) {
                Some(quoted) => quoted.replace("\"\"", "\""),
                None => name.to_ascii_lowercase(),
            }
        })
        .collect()
}
