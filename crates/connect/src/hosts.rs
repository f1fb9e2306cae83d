//! The servers of a target: from the comma-separated `host`, `hostaddr` and `port` to a list.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::error::ConnectError;
use crate::params::Given;

/// The port that PostgreSQL is built with.
pub(crate) const DEFAULT_PORT: u16 = 5432;

/// One server to try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    pub(crate) address: Address,
    pub(crate) port: u16,
    /// Whether it stands for a host that was not named.
    pub(crate) default: bool,
}

/// How a server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// The directory of a Unix-domain socket.
    Socket(PathBuf),
    /// TCP: the name to resolve and to hold against the certificate, the address to use instead of resolving, or both.
    Tcp { name: Option<String>, ip: Option<IpAddr> },
}

impl Host {
    /// The directory of the socket, when the server is reached by a Unix-domain socket.
    pub fn socket_dir(&self) -> Option<&Path> {
        match &self.address {
            Address::Socket(dir) => Some(dir),
            Address::Tcp { .. } => None,
        }
    }

    /// The name or numeric address of the server; for a socket, its directory.
    pub fn name(&self) -> String {
        match &self.address {
            Address::Socket(dir) => dir.display().to_string(),
            Address::Tcp { name: Some(name), .. } => name.clone(),
            Address::Tcp { ip: Some(ip), .. } => ip.to_string(),
            Address::Tcp { .. } => "localhost".to_owned(),
        }
    }

    /// The port: of TCP, or the number in the socket's file name.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The name under which the password file knows the server: `localhost` for the default socket, as in libpq.
    pub(crate) fn passfile_name(&self) -> String {
        if self.default { "localhost".to_owned() } else { self.name() }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            Address::Socket(dir) => write!(f, "{}/.s.PGSQL.{}", dir.display(), self.port),
            Address::Tcp { .. } => {
                let name = self.name();
                if name.contains(':') { write!(f, "[{name}]:{}", self.port) } else { write!(f, "{name}:{}", self.port) }
            }
        }
    }
}

/// Combines `host`, `hostaddr` and `port`.
///
/// Where no host is named libpq tries one socket directory, fixed when it is built; here each of `socket_dirs` is
/// tried and then TCP to `localhost`.
pub(crate) fn from_given(given: &Given, socket_dirs: &[PathBuf]) -> Result<Vec<Host>, ConnectError> {
    let list =
        |name| -> Vec<&str> { given.text(name).map_or_else(Vec::new, |text| text.split(',').map(str::trim).collect()) };
    let (names, addresses, ports) = (list("host"), list("hostaddr"), list("port"));
    if !names.is_empty() && !addresses.is_empty() && names.len() != addresses.len() {
        return Err(given.bad_value(
            "hostaddr",
            format!("it lists {} addresses for {} hosts", addresses.len(), names.len()),
            "give one address for each host; an element may be empty",
        ));
    }
    let count = names.len().max(addresses.len()).max(1);
    if ports.len() > 1 && ports.len() != count {
        return Err(given.bad_value(
            "port",
            format!("it lists {} ports for {count} hosts", ports.len()),
            "give one port for all hosts, or one for each",
        ));
    }

    let mut hosts = Vec::new();
    for index in 0..count {
        let port = match ports.get(index).or_else(|| ports.first()) {
            None | Some(&"") => DEFAULT_PORT,
            Some(text) => text.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
                given.bad_value(
                    "port",
                    "it is no number between 1 and 65535".to_owned(),
                    "in a URL, a password needs an `@` and the host name after it, and its special characters \
                         written as %XX",
                )
            })?,
        };
        let name = names.get(index).copied().filter(|name| !name.is_empty());
        let ip = match addresses.get(index).copied().filter(|ip| !ip.is_empty()) {
            None => None,
            Some(text) => Some(text.parse::<IpAddr>().map_err(|_| {
                given.bad_value(
                    "hostaddr",
                    "it is no numeric IPv4 or IPv6 address".to_owned(),
                    "put host names into `host`",
                )
            })?),
        };
        let named = |address| Host { address, port, default: false };
        match (name, ip) {
            (Some(dir), _) if is_path(dir) => {
                let mut host = named(Address::Socket(PathBuf::from(dir)));
                // The password file calls the default directory `localhost`, named or not.
                host.default = socket_dirs.iter().any(|default| default == Path::new(dir));
                hosts.push(host);
            }
            (Some(name), _) if name.contains('@') => {
                return Err(given.bad_value(
                    "host",
                    "it contains an `@`".to_owned(),
                    "write an `@` in a user name or password of a URL as %40; abstract sockets are not supported",
                ));
            }
            (None, None) => {
                hosts.extend(default_hosts(port, socket_dirs));
            }
            (name, ip) => hosts.push(named(Address::Tcp { name: name.map(str::to_owned), ip })),
        }
    }
    Ok(hosts)
}

fn is_path(host: &str) -> bool {
    // libpq's rule: on Windows a drive letter counts too.
    host.starts_with('/') || (cfg!(windows) && Path::new(host).is_absolute())
}

fn default_hosts(port: u16, socket_dirs: &[PathBuf]) -> impl Iterator<Item = Host> + '_ {
    socket_dirs
        .iter()
        .map(|dir| Address::Socket(dir.clone()))
        .chain([Address::Tcp { name: Some("localhost".to_owned()), ip: None }])
        .map(move |address| Host { address, port, default: true })
}
