//! The connection parameters that libpq knows, what becomes of each here, and where a value came from.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use crate::error::ConnectError;

/// What becomes of a parameter.
pub(crate) enum Use {
    /// It is read.
    Read,
    /// It changes nothing here; it is taken so that strings made for libpq work.
    Ignored,
    /// It asks for something that cannot be done: an error, unless the value is one of `harmless` or empty.
    Refused { harmless: &'static [&'static str], reason: &'static str, hint: &'static str },
}

/// One parameter: its name, the variable that sets its default, and its use.
pub(crate) struct Param {
    pub(crate) name: &'static str,
    pub(crate) env: Option<&'static str>,
    pub(crate) usage: Use,
}

const fn read(name: &'static str, env: &'static str) -> Param {
    Param { name, env: Some(env), usage: Use::Read }
}

const fn bare(name: &'static str) -> Param {
    Param { name, env: None, usage: Use::Read }
}

const fn ignored(name: &'static str, env: Option<&'static str>) -> Param {
    Param { name, env, usage: Use::Ignored }
}

const fn refused(
    name: &'static str,
    env: Option<&'static str>,
    harmless: &'static [&'static str],
    reason: &'static str,
    hint: &'static str,
) -> Param {
    Param { name, env, usage: Use::Refused { harmless, reason, hint } }
}

/// The parameters of libpq up to version 18 (`PQconninfoOptions` in its `fe-connect.c`).
pub(crate) const PARAMS: &[Param] = &[
    read("service", "PGSERVICE"),
    read("servicefile", "PGSERVICEFILE"),
    read("host", "PGHOST"),
    read("hostaddr", "PGHOSTADDR"),
    read("port", "PGPORT"),
    read("dbname", "PGDATABASE"),
    read("user", "PGUSER"),
    read("password", "PGPASSWORD"),
    read("passfile", "PGPASSFILE"),
    read("channel_binding", "PGCHANNELBINDING"),
    read("connect_timeout", "PGCONNECT_TIMEOUT"),
    read("options", "PGOPTIONS"),
    read("application_name", "PGAPPNAME"),
    bare("fallback_application_name"),
    bare("keepalives"),
    bare("keepalives_idle"),
    bare("keepalives_interval"),
    bare("keepalives_count"),
    bare("tcp_user_timeout"),
    read("sslmode", "PGSSLMODE"),
    read("sslnegotiation", "PGSSLNEGOTIATION"),
    read("sslcert", "PGSSLCERT"),
    read("sslkey", "PGSSLKEY"),
    read("sslcertmode", "PGSSLCERTMODE"),
    read("sslrootcert", "PGSSLROOTCERT"),
    read("sslcrl", "PGSSLCRL"),
    read("sslsni", "PGSSLSNI"),
    read("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"),
    read("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION"),
    read("target_session_attrs", "PGTARGETSESSIONATTRS"),
    read("load_balance_hosts", "PGLOADBALANCEHOSTS"),
    // Encrypted keys are refused when the key is read, with a message of its own.
    ignored("sslpassword", None),
    // Sessions of this tool always speak UTF-8.
    ignored("client_encoding", Some("PGCLIENTENCODING")),
    ignored("sslcompression", Some("PGSSLCOMPRESSION")),
    ignored("krbsrvname", Some("PGKRBSRVNAME")),
    ignored("gsslib", Some("PGGSSLIB")),
    ignored("gssdelegation", Some("PGGSSDELEGATION")),
    refused(
        "gssencmode",
        Some("PGGSSENCMODE"),
        &["disable", "prefer"],
        "GSSAPI encryption is not available",
        "use TLS (`sslmode=verify-full`) and set `gssencmode=disable`",
    ),
    refused("requiressl", Some("PGREQUIRESSL"), &["0"], "libpq dropped it in version 15", "set `sslmode=require`"),
    refused(
        "sslcrldir",
        Some("PGSSLCRLDIR"),
        &[],
        "a directory of revocation lists cannot be read",
        "put the lists into one PEM file and name it with `sslcrl`",
    ),
    refused("sslkeylogfile", None, &[], "session keys are not written out", "leave it out"),
    refused(
        "requirepeer",
        Some("PGREQUIREPEER"),
        &[],
        "the operating system user of the server process is not checked",
        "leave it out, or connect over TLS with `sslmode=verify-full`",
    ),
    refused(
        "require_auth",
        Some("PGREQUIREAUTH"),
        &[],
        "the way the server asks for the password cannot be restricted",
        "unset it; `sslmode=verify-full` with `channel_binding=require` is stronger",
    ),
    refused(
        "replication",
        None,
        &["0", "false", "no", "off"],
        "a replication session cannot run a plan",
        "leave it out",
    ),
    refused(
        "min_protocol_version",
        Some("PGMINPROTOCOLVERSION"),
        &["3.0"],
        "only protocol version 3.0 is spoken",
        "leave it out",
    ),
    ignored("max_protocol_version", Some("PGMAXPROTOCOLVERSION")),
    refused("scram_client_key", None, &[], SCRAM_KEY, "give a password"),
    refused("scram_server_key", None, &[], SCRAM_KEY, "give a password"),
    refused("oauth_issuer", None, &[], OAUTH, OAUTH_HINT),
    refused("oauth_client_id", None, &[], OAUTH, OAUTH_HINT),
    refused("oauth_client_secret", None, &[], OAUTH, OAUTH_HINT),
    refused("oauth_scope", None, &[], OAUTH, OAUTH_HINT),
];

const SCRAM_KEY: &str = "SCRAM keys cannot stand in for a password";
const OAUTH: &str = "OAuth is not available";
const OAUTH_HINT: &str = "use a password or a client certificate";

/// Looks a parameter up by its name.
pub(crate) fn lookup(name: &str) -> Option<&'static Param> {
    PARAMS.iter().find(|param| param.name == name)
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// The string handed to `Target::parse`.
    ConnectionString,
    /// A connection service file.
    Service { name: String, file: PathBuf },
    /// An environment variable.
    Variable(&'static str),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConnectionString => f.write_str("the connection string"),
            Self::Service { name, file } => {
                write!(f, "the service `{name}` in {}", file.display())
            }
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// The parameters that were given, by name. Holds the password, so there is no `Debug`.
#[derive(Default)]
pub(crate) struct Given(BTreeMap<&'static str, (String, Place)>);

impl Given {
    /// Sets a parameter, replacing what an earlier part of the same source said.
    pub(crate) fn set(&mut self, param: &'static Param, value: String, place: Place) {
        self.0.insert(param.name, (value, place));
    }

    /// Sets a parameter unless a source of higher precedence already did.
    pub(crate) fn set_default(&mut self, param: &'static Param, value: String, place: Place) {
        self.0.entry(param.name).or_insert((value, place));
    }

    /// A parameter's value and place. A value that is empty means the default, but still hides sources of lower
    /// precedence, as in libpq; it is reported as `None`.
    pub(crate) fn get(&self, name: &str) -> Option<(&str, &Place)> {
        self.0.get(name).filter(|(value, _)| !value.is_empty()).map(|(value, place)| (value.as_str(), place))
    }

    /// A parameter's value alone.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.get(name).map(|(value, _)| value)
    }

    /// The error for a value that its parameter cannot have. The value itself is not quoted: a password with unescaped
    /// separators ends up as the value of some other parameter.
    pub(crate) fn bad_value(&self, name: &str, reason: String, hint: &str) -> ConnectError {
        ConnectError::BadValue {
            name: name.to_owned(),
            place: self.get(name).map_or_else(|| "the defaults".to_owned(), |(_, place)| place.to_string()),
            reason,
            hint: hint.to_owned(),
        }
    }

    /// Refuses parameters that ask for what cannot be done.
    pub(crate) fn check_supported(&self) -> Result<(), ConnectError> {
        for param in PARAMS {
            let Use::Refused { harmless, reason, hint } = &param.usage else {
                continue;
            };
            if let Some((value, place)) = self.get(param.name)
                && !harmless.contains(&value)
            {
                return Err(ConnectError::Unsupported {
                    name: param.name.to_owned(),
                    place: place.to_string(),
                    reason: (*reason).to_owned(),
                    hint: (*hint).to_owned(),
                });
            }
        }
        Ok(())
    }
}

/// Finds a parameter written in a connection string or service file, or makes the error that names it.
///
/// `quotable` says whether the name can be shown: it cannot when it may be the rest of a password whose special
/// characters were not escaped.
pub(crate) fn known(name: &str, place: &str, quotable: bool) -> Result<&'static Param, ConnectError> {
    if let Some(param) = lookup(name) {
        return Ok(param);
    }
    let plain =
        !name.is_empty() && name.len() <= 63 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if !(quotable && plain) {
        return Err(ConnectError::BadUrl {
            reason: format!("{place} has a parameter that is none of libpq's"),
            hint: "if a password holds special characters, write them as %XX in a URL, or put the password into \
                   single quotes in a keyword string"
                .to_owned(),
        });
    }
    let hint = match name {
        "schema" | "search_path" | "currentSchema" => "set it with `options=-csearch_path=NAME`".to_owned(),
        _ => match closest(name) {
            Some(close) => format!("did you mean `{close}`?"),
            None => "use the parameters of libpq (PostgreSQL manual, \"Parameter Key Words\"); server settings go \
                     into `options`"
                .to_owned(),
        },
    };
    Err(ConnectError::UnknownParameter { name: name.to_owned(), place: place.to_owned(), hint })
}

/// The known parameter that differs only in case, `-`, `_` or one omitted or added letter.
fn closest(name: &str) -> Option<&'static str> {
    let squeeze = |text: &str| text.to_ascii_lowercase().replace(['_', '-'], "");
    let wanted = squeeze(name);
    let alias = match wanted.as_str() {
        "database" | "db" => Some("dbname"),
        "username" => Some("user"),
        "pass" | "pwd" => Some("password"),
        "hostname" | "server" => Some("host"),
        _ => None,
    };
    alias.or_else(|| {
        PARAMS.iter().map(|param| param.name).find(|known| {
            let known = squeeze(known);
            let (short, long) = if known.len() < wanted.len() { (&known, &wanted) } else { (&wanted, &known) };
            known == wanted
                || (long.len() == short.len() + 1
                    && (0..long.len()).any(|skip| {
                        long.chars().enumerate().filter(|(at, _)| *at != skip).map(|(_, c)| c).eq(short.chars())
                    }))
        })
    })
}
