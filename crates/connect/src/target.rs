//! A parsed and completed target, and how it is shown.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use postgres::config::ChannelBinding;

use crate::environment::{Environment, ProcessEnvironment};
use crate::error::ConnectError;
use crate::hosts::{self, Address, Host};
use crate::params::{self, Given, PARAMS, Place};
use crate::passfile::Passfile;
use crate::secret::Secret;
use crate::settings::{self, Keepalive, SessionKind, SslMode, TlsSettings};
use crate::{keywords, service, url};

/// A database to connect to. `Debug` and `Display` show [`Target::redacted`], never the password.
#[derive(Clone)]
pub struct Target {
    pub(crate) hosts: Vec<Host>,
    pub(crate) user: String,
    pub(crate) dbname: String,
    /// A password that was given outright, and where.
    pub(crate) password: Option<(Secret, Place)>,
    /// The password file; not read when a password was given outright.
    pub(crate) passfile: Option<Passfile>,
    pub(crate) tls: TlsSettings,
    pub(crate) session: SessionKind,
    pub(crate) random_order: bool,
    pub(crate) channel_binding: ChannelBinding,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) tcp_user_timeout: Option<Duration>,
    pub(crate) keepalive: Keepalive,
    pub(crate) application_name: Option<String>,
    pub(crate) fallback_application_name: Option<String>,
    pub(crate) options: Option<String>,
    pub(crate) warnings: Vec<String>,
}

impl Target {
    /// Reads a URL (`postgresql://…`), a keyword string (`host=… dbname=…`) or a bare database name, and completes it.
    ///
    /// Precedence is libpq's: the string, then the connection service, then `PG*` variables, then defaults (the local
    /// sockets and `localhost`, port 5432, the operating system user, the database named as the user). A password that
    /// is in none of these is looked for in the password file.
    ///
    /// # Errors
    /// When the string or a service cannot be read, or a parameter is unknown, malformed or not supported.
    pub fn parse(text: &str) -> Result<Self, ConnectError> {
        Self::parse_with(text, &ProcessEnvironment)
    }

    /// As [`Target::parse`], with another environment than that of this process.
    ///
    /// # Errors
    /// As [`Target::parse`].
    pub fn parse_with(text: &str, env: &dyn Environment) -> Result<Self, ConnectError> {
        let mut given = Given::default();
        read_string(text, &mut given)?;
        // These two say where to find the service, so they are needed before it.
        set_from_env(&mut given, env, |name| matches!(name, "service" | "servicefile"));
        service::complete(&mut given, env)?;
        set_from_env(&mut given, env, |_| true);
        given.check_supported()?;
        Self::from_given(&given, env)
    }

    fn from_given(given: &Given, env: &dyn Environment) -> Result<Self, ConnectError> {
        let user = match given.text("user") {
            Some(user) => user.to_owned(),
            None => env.os_user().ok_or_else(|| ConnectError::BadUrl {
                reason: "it names no user, and the operating system user cannot be found out".to_owned(),
                hint: "add the user to it, or set PGUSER".to_owned(),
            })?,
        };
        let dbname = given.text("dbname").unwrap_or(&user).to_owned();
        let password = given.get("password").map(|(text, place)| (Secret::new(text), place.clone()));
        let passfile = match password {
            Some(_) => None,
            None => passfile_path(given, env).map(|path| Passfile::read(&path)),
        };
        let tls = settings::tls(given, env)?;
        let mut warnings: Vec<String> = passfile.iter().filter_map(Passfile::warning).collect();
        warnings.extend(missing_files(&tls));

        Ok(Self {
            hosts: hosts::from_given(given, &env.socket_dirs())?,
            user,
            dbname,
            password,
            passfile,
            tls,
            session: settings::session_kind(given)?,
            random_order: settings::one_of(given, "load_balance_hosts", &[("disable", false), ("random", true)])?
                .unwrap_or(false),
            channel_binding: settings::channel_binding(given)?,
            connect_timeout: settings::seconds(given, "connect_timeout")?,
            tcp_user_timeout: settings::milliseconds(given, "tcp_user_timeout")?,
            keepalive: settings::keepalive(given)?,
            application_name: given.text("application_name").map(str::to_owned),
            fallback_application_name: given.text("fallback_application_name").map(str::to_owned),
            options: given.text("options").map(str::to_owned),
            warnings,
        })
    }

    /// A target on a server's own Unix-domain socket, without a password. The environment has no say in it.
    pub fn socket(dir: &Path, port: u16, user: &str, dbname: &str) -> Self {
        Self {
            hosts: vec![Host { address: Address::Socket(dir.to_owned()), port, default: false }],
            user: user.to_owned(),
            dbname: dbname.to_owned(),
            password: None,
            passfile: None,
            tls: TlsSettings { mode: SslMode::Disable, ..TlsSettings::default() },
            session: SessionKind::Any,
            random_order: false,
            channel_binding: ChannelBinding::Prefer,
            connect_timeout: None,
            tcp_user_timeout: None,
            keepalive: Keepalive::default(),
            application_name: None,
            fallback_application_name: None,
            options: None,
            warnings: Vec::new(),
        }
    }

    /// The same target with another database. The password file is asked again for it.
    #[must_use]
    pub fn with_dbname(&self, name: &str) -> Self {
        Self { dbname: name.to_owned(), ..self.clone() }
    }

    /// The same target with another limit for each attempt to connect; `None` waits as long as the system does.
    #[must_use]
    pub fn with_connect_timeout(&self, limit: Option<Duration>) -> Self {
        Self { connect_timeout: limit, ..self.clone() }
    }

    /// The database.
    pub fn dbname(&self) -> &str {
        &self.dbname
    }

    /// The database user.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The servers, in the order in which they are tried.
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// How far TLS is demanded. Has no effect on a Unix-domain socket.
    pub fn ssl_mode(&self) -> SslMode {
        self.tls.mode
    }

    /// What the user should know although it is no error: a password file that is ignored, a certificate file that was
    /// named and is not there.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// The target for another program, as environment variables: `DATABASE_URL`, without a password, and those of libpq. A
    /// password that was given outright is in `PGPASSWORD`, which no list of processes shows to others.
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("DATABASE_URL", self.redacted()),
            ("PGUSER", self.user.clone()),
            ("PGDATABASE", self.dbname.clone()),
            ("PGSSLMODE", self.tls.mode.as_str().to_owned()),
        ];
        if let Some(host) = self.hosts.first() {
            variables.push(("PGHOST", host.name()));
            variables.push(("PGPORT", host.port.to_string()));
        }
        if let Some((password, _)) = &self.password {
            variables.push(("PGPASSWORD", password.reveal().to_owned()));
        }
        variables
    }

    /// The target for a program that takes `--host`, `--port`, `--username` and `--dbname`: the words of its options, and before them the
    /// variables for what they cannot say. Programs put the options into a connection string, some of them as they are, so that what would have
    /// to be quoted there is a variable. Never a password, nor what the environment says anyway.
    pub fn options(&self) -> (Vec<(&'static str, String)>, Vec<String>) {
        let (mut variables, mut options) = (Vec::new(), Vec::new());
        let mut say = |variable: &'static str, option: &str, value: String| {
            let is_plain = value.chars().all(|c| c.is_alphanumeric() || "_-./:,@%".contains(c));
            if is_plain && !value.is_empty() {
                options.extend([option.to_owned(), value]);
            } else {
                variables.push((variable, value));
            }
        };
        let is_said = self.hosts.iter().any(|host| !host.default);
        if is_said {
            say("PGHOST", "--host", self.hosts.iter().map(Host::name).collect::<Vec<_>>().join(","));
        }
        let ports: Vec<String> = self.hosts.iter().map(|host| host.port.to_string()).collect();
        match ports.as_slice() {
            [] => {}
            [first, rest @ ..] if rest.iter().all(|port| port == first) => {
                // Beside a host it is said always: another shell may have another PGPORT.
                if is_said || *first != hosts::DEFAULT_PORT.to_string() {
                    say("PGPORT", "--port", first.clone());
                }
            }
            all => say("PGPORT", "--port", all.join(",")),
        }
        say("PGUSER", "--username", self.user.clone());
        say("PGDATABASE", "--dbname", self.dbname.clone());
        let addresses: Vec<String> = self.hosts.iter().map(hostaddr).collect();
        let named = |host: &Host| matches!(&host.address, Address::Tcp { name: Some(_), ip: Some(_) });
        if self.hosts.iter().any(named) {
            variables.push(("PGHOSTADDR", addresses.join(",")));
        }
        if self.tls.mode != SslMode::default() && self.hosts.iter().any(|host| host.socket_dir().is_none()) {
            variables.push(("PGSSLMODE", self.tls.mode.as_str().to_owned()));
        }
        (variables, options)
    }

    /// The target as a URL for messages: user, hosts, ports, database and a stated `sslmode`. It holds no password, and
    /// no `options`, which may hold secrets as well.
    pub fn redacted(&self) -> String {
        let mut query = Vec::new();
        let authority = match self.hosts.as_slice() {
            // A socket reads better as a parameter than as %2Fvar%2Frun.
            [host] if host.socket_dir().is_some() => {
                query.push(format!("host={}", encode_path(&host.name())));
                if host.port != hosts::DEFAULT_PORT {
                    query.push(format!("port={}", host.port));
                }
                String::new()
            }
            [first, rest @ ..] if first.default && rest.iter().all(|host| host.default) => {
                if first.port == hosts::DEFAULT_PORT { String::new() } else { format!(":{}", first.port) }
            }
            hosts => hosts.iter().map(authority).collect::<Vec<_>>().join(","),
        };
        let addresses: Vec<String> = self.hosts.iter().map(hostaddr).collect();
        if addresses.iter().any(|address| !address.is_empty()) {
            query.push(format!("hostaddr={}", addresses.join(",")));
        }
        let socket_only = self.hosts.iter().all(|host| host.socket_dir().is_some());
        if self.tls.mode != SslMode::default() && !socket_only {
            query.push(format!("sslmode={}", self.tls.mode.as_str()));
        }
        let query = match query.is_empty() {
            true => String::new(),
            false => format!("?{}", query.join("&")),
        };
        format!("postgresql://{}@{authority}/{}{query}", encode(&self.user), encode(&self.dbname))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.redacted())
    }
}

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const UNRESERVED_AND_SLASH: &AsciiSet = &UNRESERVED.remove(b'/');

fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

fn encode_path(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED_AND_SLASH).to_string()
}

fn authority(host: &Host) -> String {
    let name = match &host.address {
        Address::Socket(dir) => encode(&dir.display().to_string()),
        Address::Tcp { name: Some(name), .. } if name.contains(':') => format!("[{name}]"),
        Address::Tcp { name: Some(name), .. } => encode(name),
        // Only `hostaddr` was given.
        Address::Tcp { name: None, .. } => String::new(),
    };
    if host.port == hosts::DEFAULT_PORT { name } else { format!("{name}:{}", host.port) }
}

fn hostaddr(host: &Host) -> String {
    match &host.address {
        Address::Tcp { ip: Some(ip), .. } => ip.to_string(),
        _ => String::new(),
    }
}

fn read_string(text: &str, given: &mut Given) -> Result<(), ConnectError> {
    let text = text.trim();
    if let Some(rest) = url::strip_scheme(text) {
        return url::parse(rest, given);
    }
    let scheme = text.split_once("://").map(|(scheme, _)| scheme).filter(|scheme| !scheme.contains(['=', ' ', '@']));
    match scheme {
        Some("jdbc:postgresql") => {
            return Err(ConnectError::BadUrl {
                reason: "it is a JDBC URL".to_owned(),
                hint: "write postgresql://USER@HOST:PORT/DATABASE, without `jdbc:` and with the user before the host"
                    .to_owned(),
            });
        }
        Some(_) => {
            return Err(ConnectError::BadUrl {
                reason: "its scheme is not PostgreSQL's".to_owned(),
                hint: "start it with postgresql:// or postgres://".to_owned(),
            });
        }
        None => {}
    }
    if text.contains('=') {
        return keywords::parse(text, given);
    }
    if text.contains(|c: char| c.is_whitespace() || matches!(c, '@' | ':' | '/')) {
        return Err(ConnectError::BadUrl {
            reason: "it is no URL, no keyword string and no database name".to_owned(),
            hint: "write postgresql://USER@HOST:PORT/DATABASE or `host=HOST dbname=DATABASE`".to_owned(),
        });
    }
    if let Some(param) = params::lookup("dbname")
        && !text.is_empty()
    {
        given.set(param, text.to_owned(), Place::ConnectionString);
    }
    Ok(())
}

fn set_from_env(given: &mut Given, env: &dyn Environment, wanted: impl Fn(&str) -> bool) {
    for param in PARAMS.iter().filter(|param| wanted(param.name)) {
        if let Some(variable) = param.env
            && let Some(value) = env.var(variable)
        {
            given.set_default(param, value, Place::Variable(variable));
        }
    }
}

fn passfile_path(given: &Given, env: &dyn Environment) -> Option<PathBuf> {
    given.text("passfile").map(PathBuf::from).or_else(|| {
        if cfg!(windows) {
            env.var("APPDATA").map(|dir| Path::new(&dir).join("postgresql").join("pgpass.conf"))
        } else {
            env.home().map(|home| home.join(".pgpass"))
        }
    })
}

/// Files that were named and are not there, where libpq goes on without them and says nothing.
fn missing_files(tls: &TlsSettings) -> Vec<String> {
    use crate::settings::{Roots, Source};
    let mut warnings = Vec::new();
    if tls.mode == SslMode::Disable {
        return warnings;
    }
    if let Some(Roots::File(Source::Named(path))) = &tls.roots
        && tls.mode < SslMode::VerifyCa
        && !path.exists()
    {
        warnings.push(format!(
            "the root certificate file `{}` does not exist, so the server's certificate is not checked",
            path.display()
        ));
    }
    if let Some(Source::Named(path)) = &tls.cert
        && !path.exists()
    {
        warnings.push(format!(
            "the client certificate file `{}` does not exist, so no certificate is sent",
            path.display()
        ));
    }
    warnings
}
