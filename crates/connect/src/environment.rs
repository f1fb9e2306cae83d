//! What the process environment says; behind a trait so that tests can bring their own.

use std::path::PathBuf;

/// Where the `PG*` variables, the home directory and the operating system user come from.
pub trait Environment {
    /// The value of an environment variable; `None` when it is unset.
    fn var(&self, name: &str) -> Option<String>;
    /// The home directory, in which `.pgpass`, `.pg_service.conf` and `.postgresql/` are looked for.
    fn home(&self) -> Option<PathBuf>;
    /// The name of the operating system user, the default for the database user.
    fn os_user(&self) -> Option<String>;
    /// The directories in which a local server's socket is looked for when no host is named.
    ///
    /// `/var/run/postgresql` is the default of the Debian, Ubuntu, Fedora and Docker packages, `/tmp` that of a server
    /// built from source.
    fn socket_dirs(&self) -> Vec<PathBuf> {
        if cfg!(unix) { vec![PathBuf::from("/var/run/postgresql"), PathBuf::from("/tmp")] } else { Vec::new() }
    }
}

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn var(&self, name: &str) -> Option<String> {
        // A value that is no UTF-8 cannot be sent to the server as such; it counts as unset.
        std::env::var(name).ok()
    }

    fn home(&self) -> Option<PathBuf> {
        std::env::home_dir()
    }

    fn os_user(&self) -> Option<String> {
        whoami::username().ok()
    }
}
