//! Opens a session: which hosts, addresses and kinds of connection are tried, in which order.

use std::cell::OnceCell;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use postgres::config::{LoadBalanceHosts, SslMode as Wire, SslNegotiation};
use postgres::error::{DbError, SqlState};
use postgres::{CancelToken, Client, Config, SimpleQueryMessage};
use rustls::pki_types::ServerName;

use crate::classify::{self, Failure};
use crate::error::ConnectError;
use crate::hosts::{Address, Host};
use crate::secret::Secret;
use crate::settings::{SessionKind, SslMode};
use crate::target::Target;
use crate::tls::{self, Connector};

/// How an attempt ended without a session.
enum Ended {
    /// The next address or host may do.
    TryNext(ConnectError),
    /// No other will be tried, as in libpq: the server was reached.
    Stop(ConnectError),
}

/// Errors of everything that was tried so far.
#[derive(Default)]
struct Tried {
    last: Option<ConnectError>,
    reasons: Vec<String>,
    hints: Vec<String>,
}

impl Tried {
    fn add(&mut self, error: ConnectError) {
        if let ConnectError::Unreachable { reason, hint, .. } = &error {
            self.reasons.push(reason.clone());
            if !self.hints.contains(hint) {
                self.hints.push(hint.clone());
            }
        } else if let ConnectError::NoSuitableServer { reason, .. } = &error {
            self.reasons.push(reason.clone());
        }
        self.last = Some(error);
    }

    /// One error for all: the last, with the reasons of the others.
    fn into_error(self, target: &Target) -> ConnectError {
        match self.last {
            Some(ConnectError::Unreachable { target, .. }) => {
                ConnectError::Unreachable { target, reason: self.reasons.join("; "), hint: self.hints.join("; ") }
            }
            Some(ConnectError::NoSuitableServer { target, wanted, .. }) => {
                ConnectError::NoSuitableServer { target, wanted, reason: self.reasons.join("; ") }
            }
            Some(other) => other,
            None => ConnectError::Unreachable {
                target: target.redacted(),
                reason: "it names no host".to_owned(),
                hint: "add a host".to_owned(),
            },
        }
    }
}

/// Is called with every notice of a session, on the thread that drives it.
pub type OnNotice = Arc<dyn Fn(&DbError) + Send + Sync>;

impl Target {
    /// Opens a session.
    ///
    /// `application_name` is what `pg_stat_activity` shows unless the user chose another name, as with `psql`. Hosts and
    /// their addresses are tried in order until a server answers; one that refuses the user or the TLS ends the search,
    /// as in libpq, and one that is starting or stopping (SQLSTATE 57P03) does not. Each address may take
    /// `connect_timeout`, including the TLS handshake and authentication. With `sslmode=prefer` and `allow` the other
    /// kind of connection is tried when the first is refused; unlike libpq not after a wrong password, which the other
    /// kind would only send again.
    ///
    /// # Errors
    /// When no session could be opened; the message says what was tried.
    pub fn connect(&self, application_name: &str) -> Result<Client, ConnectError> {
        self.connect_listening(application_name, None)
    }

    /// Opens a session as [`Target::connect`] does, and lets `on_notice` have what the server says beside its answers.
    /// Without it, notices go to the log.
    ///
    /// # Errors
    /// When no session could be opened; the message says what was tried.
    pub fn connect_listening(
        &self,
        application_name: &str,
        on_notice: Option<OnNotice>,
    ) -> Result<Client, ConnectError> {
        let passes: &[SessionKind] = match self.session {
            SessionKind::PreferStandby => &[SessionKind::Standby, SessionKind::Any],
            _ => &[self.session],
        };
        let mut order: Vec<&Host> = self.hosts.iter().collect();
        if self.random_order {
            fastrand::shuffle(&mut order);
        }
        let attempt = Attempt {
            target: self,
            application_name: self
                .application_name
                .as_deref()
                .or(self.fallback_application_name.as_deref())
                .unwrap_or(application_name),
            connector: OnceCell::new(),
            on_notice,
        };
        let mut tried = Tried::default();
        for kind in passes {
            // A second pass repeats what the first said.
            tried = Tried::default();
            for host in &order {
                match attempt.host(host, *kind) {
                    Ok(client) => return Ok(client),
                    Err(Ended::Stop(error)) => return Err(error),
                    Err(Ended::TryNext(error)) => tried.add(error),
                }
            }
        }
        Err(tried.into_error(self))
    }

    /// Asks the server to cancel what a session opened by [`Target::connect`] is running. The request goes over a
    /// connection of its own, with TLS if the session has it. Success says only that the request was sent.
    ///
    /// # Errors
    /// When the request could not be sent.
    pub fn cancel(&self, token: &CancelToken) -> Result<(), ConnectError> {
        let socket_only = self.hosts.iter().all(|host| host.socket_dir().is_some());
        let connector = if socket_only || self.tls.mode == SslMode::Disable {
            Connector::off()
        } else {
            tls::connector(&self.tls)?
        };
        token.cancel_query(connector).map_err(|error| match self.hosts.first() {
            Some(host) => classify::explain(classify::sort(error), self, host),
            None => Tried::default().into_error(self),
        })
    }

    /// The password for one server.
    fn password_for(&self, host: &Host) -> Option<&Secret> {
        if let Some((password, _)) = &self.password {
            return Some(password);
        }
        self.passfile
            .as_ref()?
            .find(&host.passfile_name(), host.port, &self.dbname, &self.user)
            .map(|(password, _)| password)
    }

    /// Says where a password was looked for and found.
    pub(crate) fn password_search(&self, host: &Host) -> String {
        match (&self.password, &self.passfile) {
            (Some((_, place)), _) => format!("password from {place}"),
            (None, Some(file)) => format!(
                "no password in the connection string, a service or PGPASSWORD; {}",
                file.describe(&host.passfile_name(), host.port, &self.dbname, &self.user)
            ),
            (None, None) => "no password was given".to_owned(),
        }
    }
}

struct Attempt<'a> {
    target: &'a Target,
    application_name: &'a str,
    /// Made when the first TLS connection is, so that unusable certificates do not hinder plain ones.
    connector: OnceCell<Connector>,
    on_notice: Option<OnNotice>,
}

impl Attempt<'_> {
    fn host(&self, host: &Host, kind: SessionKind) -> Result<Client, Ended> {
        match &host.address {
            Address::Socket(_) => self.address(host, None, kind),
            Address::Tcp { ip: Some(ip), .. } => self.address(host, Some(*ip), kind),
            Address::Tcp { .. } => {
                let mut tried = Tried::default();
                for ip in self.resolve(host)? {
                    match self.address(host, Some(ip), kind) {
                        Err(Ended::TryNext(error)) => tried.add(error),
                        ended => return ended,
                    }
                }
                Err(Ended::TryNext(tried.into_error(self.target)))
            }
        }
    }

    fn resolve(&self, host: &Host) -> Result<Vec<IpAddr>, Ended> {
        let failed = |reason: String| {
            Ended::TryNext(ConnectError::Unreachable {
                target: self.target.redacted(),
                reason: format!("{host}: {reason}"),
                hint: "check the spelling of the host name, and the name server".to_owned(),
            })
        };
        let mut addresses: Vec<IpAddr> = (host.name(), host.port)
            .to_socket_addrs()
            .map_err(|error| failed(format!("the host name cannot be resolved: {error}")))?
            .map(|address| address.ip())
            .collect();
        if addresses.is_empty() {
            return Err(failed("the host name has no address".to_owned()));
        }
        if self.target.random_order {
            fastrand::shuffle(&mut addresses);
        }
        Ok(addresses)
    }

    /// Tries one address with the kinds of connection that `sslmode` allows.
    fn address(&self, host: &Host, ip: Option<IpAddr>, kind: SessionKind) -> Result<Client, Ended> {
        let mode = self.target.tls.mode;
        let client = match mode {
            // libpq: sslmode is ignored for Unix-domain sockets.
            _ if ip.is_none() => self.open(host, ip, Wire::Disable),
            SslMode::Disable => self.open(host, ip, Wire::Disable),
            SslMode::Allow => self
                .open(host, ip, Wire::Disable)
                .or_else(|ended| self.otherwise(ended, || self.open(host, ip, Wire::Require))),
            SslMode::Prefer => self
                .open(host, ip, Wire::Prefer)
                .or_else(|ended| self.otherwise(ended, || self.open(host, ip, Wire::Disable))),
            SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull => self.open(host, ip, Wire::Require),
        };
        let mut client = client.map_err(|refusal| refusal.end(self.target, host))?;
        self.check_kind(&mut client, host, kind)?;
        Ok(client)
    }

    /// Tries the other kind of connection when the first was not to be had. If both fail the first refusal is told, but
    /// after a failed TLS handshake the answer to the plain connection.
    fn otherwise(&self, first: Refusal, second: impl FnOnce() -> Result<Client, Refusal>) -> Result<Client, Refusal> {
        let Refusal::Failed(failure) = &first else {
            return Err(first);
        };
        let tls_failed = matches!(failure, Failure::Tls { .. });
        if !tls_failed && !failure.is_refused_kind() {
            return Err(first);
        }
        second().map_err(|other| match other {
            Refusal::Failed(Failure::Tls { .. }) => first,
            _ if !tls_failed => first,
            other => other,
        })
    }

    /// Opens one connection, of one kind, to one address.
    fn open(&self, host: &Host, ip: Option<IpAddr>, wire: Wire) -> Result<Client, Refusal> {
        let connector = match wire {
            Wire::Disable => Connector::off(),
            _ => self.connector(host)?,
        };
        let config = self.config(host, ip, wire);
        let result = match self.target.connect_timeout {
            None => config.connect(connector).map_err(classify::sort),
            Some(limit) => within(limit, config, connector),
        };
        result.map_err(Refusal::Failed)
    }

    fn connector(&self, host: &Host) -> Result<Connector, Refusal> {
        let tls = &self.target.tls;
        // libpq: "host name must be specified for a verified SSL connection".
        if tls.mode == SslMode::VerifyFull && matches!(host.address, Address::Tcp { name: None, .. }) {
            return Err(Refusal::Failed(Failure::Tls {
                reason: "there is no host name to check the certificate against".to_owned(),
                hint: "give `host` as well as `hostaddr`",
            }));
        }
        if tls.mode == SslMode::VerifyFull && ServerName::try_from(host.name()).is_err() {
            return Err(Refusal::Failed(Failure::Tls {
                reason: format!("`{}` cannot be the name in a certificate", host.name()),
                hint: "connect by the name or address that the server's certificate is for",
            }));
        }
        if let Some(connector) = self.connector.get() {
            return Ok(connector.clone());
        }
        let made = tls::connector(tls).map_err(Refusal::Unprepared)?;
        Ok(self.connector.get_or_init(|| made).clone())
    }

    fn config(&self, host: &Host, ip: Option<IpAddr>, wire: Wire) -> Config {
        let target = self.target;
        let mut config = Config::new();
        config
            .user(&target.user)
            .dbname(&target.dbname)
            .application_name(self.application_name)
            .port(host.port)
            .ssl_mode(wire)
            .channel_binding(target.channel_binding)
            .load_balance_hosts(LoadBalanceHosts::Disable)
            .keepalives(target.keepalive.on);
        if let Some(listener) = &self.on_notice {
            let listener = Arc::clone(listener);
            config.notice_callback(move |notice| listener(&notice));
        }
        match (&host.address, ip) {
            (Address::Socket(dir), _) => {
                config.host_path(dir);
            }
            (Address::Tcp { .. }, ip) => {
                // The host is the name for TLS; the address is the one that was resolved.
                config.host(&host.name());
                if let Some(ip) = ip {
                    config.hostaddr(ip);
                }
            }
        }
        if target.tls.direct && wire == Wire::Require {
            config.ssl_negotiation(SslNegotiation::Direct);
        }
        if let Some(options) = &target.options {
            config.options(options);
        }
        if let Some(password) = target.password_for(host) {
            config.password(password.reveal());
        }
        if let Some(idle) = target.keepalive.idle {
            config.keepalives_idle(idle);
        }
        if let Some(interval) = target.keepalive.interval {
            config.keepalives_interval(interval);
        }
        if let Some(count) = target.keepalive.count {
            config.keepalives_retries(count);
        }
        if let Some(limit) = target.tcp_user_timeout {
            config.tcp_user_timeout(limit);
        }
        config
    }

    /// Checks `target_session_attrs`, by the settings that libpq looks at.
    fn check_kind(&self, client: &mut Client, host: &Host, kind: SessionKind) -> Result<(), Ended> {
        if kind == SessionKind::Any {
            return Ok(());
        }
        let answer = client
            .simple_query(
                "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('default_transaction_read_only')",
            )
            .map_err(|error| Ended::Stop(classify::explain(classify::sort(error), self.target, host)))?;
        let (standby, read_only) = answer
            .iter()
            .find_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some((row.get(0) == Some("t"), row.get(1) == Some("on"))),
                _ => None,
            })
            .unwrap_or_default();
        let fits = match kind {
            SessionKind::Any | SessionKind::PreferStandby => true,
            SessionKind::ReadWrite => !standby && !read_only,
            SessionKind::ReadOnly => standby || read_only,
            SessionKind::Primary => !standby,
            SessionKind::Standby => standby,
        };
        if fits {
            return Ok(());
        }
        let what = match (standby, read_only) {
            (true, _) => "is a hot standby",
            (false, true) => "is a primary whose sessions are read-only by default",
            (false, false) => "is a primary",
        };
        Err(Ended::TryNext(ConnectError::NoSuitableServer {
            target: self.target.redacted(),
            wanted: self.target.session.as_str(),
            reason: format!("{host} {what}"),
        }))
    }
}

/// Why one connection was not opened.
enum Refusal {
    Failed(Failure),
    /// Certificates or keys could not be read, so none was tried.
    Unprepared(ConnectError),
}

impl Refusal {
    fn end(self, target: &Target, host: &Host) -> Ended {
        let failure = match self {
            Self::Unprepared(error) => return Ended::Stop(error),
            Self::Failed(failure) => failure,
        };
        let next = match &failure {
            Failure::Unreachable { .. } => true,
            Failure::Server(error) => *error.code() == SqlState::CANNOT_CONNECT_NOW,
            _ => false,
        };
        let error = classify::explain(failure, target, host);
        if next { Ended::TryNext(error) } else { Ended::Stop(error) }
    }
}

/// Connects, but gives up after `limit`. The `postgres` crate limits only the TCP connection, so a server that accepts
/// and then says nothing needs this; the attempt given up is left to a thread that ends when the attempt does.
fn within(limit: Duration, mut config: Config, connector: Connector) -> Result<Client, Failure> {
    config.connect_timeout(limit);
    let (sender, receiver) = mpsc::channel();
    let late = || Failure::Unreachable {
        reason: format!("no answer within {} s", limit.as_secs_f64()),
        hint: "check the host, the port and any firewall between; `connect_timeout` sets the limit",
    };
    thread::Builder::new()
        .name("connect".to_owned())
        .spawn(move || {
            // Nobody listens any more when the limit has passed; the session is closed by being dropped.
            let _ = sender.send(config.connect(connector));
        })
        .map_err(|error| Failure::Unreachable {
            reason: format!("no thread could be started: {error}"),
            hint: "free some memory, or raise the limit on threads",
        })?;
    match receiver.recv_timeout(limit) {
        Ok(result) => result.map_err(classify::sort),
        Err(_) => Err(late()),
    }
}
