//! Runs a statement in a transaction and looks at what it did: the locks of its own session, files that changed, scans that were
//! counted, and prepared statements that fail. Beside it stands what the facts predict, in the same shape.

use postgres::{Client, Config, NoTls};
use std::collections::{BTreeMap, BTreeSet};
use underpin_model::LockMode;
use underpin_postgres::facts::{Breaks, Prediction, predict};
use underpin_postgres::{Server, server_of};
use underpin_scratch::{Options, ScratchServer};

/// What was seen, or predicted, of relations that were there before, by qualified names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The strongest lock of each from `SHARE UPDATE EXCLUSIVE` on: weaker ones let every statement of an application and each
    /// other pass.
    pub locks: BTreeMap<String, LockMode>,
    /// Tables whose file is another.
    pub rewrites: BTreeSet<String>,
    /// Tables on which an index was built.
    pub builds: BTreeSet<String>,
    /// Tables that were read from end to end; none where the rows are those of a query.
    pub scans: Option<BTreeSet<String>>,
}

impl Seen {
    /// Where it differs from another, in words.
    pub fn differences(&self, other: &Self, of: &str) -> Vec<String> {
        let mut found = Vec::new();
        if self.locks != other.locks {
            let only = |a: &BTreeMap<String, LockMode>, b: &BTreeMap<String, LockMode>| {
                let list: Vec<String> =
                    a.iter().filter(|(k, v)| b.get(*k) != Some(v)).map(|(k, v)| format!("{k} {}", v.words())).collect();
                list.join(", ")
            };
            found.push(format!(
                "locks: {of} [{}], predicted [{}]",
                only(&self.locks, &other.locks),
                only(&other.locks, &self.locks)
            ));
        }
        if self.rewrites != other.rewrites {
            found.push(format!("rewrites: {of} {:?}, predicted {:?}", self.rewrites, other.rewrites));
        }
        if self.builds != other.builds {
            found.push(format!("index builds: {of} {:?}, predicted {:?}", self.builds, other.builds));
        }
        if let (Some(a), Some(b)) = (&self.scans, &other.scans)
            && a != b
        {
            found.push(format!("scans: {of} {a:?}, predicted {b:?}"));
        }
        found
    }

    fn join(&mut self, other: Self) {
        for (name, mode) in other.locks {
            let held = self.locks.entry(name).or_insert(mode);
            *held = (*held).max(mode);
        }
        self.rewrites.extend(other.rewrites);
        self.builds.extend(other.builds);
        self.scans = match (self.scans.take(), other.scans) {
            (Some(mut a), Some(b)) => {
                a.extend(b);
                Some(a)
            }
            _ => None,
        };
    }
}

/// A relation at one moment.
struct Relation {
    name: String,
    kind: char,
    file: u32,
    index_of: u32,
    scans: i64,
}

type Moment = BTreeMap<u32, Relation>;

fn look(client: &mut Client) -> Moment {
    let sql = "SELECT c.oid, format('%I.%I', n.nspname, c.relname), c.relkind::text, \
               coalesce(pg_relation_filenode(c.oid), 0)::oid, coalesce(i.indrelid, 0)::oid, \
               CASE WHEN c.relkind IN ('r', 'm') THEN pg_stat_get_xact_numscans(c.oid) ELSE 0 END \
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_index i ON i.indexrelid = c.oid \
               WHERE c.oid >= 16384 AND n.nspname !~ '^pg_'";
    let rows = client.query(sql, &[]).expect("the catalog is read");
    let relation = |r: &postgres::Row| Relation {
        name: r.get(1),
        kind: r.get::<_, String>(2).chars().next().unwrap_or(' '),
        file: r.get(3),
        index_of: r.get(4),
        scans: r.get(5),
    };
    rows.iter().map(|r| (r.get(0), relation(r))).collect()
}

fn locks(client: &mut Client) -> Vec<(u32, LockMode)> {
    let sql = "SELECT relation, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted";
    let rows = client.query(sql, &[]).expect("the locks are read");
    rows.iter().filter_map(|r| Some((r.get(0), LockMode::from_pg_locks(r.get(1))?))).collect()
}

fn between(before: &Moment, after: &Moment, held: &[(u32, LockMode)]) -> Seen {
    let mut seen = Seen { scans: Some(BTreeSet::new()), ..Seen::default() };
    for (oid, mode) in held {
        if let Some(relation) = before.get(oid).filter(|_| *mode >= LockMode::ShareUpdateExclusive) {
            let lock = seen.locks.entry(relation.name.clone()).or_insert(*mode);
            *lock = (*lock).max(*mode);
        }
    }
    let files: BTreeSet<u32> = before.values().map(|r| r.file).collect();
    for (oid, now) in after {
        let was = before.get(oid);
        match now.kind {
            'r' | 'm' => {
                let Some(was) = was else { continue };
                if was.file != now.file {
                    seen.rewrites.insert(was.name.clone());
                }
                if was.scans < now.scans {
                    seen.scans.iter_mut().for_each(|s| _ = s.insert(was.name.clone()));
                }
            }
            'i' if now.file != 0 && !files.contains(&now.file) => {
                if let Some(table) = before.get(&now.index_of) {
                    seen.builds.insert(table.name.clone());
                }
            }
            _ => {}
        }
    }
    seen
}

/// What the facts say, in the same shape.
fn predicted(found: &Prediction, before: &Moment) -> Seen {
    let there = |list: &BTreeSet<underpin_postgres::facts::Touched>| -> BTreeSet<String> {
        list.iter().filter_map(|t| before.get(&t.oid)).map(|r| r.name.clone()).collect()
    };
    let mut rewrites = there(&found.rewrites);
    rewrites.extend(there(&found.replaces));
    let strong = found.locks.iter().filter(|(_, mode)| **mode >= LockMode::ShareUpdateExclusive);
    Seen {
        locks: strong.filter_map(|(t, mode)| Some((before.get(&t.oid)?.name.clone(), *mode))).collect(),
        rewrites,
        builds: there(&found.builds),
        scans: (!found.data).then(|| there(&found.scans)),
    }
}

/// A prepared statement: what it stands for, and its name.
type Prepared = (String, Breaks, String, String);

/// Statements on every relation that can be read, prepared as other sessions would have them.
fn prepare(client: &mut Client, before: &Moment) -> Vec<Prepared> {
    let mut found: Vec<Prepared> = Vec::new();
    let mut script = String::from("DEALLOCATE ALL;");
    let columns = client
        .query(
            "SELECT a.attrelid, quote_ident(a.attname), a.attname::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
             WHERE c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND c.oid >= 16384 \
             ORDER BY a.attrelid, a.attnum",
            &[],
        )
        .expect("the columns are read");
    let mut all: BTreeMap<u32, Vec<(String, String)>> = BTreeMap::new();
    for row in columns {
        all.entry(row.get(0)).or_default().push((row.get(1), row.get(2)));
    }
    for (oid, columns) in all {
        let Some(relation) = before.get(&oid) else { continue };
        let mut add = |breaks: Breaks, column: &str, sql: String| {
            let name = format!("p{}", found.len());
            script.push_str(&format!("PREPARE {name} AS {sql};\n"));
            found.push((relation.name.clone(), breaks, column.to_owned(), name));
        };
        add(Breaks::WholeRow, "", format!("SELECT * FROM {}", relation.name));
        for (quoted, column) in columns {
            add(Breaks::ReturnsColumn, &column, format!("SELECT {quoted} FROM {}", relation.name));
            add(Breaks::NamesColumn, &column, format!("SELECT 1 FROM {} WHERE {quoted} IS NULL", relation.name));
        }
    }
    client.batch_execute(&script).expect("statements are prepared");
    found
}

/// Prepared statements that fail now although the facts say they go on, and the other way round.
fn wrong_plans(client: &mut Client, prepared: &[Prepared], found: &[Prediction], of: &BTreeSet<String>) -> Vec<String> {
    let said = |relation: &str, breaks: Breaks, column: &str| {
        found
            .iter()
            .flat_map(|p| &p.breaks)
            .any(|(touched, b, c)| touched.name == relation && *b == breaks && c == column)
    };
    let mut wrong = Vec::new();
    for (relation, breaks, column, name) in prepared.iter().filter(|p| of.contains(&p.0)) {
        let whole = said(relation, Breaks::NamesRelation, "");
        let expected = whole
            || match breaks {
                Breaks::WholeRow => said(relation, Breaks::WholeRow, ""),
                Breaks::ReturnsColumn => {
                    said(relation, Breaks::ReturnsColumn, column) || said(relation, Breaks::NamesColumn, column)
                }
                Breaks::NamesColumn | Breaks::NamesRelation => said(relation, Breaks::NamesColumn, column),
            };
        let fails = match client.batch_execute(&format!("SAVEPOINT s; EXPLAIN EXECUTE {name}")) {
            Ok(()) => None,
            Err(error) => {
                client.batch_execute("ROLLBACK TO s").expect("the transaction goes on");
                Some(error.code().map_or_else(|| error.to_string(), |c| c.code().to_owned()))
            }
        };
        if fails.is_some() != expected {
            let does = fails.map_or_else(|| "goes on".to_owned(), |code| format!("fails ({code})"));
            wrong.push(format!("prepared statement {} {column} of {relation} {does}", breaks.words()));
        }
    }
    wrong
}

/// What came of one statement.
#[allow(clippy::large_enum_variant, reason = "there is one at a time")]
pub enum Ran {
    /// The server refused it, in its words.
    Refused(String),
    /// What it did, what was predicted, and what is wrong with prepared statements.
    Done {
        /// What the server did.
        done: Seen,
        /// What the facts say.
        predicted: Seen,
        /// Prepared statements that do not do what the facts say.
        plans: Vec<String>,
        /// Tables that were there before.
        tables: BTreeSet<String>,
        /// Whether no row was found for a part of it.
        unknown: bool,
    },
}

/// A server with a database to copy.
pub struct Matrix {
    server: ScratchServer,
    admin: Client,
    shared: Client,
    prepared: Vec<Prepared>,
    made: usize,
    /// The server's version.
    pub version: Server,
    session: String,
}

impl Matrix {
    /// Starts a server and builds the fixture; `session` is run in every session.
    pub fn start(fixture: &str, session: &str) -> Self {
        let settings = vec![("track_counts".to_owned(), "on".to_owned())];
        let server = ScratchServer::start(&Options { settings, ..Options::default() })
            .expect("PostgreSQL binaries are on this machine");
        let connect = |user: &str, database: &str| {
            Config::new()
                .host_path(server.socket_dir())
                .port(server.port())
                .user(user)
                .dbname(database)
                .connect(NoTls)
                .expect("the scratch server takes connections")
        };
        let mut first = connect(server.superuser(), "postgres");
        // Fixtures name the owner.
        first
            .batch_execute(
                "DO $$ BEGIN IF to_regrole('postgres') IS NULL THEN CREATE ROLE postgres SUPERUSER LOGIN; END IF; END $$; \
                 CREATE ROLE another",
            )
            .expect("roles are made");
        let mut admin = connect("postgres", "postgres");
        admin.batch_execute("CREATE DATABASE fixture TEMPLATE template0").expect("a database is made");
        {
            let mut client = connect("postgres", "fixture");
            client.batch_execute(fixture).expect("the fixture is built");
        }
        admin.batch_execute("CREATE DATABASE shared TEMPLATE fixture").expect("a database is made");
        let mut shared = connect("postgres", "shared");
        let version = server_of(&mut shared).expect("the version is known");
        shared.batch_execute(session).expect("the session is set up");
        let before = look(&mut shared);
        let prepared = prepare(&mut shared, &before);
        Self { server, admin, shared, prepared, made: 0, version, session: session.to_owned() }
    }

    /// The major version.
    pub fn major(&self) -> u32 {
        self.version.major()
    }

    /// Runs what has to be there before, and then the statements in one transaction that is rolled back.
    pub fn run(&mut self, setup: &[String], statements: &[String]) -> Ran {
        if setup.is_empty() {
            return run(&mut self.shared, &self.version, &self.prepared, statements);
        }
        self.made += 1;
        let name = format!("m{}", self.made);
        self.admin.batch_execute(&format!("CREATE DATABASE {name} TEMPLATE fixture")).expect("a database is made");
        let ran = {
            let mut client = Config::new()
                .host_path(self.server.socket_dir())
                .port(self.server.port())
                .user("postgres")
                .dbname(&name)
                .connect(NoTls)
                .expect("the scratch server takes connections");
            client.batch_execute(&self.session).expect("the session is set up");
            match setup.iter().try_for_each(|sql| client.batch_execute(sql)) {
                Err(error) => Ran::Refused(format!("before it: {}", words(&error))),
                Ok(()) => {
                    let before = look(&mut client);
                    let prepared = prepare(&mut client, &before);
                    run(&mut client, &self.version, &prepared, statements)
                }
            }
        };
        // The session may take a moment to go.
        for _ in 0..50 {
            if self.admin.batch_execute(&format!("DROP DATABASE {name}")).is_ok() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        ran
    }
}

fn words(error: &postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), |db| db.message().to_owned())
}

fn run(client: &mut Client, version: &Server, prepared: &[Prepared], statements: &[String]) -> Ran {
    client.batch_execute("BEGIN").expect("a transaction begins");
    // Outside of a transaction what is counted may be handed on at any time.
    let before = look(client);
    let mut said = Seen { scans: Some(BTreeSet::new()), ..Seen::default() };
    let mut found = Vec::new();
    for sql in statements.iter().flat_map(|s| pieces(s)) {
        let prediction = predict(client, version, &sql).expect("the facts are looked up");
        if let Err(error) = client.batch_execute(&sql) {
            client.batch_execute("ROLLBACK").expect("the transaction ends");
            return Ran::Refused(words(&error));
        }
        said.join(predicted(&prediction, &before));
        found.push(prediction);
    }
    let held = locks(client);
    let after = look(client);
    let done = between(&before, &after, &held);
    let mut of: BTreeSet<String> = done.locks.keys().cloned().collect();
    of.extend(said.locks.keys().cloned());
    // Several statements may take a name away and give it to another.
    let plans = if found.len() == 1 { wrong_plans(client, prepared, &found, &of) } else { Vec::new() };
    client.batch_execute("ROLLBACK").expect("the transaction ends");
    let tables = before.values().filter(|r| matches!(r.kind, 'r' | 'm')).map(|r| r.name.clone()).collect();
    Ran::Done { done, predicted: said, plans, tables, unknown: found.iter().any(|p| p.unknown) }
}

/// The statements of a text.
fn pieces(sql: &str) -> Vec<String> {
    underpin_sql::split(sql).statements.iter().map(|s| sql[s.span.clone()].to_owned()).collect()
}
