//! A folder together with the process that works in it, and the list of all of them in this process, so that a signal
//! handler can end them.

use crate::ScratchError;
use crate::account::Account;
use crate::folder::Folder;
use nix::sys::signal::{Signal, kill, killpg};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use std::{env, io, thread};

/// How long a process may take to end at once before it is killed.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the server's processes see of our environment: what loading a program and finding locales and time zones takes,
/// and nothing else. A stranger's SQL may run there, and our environment may hold a password or a token; variables of
/// libpq (PGPORT, PGDATESTYLE, PGCLIENTENCODING) would change the server's settings.
const PASSED_ON: &[&str] = &[
    "PATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "LOCPATH",
    "LOCALE_ARCHIVE",
    "MUSL_LOCPATH",
    "ICU_DATA",
    "TZDIR",
];

static RUNS: Mutex<Vec<Weak<Run>>> = Mutex::new(Vec::new());

/// Stops every private server of this process and removes its folder; for the thread that handles SIGINT and SIGTERM.
/// Servers being started in other threads are given up too: their start yields [`ScratchError::Interrupted`]. Errors
/// are passed over: [`remove_leftovers`](crate::remove_leftovers) of the next start does what remains.
pub fn stop_all() {
    let runs: Vec<_> = lock(&RUNS).iter().filter_map(Weak::upgrade).collect();
    // First all of them are told, so that none goes on while another ends.
    runs.iter().for_each(|run| run.closed.store(true, Ordering::SeqCst));
    for run in runs {
        let _ = run.close();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is guarded is valid at all times; a panic elsewhere must not keep a server alive.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A folder and the process that works in it.
#[derive(Debug)]
pub(crate) struct Run {
    folder: Folder,
    account: Option<Account>,
    child: Mutex<Option<(Child, Signal)>>,
    closed: AtomicBool,
}

impl Run {
    pub fn create(bases: &[PathBuf], account: Option<Account>) -> Result<Arc<Self>, ScratchError> {
        let folder = Folder::create(bases, account.as_ref())?;
        let run = Arc::new(Self { folder, account, child: Mutex::new(None), closed: AtomicBool::new(false) });
        let mut runs = lock(&RUNS);
        runs.retain(|run| run.strong_count() > 0);
        runs.push(Arc::downgrade(&run));
        Ok(run)
    }

    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    pub fn account(&self) -> Option<&Account> {
        self.account.as_ref()
    }

    /// Set when the run was ended; work in the folder must then stop.
    pub fn closed(&self) -> &AtomicBool {
        &self.closed
    }

    /// [`ScratchError::Interrupted`] if the run was ended.
    pub fn check_open(&self) -> Result<(), ScratchError> {
        if self.closed.load(Ordering::SeqCst) { Err(ScratchError::Interrupted) } else { Ok(()) }
    }

    /// A command for a program of the server: in its account, with a clean environment, writing to the log.
    pub fn command(&self, program: &Path) -> Result<Command, ScratchError> {
        let mut command = Command::new(program);
        let log = self.folder.log()?;
        let second =
            log.try_clone().map_err(|error| ScratchError::io("write to the log in", self.folder.path(), error))?;
        command.stdin(Stdio::null()).stdout(log).stderr(second);
        command.env_clear().env("LC_ALL", "C");
        command.envs(PASSED_ON.iter().filter_map(|name| env::var_os(name).map(|value| (OsString::from(name), value))));
        // The current folder may be closed to the other account.
        command.current_dir("/");
        // In a process group of its own, a Ctrl-C in the terminal does not reach the server before us.
        command.process_group(0);
        if let Some(account) = &self.account {
            account.apply(&mut command);
        }
        Ok(command)
    }

    /// Starts the command as the process of this run, to be ended by the signal `ending`; its number.
    pub fn spawn(&self, mut command: Command, ending: Signal) -> Result<u32, ScratchError> {
        let mut child = lock(&self.child);
        // Under the lock: after `close` nothing is started any more.
        self.check_open()?;
        let spawned = command.spawn().map_err(|source| ScratchError::Spawn {
            program: PathBuf::from(command.get_program()),
            account: self.account.as_ref().map(|account| account.name.clone()),
            source,
        })?;
        let id = spawned.id();
        *child = Some((spawned, ending));
        Ok(id)
    }

    /// The exit status of the process if it has ended.
    pub fn try_wait(&self) -> Result<Option<ExitStatus>, ScratchError> {
        let mut child = lock(&self.child);
        self.check_open()?;
        let status = child.as_mut().map_or(Ok(None), |(process, _)| process.try_wait());
        status.map_err(|error| ScratchError::io("wait for the program in", self.folder.path(), error))
    }

    /// Ends the process, if there is one.
    pub fn stop_process(&self) -> Result<(), ScratchError> {
        let mut child = lock(&self.child);
        if let Some((mut process, ending)) = child.take()
            && let Err(source) = end(&mut process, ending)
        {
            let error =
                ScratchError::Io { doing: "stop the server in", path: self.folder.path().to_path_buf(), source };
            *child = Some((process, ending));
            return Err(error);
        }
        Ok(())
    }

    /// Ends the process and removes the folder. May be called again, also from another thread.
    pub fn close(&self) -> Result<(), ScratchError> {
        self.closed.store(true, Ordering::SeqCst);
        self.stop_process()?;
        self.folder.remove()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Nobody is left to tell; the next start removes what remains.
        let _ = self.close();
    }
}

/// Ends a process that leads a process group by a signal, and by force if it takes too long.
fn end(process: &mut Child, signal: Signal) -> io::Result<()> {
    if process.try_wait()?.is_some() {
        return Ok(());
    }
    let id = Pid::from_raw(process.id().cast_signed());
    // To it alone: both programs end their own children, and clean up after them.
    let _ = kill(id, signal);
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if process.try_wait()?.is_some() {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(1));
    }
    let _ = killpg(id, Signal::SIGKILL);
    process.kill()?;
    process.wait().map(drop)
}
