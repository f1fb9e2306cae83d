//! The parameters with a fixed set of values, read into types.

use std::path::PathBuf;
use std::time::Duration;

use postgres::config::ChannelBinding;

use crate::environment::Environment;
use crate::error::ConnectError;
use crate::params::Given;

/// How far TLS is demanded and the server's certificate checked (manual, "SSL Support", table "SSL Mode Descriptions").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum SslMode {
    /// No TLS.
    Disable,
    /// TLS only if the server refuses a plain session.
    Allow,
    /// TLS if it can be had, else plain: no protection against an active attacker. libpq's default.
    #[default]
    Prefer,
    /// TLS; the certificate is checked only if there is a root certificate file.
    Require,
    /// TLS with a certificate that leads to a trusted root.
    VerifyCa,
    /// As `VerifyCa`, and the certificate is for the host that was named.
    VerifyFull,
}

const SSL_MODES: &[(&str, SslMode)] = &[
    ("disable", SslMode::Disable),
    ("allow", SslMode::Allow),
    ("prefer", SslMode::Prefer),
    ("require", SslMode::Require),
    ("verify-ca", SslMode::VerifyCa),
    ("verify-full", SslMode::VerifyFull),
];

impl SslMode {
    /// The value as `sslmode` spells it.
    pub fn as_str(self) -> &'static str {
        spelled(SSL_MODES, self)
    }
}

/// Which kind of server will do (`target_session_attrs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SessionKind {
    /// Any that accepts the connection.
    #[default]
    Any,
    /// One whose sessions can write by default.
    ReadWrite,
    /// One whose sessions cannot write by default.
    ReadOnly,
    /// One that is no hot standby.
    Primary,
    /// One that is a hot standby.
    Standby,
    /// A hot standby, or any if there is none.
    PreferStandby,
}

const SESSION_KINDS: &[(&str, SessionKind)] = &[
    ("any", SessionKind::Any),
    ("read-write", SessionKind::ReadWrite),
    ("read-only", SessionKind::ReadOnly),
    ("primary", SessionKind::Primary),
    ("standby", SessionKind::Standby),
    ("prefer-standby", SessionKind::PreferStandby),
];

impl SessionKind {
    /// The value as `target_session_attrs` spells it.
    pub fn as_str(self) -> &'static str {
        spelled(SESSION_KINDS, self)
    }
}

fn spelled<T: PartialEq + Copy>(table: &[(&'static str, T)], value: T) -> &'static str {
    table.iter().find(|(_, known)| *known == value).map_or("", |(name, _)| name)
}

/// A file that was named, or the one in `~/.postgresql/` that libpq falls back to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    Named(PathBuf),
    Default(PathBuf),
}

impl Source {
    pub(crate) fn path(&self) -> &PathBuf {
        match self {
            Self::Named(path) | Self::Default(path) => path,
        }
    }
}

/// Where trusted roots come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Roots {
    /// The trust store of the operating system.
    System,
    File(Source),
}

/// What TLS needs to know.
#[derive(Debug, Clone, Default)]
pub(crate) struct TlsSettings {
    pub(crate) mode: SslMode,
    /// Whether the handshake starts at once (`sslnegotiation=direct`, servers since 17).
    pub(crate) direct: bool,
    pub(crate) roots: Option<Roots>,
    pub(crate) crl: Option<Source>,
    pub(crate) cert: Option<Source>,
    pub(crate) key: Option<Source>,
    /// Whether the host name is sent in the clear for proxies that route by it.
    pub(crate) sni: bool,
    pub(crate) only_tls13: bool,
    pub(crate) only_tls12: bool,
}

/// TCP keepalive.
#[derive(Debug, Clone)]
pub(crate) struct Keepalive {
    pub(crate) on: bool,
    pub(crate) idle: Option<Duration>,
    pub(crate) interval: Option<Duration>,
    pub(crate) count: Option<u32>,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self { on: true, idle: None, interval: None, count: None }
    }
}

/// The value of a parameter out of a fixed set.
pub(crate) fn one_of<T: Copy>(
    given: &Given,
    name: &str,
    table: &[(&'static str, T)],
) -> Result<Option<T>, ConnectError> {
    let Some(text) = given.text(name) else {
        return Ok(None);
    };
    table.iter().find(|(known, _)| *known == text).map(|(_, value)| Some(*value)).ok_or_else(|| {
        let names: Vec<&str> = table.iter().map(|(known, _)| *known).collect();
        given.bad_value(
            name,
            "the value is not one it can have".to_owned(),
            &format!("use one of {}", names.join(", ")),
        )
    })
}

/// The value of a whole-number parameter.
fn number(given: &Given, name: &str) -> Result<Option<i64>, ConnectError> {
    given
        .text(name)
        .map(|text| {
            text.trim()
                .parse::<i32>()
                .map(i64::from)
                .map_err(|_| given.bad_value(name, "the value is no whole number".to_owned(), "write digits only"))
        })
        .transpose()
}

/// A duration in seconds; zero, negative and missing mean none.
pub(crate) fn seconds(given: &Given, name: &str) -> Result<Option<Duration>, ConnectError> {
    Ok(positive(number(given, name)?).map(Duration::from_secs))
}

/// A duration in milliseconds; zero, negative and missing mean none.
pub(crate) fn milliseconds(given: &Given, name: &str) -> Result<Option<Duration>, ConnectError> {
    Ok(positive(number(given, name)?).map(Duration::from_millis))
}

fn positive(value: Option<i64>) -> Option<u64> {
    value.and_then(|value| u64::try_from(value).ok()).filter(|value| *value > 0)
}

pub(crate) fn session_kind(given: &Given) -> Result<SessionKind, ConnectError> {
    Ok(one_of(given, "target_session_attrs", SESSION_KINDS)?.unwrap_or_default())
}

pub(crate) fn channel_binding(given: &Given) -> Result<ChannelBinding, ConnectError> {
    let table = &[
        ("disable", ChannelBinding::Disable),
        ("prefer", ChannelBinding::Prefer),
        ("require", ChannelBinding::Require),
    ];
    Ok(one_of(given, "channel_binding", table)?.unwrap_or(ChannelBinding::Prefer))
}

pub(crate) fn keepalive(given: &Given) -> Result<Keepalive, ConnectError> {
    Ok(Keepalive {
        on: number(given, "keepalives")? != Some(0),
        idle: seconds(given, "keepalives_idle")?,
        interval: seconds(given, "keepalives_interval")?,
        count: positive(number(given, "keepalives_count")?).and_then(|count| u32::try_from(count).ok()),
    })
}

/// Reads the TLS parameters.
pub(crate) fn tls(given: &Given, env: &dyn Environment) -> Result<TlsSettings, ConnectError> {
    let in_home = |name: &str| env.home().map(|home| Source::Default(home.join(".postgresql").join(name)));
    let file = |param: &str, default: &str| match given.text(param) {
        Some(path) => Some(Source::Named(PathBuf::from(path))),
        None => in_home(default),
    };

    let system = given.text("sslrootcert") == Some("system");
    let stated = one_of(given, "sslmode", SSL_MODES)?;
    let mode = match stated {
        // As in libpq: anyone can get a certificate from a public authority, so the name must be checked too.
        Some(mode) if system && mode != SslMode::VerifyFull => {
            return Err(given.bad_value(
                "sslmode",
                "it is too weak for sslrootcert=system, with which only a checked host name tells servers apart"
                    .to_owned(),
                "use sslmode=verify-full, or leave `sslmode` out",
            ));
        }
        Some(mode) => mode,
        None if system => SslMode::VerifyFull,
        None => SslMode::default(),
    };
    let direct = one_of(given, "sslnegotiation", &[("postgres", false), ("direct", true)])?.unwrap_or(false);
    if direct && mode < SslMode::Require {
        return Err(given.bad_value(
            "sslmode",
            "it is too weak for sslnegotiation=direct, which cannot fall back to a plain session".to_owned(),
            "use sslmode=require, verify-ca or verify-full",
        ));
    }
    let use_cert = match given.text("sslcertmode") {
        None | Some("allow") => true,
        Some("disable") => false,
        Some("require") => {
            return Err(ConnectError::Unsupported {
                name: "sslcertmode".to_owned(),
                place: given.get("sslcertmode").map_or_else(String::new, |(_, place)| place.to_string()),
                reason: "it cannot be told whether the server asked for the certificate".to_owned(),
                hint: "use sslcertmode=allow, and let the server demand it in `pg_hba.conf` (`clientcert=verify-full`)"
                    .to_owned(),
            });
        }
        Some(_) => {
            return Err(given.bad_value(
                "sslcertmode",
                "the value is not one it can have".to_owned(),
                "use one of disable, allow",
            ));
        }
    };
    let versions = &[("TLSv1", 10), ("TLSv1.1", 11), ("TLSv1.2", 12), ("TLSv1.3", 13)];
    let oldest = one_of(given, "ssl_min_protocol_version", versions)?.unwrap_or(12);
    let newest = one_of(given, "ssl_max_protocol_version", versions)?.unwrap_or(13);
    if newest < 12 {
        return Err(given.bad_value(
            "ssl_max_protocol_version",
            "versions before TLSv1.2 are broken and not spoken".to_owned(),
            "use TLSv1.2 or TLSv1.3",
        ));
    }
    if newest < oldest {
        return Err(given.bad_value(
            "ssl_max_protocol_version",
            "it is older than ssl_min_protocol_version".to_owned(),
            "leave both out",
        ));
    }

    Ok(TlsSettings {
        mode,
        direct,
        roots: if system { Some(Roots::System) } else { file("sslrootcert", "root.crt").map(Roots::File) },
        crl: file("sslcrl", "root.crl"),
        cert: use_cert.then(|| file("sslcert", "postgresql.crt")).flatten(),
        key: use_cert.then(|| file("sslkey", "postgresql.key")).flatten(),
        sni: one_of(given, "sslsni", &[("0", false), ("1", true)])?.unwrap_or(true),
        only_tls13: oldest == 13,
        only_tls12: newest == 12,
    })
}
