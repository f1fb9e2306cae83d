//! Standbys that serve queries.
//!
//! An `ACCESS EXCLUSIVE` lock is sent to standbys, where it waits for the queries that run on the table, up to
//! `max_standby_streaming_delay` (30 s), and every other query on it waits behind; then those are cancelled (manual,
//! "Handling Query Conflicts"). No timeout of the primary has a say in it. So such a lock is only taken when nobody on any
//! standby has used its targets for long.

use crate::blockers::{self, Blocker};
use crate::probe::Probe;
use crate::targets::Targets;
use crate::{ExecutorError, Options, session};
use postgres::{Client, Error};
use std::time::Duration;
use underpin_connect::Target;

/// No session has this number, so that none is left out.
const NOBODY: i32 = -1;

pub(crate) struct Standbys(Vec<Standby>);

struct Standby {
    target: Target,
    client: Client,
    probe: Probe,
}

impl Standbys {
    /// Opens a session to each, and makes sure that it is a standby of this server.
    pub(crate) fn open(options: &Options, primary: &mut Client) -> Result<Self, ExecutorError> {
        let here = if options.replicas.is_empty() { None } else { identity(primary).ok() };
        let open = |target: &Target| {
            let wrong = |why: String, unreachable| ExecutorError::Standby { url: target.redacted(), why, unreachable };
            let mut client = target.connect(&options.application_name).map_err(|e| wrong(e.to_string(), true))?;
            let asked = session::prepare_guard(&mut client, options).and_then(|()| identity(&mut client));
            let there = asked.map_err(|e| wrong(e.to_string(), true))?;
            if !there.recovering {
                return Err(wrong("it is not in recovery, so no standby".to_owned(), false));
            }
            if let Some(here) = &here {
                // A number that may not be read cannot differ.
                let other = here.system.is_some() && there.system.is_some() && here.system != there.system;
                if other || here.database != there.database {
                    return Err(wrong("it is a standby of another server, or of another database".to_owned(), false));
                }
            }
            Ok(Standby { target: target.clone(), client, probe: Probe::default() })
        };
        options.replicas.iter().map(open).collect::<Result<_, _>>().map(Self)
    }

    /// For how long those who use `targets` on a standby have been in their transactions. A standby that was lost is
    /// looked for again; while it cannot be asked, it is not quiet.
    pub(crate) fn ages(&mut self, targets: &Targets) -> Vec<Duration> {
        let ages = |standby: &mut Standby| {
            if standby.client.is_closed() {
                let again = standby.target.connect("underpin");
                let Ok(client) = again else { return vec![Duration::MAX] };
                standby.client = client;
                standby.probe = Probe::default();
            }
            standby.probe.ages(&mut standby.client, targets, NOBODY).unwrap_or_else(|_| vec![Duration::MAX])
        };
        self.0.iter_mut().flat_map(ages).collect()
    }

    /// Those that use `targets` on a standby.
    pub(crate) fn holders(&mut self, targets: &Targets) -> Vec<Blocker> {
        let mut all = Vec::new();
        for standby in &mut self.0 {
            let url = standby.target.redacted();
            match blockers::of_targets(&mut standby.client, targets, NOBODY) {
                Ok(held) => all.extend(held.into_iter().map(|b| Blocker { standby: Some(url.clone()), ..b })),
                Err(_) => all.push(Blocker::unreachable(url)),
            }
        }
        all
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What tells a server and its database.
struct Identity {
    recovering: bool,
    database: u32,
    /// The same on a server and its physical standbys.
    system: Option<i64>,
}

fn identity(client: &mut Client) -> Result<Identity, Error> {
    let row =
        client.query_one("SELECT pg_is_in_recovery(), oid FROM pg_database WHERE datname = current_database()", &[])?;
    let system = client.query_one("SELECT system_identifier FROM pg_control_system()", &[]);
    Ok(Identity {
        recovering: row.try_get(0)?,
        database: row.try_get(1)?,
        system: system.and_then(|r| r.try_get(0)).ok(),
    })
}
