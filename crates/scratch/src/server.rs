//! A private server: start, addresses, stop.

use crate::account::Account;
use crate::binaries::{self, Installation};
use crate::cluster::{self, Origin};
use crate::run::Run;
use crate::{ScratchError, ServerVersion, folder, leftovers, settings};
use nix::sys::signal::Signal;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// The superuser of every private server. No password is asked for: who can reach the socket is let in.
pub const SUPERUSER: &str = "_underpin";

/// A start takes about 50 ms; a cold and busy machine may need some seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// How to start a private server. The default finds everything itself.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The major version to prefer, as that of the live server; if there are no binaries of it, the newest is started.
    pub want_major: Option<u32>,
    /// The folder of `postgres` and `initdb`; nothing else is searched then.
    pub bin_dir: Option<PathBuf>,
    /// The folder that keeps the result of `initdb`; without it `UNDERPIN_CACHE`, or `underpin` in the user's cache
    /// folder (`XDG_CACHE_HOME`, else `~/.cache`).
    pub cache_dir: Option<PathBuf>,
    /// The folder to put the server's folder in; without it, and where it does not fit, `TMPDIR`, `/tmp` or `/var/tmp`.
    pub temp_dir: Option<PathBuf>,
    /// Further settings as in `postgresql.conf`, which win over those of this library: `shared_preload_libraries` for
    /// an extension that needs it. They show in the machine's process list.
    pub settings: Vec<(String, String)>,
}

/// A running private server. Dropping it stops the server and removes all its files.
///
/// It has the databases `postgres`, `template1` and `template0` as `initdb` makes them, in UTF-8 with the locale `C`,
/// and the one role [`SUPERUSER`].
#[derive(Debug)]
pub struct ScratchServer {
    run: Arc<Run>,
    socket_dir: PathBuf,
    bin_dir: PathBuf,
    version: ServerVersion,
}

impl ScratchServer {
    /// Starts a private server, after removing what crashed runs left.
    pub fn start(options: &Options) -> Result<Self, ScratchError> {
        let installation = binaries::choose(options.want_major, options.bin_dir.as_deref())?;
        let account = Account::for_server()?;
        let bases = folder::bases(options.temp_dir.as_deref());
        leftovers::remove_in(&bases);
        let run = Run::create(&bases, account)?;
        let cache = cluster::cache_dir(options.cache_dir.as_deref());
        if let Err(error) = bring_up(&run, &installation, cache.as_deref(), &options.settings) {
            // When the run was ended under way, any step may have failed in consequence.
            run.check_open()?;
            return Err(match (error, run.folder().path().parent()) {
                // Our folder is removed again; the user can look at the one it was in.
                (ScratchError::DiskFull { .. }, Some(base)) => ScratchError::DiskFull { folder: base.to_path_buf() },
                (error, _) => error,
            });
        }
        // The folder's name may have told the major version only; the log tells all.
        let version = ServerVersion::after(&run.folder().log_tail(), "starting PostgreSQL ");
        let version = version.unwrap_or(installation.version);
        Ok(Self { socket_dir: run.folder().socket_dir(), bin_dir: installation.bin_dir, version, run })
    }

    /// The folder of the socket, to be given as the host. Only root, this user and the server's account can enter it.
    #[must_use]
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The port, a part of the socket's name. The server does not listen on TCP.
    #[must_use]
    pub fn port(&self) -> u16 {
        folder::PORT
    }

    /// The superuser to connect as; there is no password.
    #[must_use]
    pub fn superuser(&self) -> &str {
        SUPERUSER
    }

    /// The version of the running server.
    #[must_use]
    pub fn version(&self) -> ServerVersion {
        self.version
    }

    /// The folder of the server's programs, where `pg_dump` and `psql` of the same version usually are too.
    #[must_use]
    pub fn bin_dir(&self) -> &Path {
        &self.bin_dir
    }

    /// The last lines of the server's log, for an error message. It holds no text of statements.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.run.folder().log_tail()
    }

    /// Stops the server and removes its files, as dropping does, and says if that fails.
    pub fn stop(self) -> Result<(), ScratchError> {
        self.run.close()
    }
}

/// Makes the cluster and starts the server.
fn bring_up(
    run: &Run,
    installation: &Installation,
    cache: Option<&Path>,
    further: &[(String, String)],
) -> Result<(), ScratchError> {
    let origin = cluster::provide(run, installation, cache)?;
    match (launch(run, installation, further), origin) {
        // A setting given by the caller may be what is wrong; but who knows: the pack may be damaged.
        (Err(ScratchError::Start { .. }), Origin::Cached(pack)) => {
            cluster::provide_anew(run, installation, &pack)?;
            launch(run, installation, further)
        }
        (result, _) => result,
    }
}

/// Starts `postgres` on the data directory of `run` and waits until it takes connections.
fn launch(run: &Run, installation: &Installation, further: &[(String, String)]) -> Result<(), ScratchError> {
    let mut command = run.command(&installation.bin_dir.join("postgres"))?;
    command.arg("-D").arg(run.folder().data());
    command.arg("-k").arg(run.folder().socket_dir());
    command.arg("-p").arg(folder::PORT.to_string());
    for (name, value) in settings::of_version(installation.version.major) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    // The last one of the same name wins.
    for (name, value) in further {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    // SIGQUIT is the immediate shutdown (https://www.postgresql.org/docs/current/server-shutdown.html).
    let id = run.spawn(command, Signal::SIGQUIT)?;
    let pid_file = run.folder().data().join("postmaster.pid");
    let start = Instant::now();
    loop {
        if is_ready(&pid_file, id) {
            return Ok(());
        }
        if run.try_wait()?.is_some() {
            let log = run.folder().log_tail();
            let full = ScratchError::disk_full_in_log(&log, run.folder().path());
            return Err(full.unwrap_or(ScratchError::Start { log }));
        }
        if start.elapsed() > PATIENCE {
            let log = run.folder().log_tail();
            return Err(ScratchError::Timeout { program: "postgres", seconds: PATIENCE.as_secs(), log });
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Whether the server has written to its pid file that it takes connections: line 1 is the process, line 8 the status
/// (`src/include/utils/pidfile.h`, since version 10; `pg_ctl` waits for the same).
fn is_ready(pid_file: &Path, id: u32) -> bool {
    let text = fs::read_to_string(pid_file).unwrap_or_default();
    let mut lines = text.lines();
    lines.next().is_some_and(|line| line.trim() == id.to_string())
        && lines.nth(6).is_some_and(|line| line.trim_end() == "ready")
}
