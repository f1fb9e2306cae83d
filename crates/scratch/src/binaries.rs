//! Finds the PostgreSQL server programs of this machine.

use crate::{ScratchError, ServerVersion};
use std::collections::HashMap;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

/// The oldest major version that is started as a private server.
pub const OLDEST_MAJOR: u32 = 12;

/// Names a folder, or several separated as in `PATH`, that hold `postgres` and `initdb`. When it is set, nothing else
/// is searched, so that a wrong setting shows as an error.
pub const BIN_VARIABLE: &str = "UNDERPIN_PG_BIN";

/// Where distributions and installers put the server programs.
const USUAL: &[&str] = &[
    "/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
    "/usr/pgsql-*/bin",                                   // PGDG's RPMs
    "/usr/lib/postgresql*/bin",                           // SUSE
    "/usr/lib64/postgresql-*/bin",                        // Gentoo
    "/usr/libexec/postgresql*",                           // Alpine
    "/opt/homebrew/opt/postgresql@*/bin",                 // Homebrew on Apple silicon
    "/usr/local/opt/postgresql@*/bin",                    // Homebrew on Intel
    "/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",    // Homebrew on Linux
    "/opt/local/lib/postgresql*/bin",                     // MacPorts
    "/usr/local/pgsql/bin",                               // built from source
    "/Library/PostgreSQL/*/bin",                          // EDB's installer
    "/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
];

/// A folder with the programs of one PostgreSQL server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installation {
    /// The folder that holds `postgres` and `initdb`, with symbolic links resolved.
    pub bin_dir: PathBuf,
    /// Their version; the minor number is known only where it did not take running a program to learn it, or where
    /// the program had to be run anyway.
    pub version: ServerVersion,
}

/// All installations found on this machine, in the order of the search: `UNDERPIN_PG_BIN` alone if it is set; else
/// `PATH`, the usual folders of distributions and installers, and, if those hold none, `pg_config --bindir`.
#[must_use]
pub fn find() -> Vec<Installation> {
    let search = Search::of_environment();
    let mut found = search.cheap();
    if found.is_empty() {
        found = search.asking_pg_config();
    }
    found
}

/// The installation to start: that of `bin_dir` if given; else the first of `want_major`, or the newest of those that
/// are not too old.
pub(crate) fn choose(want_major: Option<u32>, bin_dir: Option<&Path>) -> Result<Installation, ScratchError> {
    let search = match bin_dir {
        Some(folder) => Search { only: Some(("the given folder", folder.into())), path: None, usual: &[] },
        None => Search::of_environment(),
    };
    search.choose(want_major)
}

/// Where to look; a value, so that tests need not touch the environment.
struct Search {
    /// The folders that alone are searched, as a list, and who named them.
    only: Option<(&'static str, OsString)>,
    path: Option<OsString>,
    usual: &'static [&'static str],
}

impl Search {
    fn of_environment() -> Self {
        let only = env::var_os(BIN_VARIABLE).filter(|value| !value.is_empty()).map(|value| (BIN_VARIABLE, value));
        Self { only, path: env::var_os("PATH"), usual: USUAL }
    }

    fn choose(&self, want_major: Option<u32>) -> Result<Installation, ScratchError> {
        let wanted = |found: &[Installation]| {
            let exact =
                |one: &&Installation| want_major == Some(one.version.major) && one.version.major >= OLDEST_MAJOR;
            found.iter().find(exact).cloned()
        };
        let mut found = self.cheap();
        // pg_config is a process, so it is asked only where the answer can matter.
        if found.is_empty() || (want_major.is_some() && wanted(&found).is_none()) {
            for one in self.asking_pg_config() {
                if !found.contains(&one) {
                    found.push(one);
                }
            }
        }
        if let Some(one) = wanted(&found) {
            return Ok(one);
        }
        // `max_by_key` yields the last of equals; the first found is to win.
        let newest = found.iter().rev().filter(|one| one.version.major >= OLDEST_MAJOR).max_by_key(|one| one.version);
        if let Some(one) = newest {
            return Ok(one.clone());
        }
        if found.is_empty() {
            return Err(ScratchError::NoBinaries { searched: self.places() });
        }
        let found = found.iter().map(|one| format!("{} in {}", one.version, one.bin_dir.display()));
        Err(ScratchError::TooOld { found: found.collect::<Vec<_>>().join(", "), oldest: OLDEST_MAJOR })
    }

    /// Everything that can be found by looking at files.
    fn cheap(&self) -> Vec<Installation> {
        let mut found = Vec::new();
        if let Some((_, list)) = &self.only {
            env::split_paths(list).for_each(|folder| add(&mut found, &folder));
            return found;
        }
        if let Some(path) = &self.path {
            env::split_paths(path).for_each(|folder| add(&mut found, &folder));
        }
        for pattern in self.usual {
            // The patterns are constants and valid; a folder that cannot be listed holds nothing for us.
            let folders = glob::glob(pattern).into_iter().flatten().flatten();
            folders.for_each(|folder| add(&mut found, &folder));
        }
        found
    }

    fn asking_pg_config(&self) -> Vec<Installation> {
        let mut found = Vec::new();
        if let (None, Some(path)) = (&self.only, &self.path) {
            let program = env::split_paths(path).map(|folder| folder.join("pg_config")).find(|file| file.is_file());
            let says = program.and_then(|program| output(&program, "--bindir"));
            if let Some(folder) = says.as_deref().map(str::trim).filter(|folder| !folder.is_empty()) {
                add(&mut found, Path::new(folder));
            }
        }
        found
    }

    /// The places searched, for the message that nothing was found.
    fn places(&self) -> Vec<String> {
        if let Some((who, list)) = &self.only {
            return env::split_paths(list).map(|folder| format!("{} ({who})", folder.display())).collect();
        }
        let first = ["PATH".to_owned()];
        let usual = self.usual.iter().map(|pattern| (*pattern).to_owned());
        first.into_iter().chain(usual).chain(["pg_config --bindir".to_owned()]).collect()
    }
}

/// Adds the installation in `folder`, if there is one and it is not in the list yet.
fn add(found: &mut Vec<Installation>, folder: &Path) {
    // Distributions link /usr/bin/postgres to the real place; the server finds its libraries and `initdb` its
    // siblings from there.
    let Ok(program) = folder.join("postgres").canonicalize() else {
        return;
    };
    let Some(bin_dir) = program.parent() else {
        return;
    };
    if !program.is_file() || !bin_dir.join("initdb").is_file() || found.iter().any(|one| one.bin_dir == bin_dir) {
        return;
    }
    if let Some(version) = ServerVersion::from_bin_dir(bin_dir).or_else(|| asked_version(&program)) {
        found.push(Installation { bin_dir: bin_dir.to_path_buf(), version });
    }
}

/// The version `postgres --version` says, asked once in the life of this process.
fn asked_version(program: &Path) -> Option<ServerVersion> {
    static ASKED: LazyLock<Mutex<HashMap<PathBuf, Option<ServerVersion>>>> = LazyLock::new(Mutex::default);
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    *asked
        .entry(program.to_path_buf())
        .or_insert_with(|| ServerVersion::after(&output(program, "--version")?, "(PostgreSQL) "))
}

/// What a program writes to its standard output when it ends well.
pub(crate) fn output(program: &Path, argument: impl AsRef<std::ffi::OsStr>) -> Option<String> {
    let mut command = Command::new(program);
    command.arg(argument).env("LC_ALL", "C").stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    String::from_utf8(output.stdout).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// A program that does nothing but write a line. Another process writes the file: were it open in this one, a
    /// test in another thread that starts a process just then would inherit it and make it "busy" (ETXTBSY).
    fn script(file: &Path, line: &str) {
        let write = "printf '#!/bin/sh\\necho \"%s\"\\n' \"$1\" > \"$0\" && chmod 755 \"$0\"";
        assert!(Command::new("sh").args(["-c", write]).arg(file).arg(line).status().unwrap().success());
    }

    fn fake(folder: &Path, version: &str) {
        fs::create_dir_all(folder).unwrap();
        for name in ["postgres", "initdb"] {
            script(&folder.join(name), &format!("{name} (PostgreSQL) {version}"));
        }
    }

    fn only(folders: &[PathBuf]) -> Search {
        Search { only: Some((BIN_VARIABLE, env::join_paths(folders).unwrap())), path: None, usual: &[] }
    }

    #[test]
    fn finds_the_servers_of_this_machine() {
        let found = find();
        assert!(found.iter().any(|one| one.version.major >= OLDEST_MAJOR), "{found:?}");
    }

    #[test]
    fn resolves_a_link_on_the_path_to_its_siblings() {
        let root = tempfile::tempdir().unwrap();
        let (real, linked) = (root.path().join("postgresql/14/bin"), root.path().join("usr-bin"));
        fake(&real, "14.1");
        fs::create_dir(&linked).unwrap();
        symlink(real.join("postgres"), linked.join("postgres")).unwrap();
        let path = env::join_paths([&linked, &real]).unwrap();
        let found = Search { only: None, path: Some(path), usual: &[] }.cheap();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].bin_dir, real.canonicalize().unwrap());
        assert_eq!(found[0].version, ServerVersion { major: 14, minor: None });
    }

    #[test]
    fn asks_the_binary_where_the_path_is_silent() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("bin");
        fake(&folder, "16.3");
        let found = only(&[folder]).cheap();
        assert_eq!(found[0].version, ServerVersion { major: 16, minor: Some(3) });
    }

    #[test]
    fn prefers_the_wanted_major_then_the_newest() {
        let root = tempfile::tempdir().unwrap();
        let folders = ["11", "13", "17"].map(|major| root.path().join("postgresql").join(major).join("bin"));
        folders.iter().for_each(|folder| fake(folder, "0"));
        let search = only(&folders);
        let major = |want| search.choose(want).unwrap().version.major;
        assert_eq!(major(Some(13)), 13);
        assert_eq!(major(Some(15)), 17);
        assert_eq!(major(Some(11)), 17, "too old is never chosen");
        assert_eq!(major(None), 17);
        let error = only(&folders[..1]).choose(None).unwrap_err();
        assert!(matches!(error, ScratchError::TooOld { .. }), "{error}");
    }

    #[test]
    fn pg_config_is_asked_last() {
        let root = tempfile::tempdir().unwrap();
        let (real, path) = (root.path().join("elsewhere"), root.path().join("path"));
        fake(&real, "15.2");
        fs::create_dir(&path).unwrap();
        script(&path.join("pg_config"), &real.display().to_string());
        let search = Search { only: None, path: Some(path.into()), usual: &[] };
        assert_eq!(search.choose(None).unwrap().bin_dir, real.canonicalize().unwrap());
    }

    #[test]
    fn says_where_it_searched() {
        let root = tempfile::tempdir().unwrap();
        let error = only(&[root.path().to_path_buf()]).choose(None).unwrap_err().to_string();
        assert!(error.contains(&root.path().display().to_string()) && error.contains(BIN_VARIABLE), "{error}");
        let search = Search { only: None, path: Some(root.path().into()), usual: &["/nonexistent/postgresql/*/bin"] };
        let error = search.choose(Some(16)).unwrap_err().to_string();
        for part in ["PATH", "/nonexistent/postgresql/*/bin", "pg_config", "apt-get install postgresql", "--dev-db"] {
            assert!(error.contains(part), "{error}");
        }
    }
}
