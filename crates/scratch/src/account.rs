//! The account the server runs as: our own, or another one when we are root.

use crate::ScratchError;
use nix::unistd::{User, geteuid};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// A user other than the one this process runs as.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
}

impl Account {
    /// The account to run the server as when this process is root, for PostgreSQL refuses to run as root
    /// (`check_root` in `src/backend/main/main.c`); `None` when our own will do.
    pub fn for_server() -> Result<Option<Self>, ScratchError> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| User::from_name(name).ok().flatten().filter(|user| !user.uid.is_root()))
            .map(|user| Some(Self { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw() }))
            .ok_or(ScratchError::NoAccount)
    }

    /// Lets `command` run as this account. The standard library drops root's further groups with the user id.
    pub fn apply(&self, command: &mut Command) {
        command.gid(self.gid).uid(self.uid);
    }
}
