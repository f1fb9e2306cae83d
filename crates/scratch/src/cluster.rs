//! Makes the cluster of a private server: by `initdb`, or from a pack of an earlier result in the user's cache folder.

use crate::ScratchError;
use crate::binaries::{Installation, output};
use crate::pack::{self, Pack};
use crate::run::Run;
use crate::server::SUPERUSER;
use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use std::fs::{self, DirBuilder, File};
use std::hash::{DefaultHasher, Hasher as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, io, thread};

/// Changes whenever a pack made by an earlier version of this library would not do.
const FORMAT: u32 = 1;

/// A first `initdb` takes about a second, on a cold and busy machine a few.
const PATIENCE: Duration = Duration::from_secs(120);

/// After this long a file that was to become a pack has lost its maker.
const MAKING: Duration = Duration::from_secs(3600);

/// Where the cluster came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `initdb` was run.
    Fresh,
    /// This pack was unpacked.
    Cached(PathBuf),
}

/// The folder for packs: the given one, `UNDERPIN_CACHE`, or `underpin` in the user's cache folder
/// (<https://specifications.freedesktop.org/basedir-spec/latest/>). `None` where there is no home folder either.
pub(crate) fn cache_dir(given: Option<&Path>) -> Option<PathBuf> {
    let variable = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    given
        .map(Path::to_path_buf)
        .or_else(|| variable("UNDERPIN_CACHE"))
        // A relative XDG_CACHE_HOME is to be ignored, says the specification.
        .or_else(|| variable("XDG_CACHE_HOME").filter(|path| path.is_absolute()).map(|path| path.join("underpin")))
        .or_else(|| env::home_dir().filter(|path| path.is_absolute()).map(|path| path.join(".cache/underpin")))
}

/// Fills the data directory of `run`: from the cache if it holds a fitting pack, else by `initdb`, whose result is then
/// put into the cache. A cache that cannot be used costs time and is no error.
pub(crate) fn provide(run: &Run, installation: &Installation, cache: Option<&Path>) -> Result<Origin, ScratchError> {
    let pack = cache.and_then(|cache| Some((cache, pack_name(installation)?)));
    if let Some((cache, name)) = &pack {
        let path = cache.join(name);
        if let Some(pack) = open(&path) {
            pack.unpack(&run.folder().data(), run.account(), run.closed())?;
            return Ok(Origin::Cached(path));
        }
    }
    initdb(run, installation)?;
    if let Some((cache, name)) = &pack {
        // Not being able to keep it is no error, see above.
        let _ = keep(run, installation, cache, name);
    }
    Ok(Origin::Fresh)
}

/// Starts over by `initdb` after a server would not start on the cluster of a pack, which is forgotten.
pub(crate) fn provide_anew(run: &Run, installation: &Installation, pack: &Path) -> Result<(), ScratchError> {
    // If it stays, the next start comes here again.
    let _ = fs::remove_file(pack);
    let data = run.folder().data();
    crate::folder::remove(&data)?;
    DirBuilder::new().mode(0o700).create(&data).map_err(|error| ScratchError::io("create", &data, error))?;
    initdb(run, installation)
}

/// The name of the pack: it tells the binaries by their folder, and by size and time a new minor version of them.
fn pack_name(installation: &Installation) -> Option<String> {
    let metadata = fs::metadata(installation.bin_dir.join("postgres")).ok()?;
    let stamp = (metadata.len(), metadata.mtime(), metadata.mtime_nsec());
    Some(format!("{}{:016x}.pack", pack_prefix(installation), hash(&stamp)))
}

/// The part of the name that all packs of the same folder of binaries share.
fn pack_prefix(installation: &Installation) -> String {
    format!("postgresql-{}-{:016x}-", installation.version.major, hash(&(FORMAT, &installation.bin_dir)))
}

fn hash(value: &impl std::hash::Hash) -> u64 {
    // Should its algorithm change with a version of Rust, the pack is made once more.
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Reads a pack, if it is there, whole and ours: a server will run on it, and with `sudo` the cache folder may be
/// another user's.
fn open(path: &Path) -> Option<Pack> {
    let file = File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    let ours = metadata.is_file() && metadata.uid() == geteuid().as_raw() && metadata.mode() & 0o022 == 0;
    ours.then(|| Pack::read(file).ok())?
}

/// Runs `initdb` (<https://www.postgresql.org/docs/current/app-initdb.html>).
fn initdb(run: &Run, installation: &Installation) -> Result<(), ScratchError> {
    let data = run.folder().data();
    if let Some(account) = run.account() {
        chown(&data, Some(account.uid), Some(account.gid))
            .map_err(|error| ScratchError::io("change the owner of", &data, error))?;
    }
    let mut command = run.command(&installation.bin_dir.join("initdb"))?;
    command.arg("--pgdata").arg(&data).arg(format!("--username={SUPERUSER}"));
    command.args(["--encoding=UTF8", "--locale=C", "--auth=trust", "--no-sync", "--wal-segsize=1"]);
    if installation.version.major >= 18 {
        command.arg("--no-data-checksums");
    }
    // It ends after the step it is at, which may take a second. Ended by force, the server it runs for trial would leave
    // its shared memory behind (a file in /dev/shm). SIGINT and SIGQUIT it would not notice while it waits in system(3).
    run.spawn(command, Signal::SIGTERM)?;
    let start = Instant::now();
    let status = loop {
        if let Some(status) = run.try_wait()? {
            break status;
        }
        if start.elapsed() > PATIENCE {
            let log = run.folder().log_tail();
            return Err(ScratchError::Timeout { program: "initdb", seconds: PATIENCE.as_secs(), log });
        }
        thread::sleep(Duration::from_millis(3));
    };
    if status.success() {
        return Ok(());
    }
    let log = run.folder().log_tail();
    Err(ScratchError::disk_full_in_log(&log, run.folder().path()).unwrap_or(ScratchError::Initdb { log }))
}

/// Puts the cluster that `initdb` made into the cache.
fn keep(run: &Run, installation: &Installation, cache: &Path, name: &str) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(cache)?;
    let data = run.folder().data();
    let wal = current_wal(installation, &data);
    let wanted = |path: &str| {
        // The free space and visibility maps are made anew where they are missing
        // (https://www.postgresql.org/docs/current/storage-fsm.html, storage-vm.html): a third of the files, of no use
        // here. Likewise write-ahead log that was set aside to be used later.
        let map = path.ends_with("_fsm") || path.ends_with("_vm");
        let spare = path.starts_with("pg_wal/") && wal.as_deref().is_some_and(|wal| path != format!("pg_wal/{wal}"));
        !map && !spare
    };
    // Complete under another name first, so that a reader sees all of it or nothing; who comes second replaces the same by
    // the same.
    let mut file = tempfile::Builder::new().prefix("new-").suffix(".pack").tempfile_in(cache)?;
    pack::write(&data, &wanted, file.as_file_mut())?;
    file.as_file().sync_all()?;
    file.persist(cache.join(name)).map_err(|error| error.error)?;
    prune(cache, &pack_prefix(installation), name);
    Ok(())
}

/// The file of write-ahead log that the cluster needs to start after its clean shutdown.
fn current_wal(installation: &Installation, data: &Path) -> Option<String> {
    let text = output(&installation.bin_dir.join("pg_controldata"), data)?;
    let clean = text.lines().any(|line| line.starts_with("Database cluster state:") && line.ends_with(" shut down"));
    let file = text.lines().find_map(|line| line.strip_prefix("Latest checkpoint's REDO WAL file:"))?.trim();
    (clean && data.join("pg_wal").join(file).is_file()).then(|| file.to_owned())
}

/// Removes the packs of earlier minor versions of the same binaries, and what crashed makers left.
fn prune(cache: &Path, prefix: &str, current: &str) {
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let age = || entry.metadata().ok()?.modified().ok()?.elapsed().ok();
        let outdated = name.starts_with(prefix) && name != current;
        let abandoned = name.starts_with("new-") && age().is_some_and(|age| age > MAKING);
        if name.ends_with(".pack") && (outdated || abandoned) {
            // Another process may have been quicker.
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prunes_only_what_is_outdated_or_abandoned() {
        let cache = tempfile::tempdir().unwrap();
        let names = ["pg-a-1.pack", "pg-a-2.pack", "pg-b-1.pack", "new-x.pack", "other"];
        names.iter().for_each(|name| fs::write(cache.path().join(name), "").unwrap());
        let hours_ago = std::time::SystemTime::now() - 2 * MAKING;
        let old = cache.path().join("new-old.pack");
        File::create(&old).unwrap().set_modified(hours_ago).unwrap();
        prune(cache.path(), "pg-a-", "pg-a-2.pack");
        let left = names.map(|name| cache.path().join(name).exists());
        assert_eq!(left, [false, true, true, true, true]);
        assert!(!old.exists());
    }
}
