//! Databases that are made on a server which holds others: they go on every way out, and what a killed run has left there
//! goes with the next one.
//!
//! A run's databases begin with a name of its own, which is also the `application_name` of a session that it keeps open
//! as a sign of life.

use crate::EngineError;
use crate::error::server_words;
use postgres::Client;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use underpin_connect::Target;
use underpin_sql::Sql;

/// What is to be dropped if the process is to end now.
static OPEN: Mutex<Vec<(Target, String)>> = Mutex::new(Vec::new());

/// How often a database is tried to be dropped while its sessions end, and the pause after each.
const ATTEMPTS: u32 = 50;
const PAUSE: Duration = Duration::from_millis(50);

/// One run's databases on a server.
pub(crate) struct Beside {
    target: Target,
    name: String,
    alive: Mutex<Client>,
    made: Mutex<u32>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Beside {
    /// Opens the session that is the sign of life, and drops what killed runs of the same role have left.
    pub fn new(target: &Target) -> Result<Self, EngineError> {
        let stamp = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.subsec_nanos());
        // Two runs on two machines may have the same process number.
        let name = format!("_underpin_{}_{stamp:08x}", std::process::id());
        let mut alive = target.connect("underpin")?;
        alive.batch_execute(&Sql::new("SET application_name =").literal(&name).build())?;
        let left = alive.query(
            "SELECT d.datname::text FROM pg_database d WHERE d.datname ~ '^_underpin_[0-9]+_[0-9a-f]+_[0-9]+$' AND pg_has_role(d.datdba, 'USAGE') \
             AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = d.datname \
               OR a.application_name = regexp_replace(d.datname, '_[0-9]+$', ''))",
            &[],
        )?;
        for row in left {
            // Another run may do the same at this moment.
            let _ = alive.batch_execute(&Sql::new("DROP DATABASE IF EXISTS").ident(row.get(0)).build());
        }
        Ok(Self { target: target.clone(), name, alive: Mutex::new(alive), made: Mutex::new(0) })
    }

    /// The database that the server was named with.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The server's major version.
    pub fn major(&self) -> Result<u32, EngineError> {
        let row = lock(&self.alive).query_one("SELECT current_setting('server_version_num')::int / 10000", &[])?;
        Ok(u32::try_from(row.get::<_, i32>(0)).unwrap_or_default())
    }

    /// The name of the next database, which will be dropped.
    pub fn next_name(&self) -> String {
        let mut made = lock(&self.made);
        let name = format!("{}_{made}", self.name);
        *made += 1;
        lock(&OPEN).push((self.target.clone(), name.clone()));
        name
    }

    /// Runs a statement on the server.
    pub fn execute(&self, sql: &str) -> Result<(), postgres::Error> {
        lock(&self.alive).batch_execute(sql)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let begins = format!("{}_", self.name);
        let mut open = lock(&OPEN);
        let mine: Vec<String> = open.iter().filter(|(_, n)| n.starts_with(&begins)).map(|(_, n)| n.clone()).collect();
        open.retain(|(_, n)| !n.starts_with(&begins));
        drop(open);
        let mut alive = lock(&self.alive);
        for name in mine {
            if let Err(error) = drop_database(&mut alive, &name) {
                told(&name, &error);
            }
        }
    }
}

fn told(name: &str, error: &postgres::Error) {
    eprintln!(
        "warning: the database {name} could not be dropped: {}\nit is underpin's own and holds nothing of value: DROP DATABASE {name}",
        server_words(error)
    );
}

/// Ends the sessions in a database and drops it. `DROP DATABASE … WITH (FORCE)` came with version 13.
fn drop_database(client: &mut Client, name: &str) -> Result<(), postgres::Error> {
    let end = Sql::new("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname =").literal(name).build();
    let drop = Sql::new("DROP DATABASE IF EXISTS").ident(name).build();
    let mut attempt = 0;
    loop {
        attempt += 1;
        let result = client.batch_execute(&end).and_then(|()| client.batch_execute(&drop));
        // 55006: a session is still there.
        let busy = result.as_ref().err().and_then(|e| e.as_db_error()).is_some_and(|e| e.code().code() == "55006");
        if !busy || attempt >= ATTEMPTS {
            return result;
        }
        thread::sleep(PAUSE);
    }
}

/// Drops all databases that were made beside others. For a signal handler's thread, before the process ends.
pub fn clean_up() {
    let open = std::mem::take(&mut *lock(&OPEN));
    for (target, name) in open {
        if let Ok(mut client) = target.connect("underpin")
            && let Err(error) = drop_database(&mut client, &name)
        {
            told(&name, &error);
        }
    }
}
