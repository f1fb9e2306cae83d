//! From what the `postgres` crate reports to what a user can act on.

use std::error::Error as _;
use std::io;

use postgres::error::{DbError, SqlState};

use crate::error::ConnectError;
use crate::hosts::Host;
use crate::target::Target;

/// Why one attempt failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No server answered; another address may.
    Unreachable { reason: String, hint: &'static str },
    /// TLS could not be had.
    Tls { reason: String, hint: &'static str },
    /// The server sent an error.
    Server(Box<DbError>),
    /// The server asked for a password and there was none.
    NoPassword,
    /// The server asked for an authentication that cannot be done, or failed to prove that it knows the password.
    Authentication(String),
    /// What answered does not talk like a PostgreSQL server.
    Protocol(String),
}

impl Failure {
    /// Whether the server refuses this kind of session (SQLSTATE 28000), so that one with or without TLS may be let in.
    pub(crate) fn is_refused_kind(&self) -> bool {
        matches!(self, Self::Server(error)
            if *error.code() == SqlState::INVALID_AUTHORIZATION_SPECIFICATION)
    }
}

// The `postgres` crate keeps the kind of an error private; its `Display` is a fixed text for each kind. Should a text
// change, the failure is reported as `Protocol` with that text, and the tests of this crate fail.
const CONNECT: &str = "error connecting to server";
const TLS: &str = "error performing TLS handshake";
const IO: &str = "error communicating with the server";
const AUTHENTICATION: &str = "authentication error";
const CONFIG: &str = "invalid configuration";
const CLOSED: &str = "connection closed";

/// Sorts an error of the `postgres` crate.
pub(crate) fn sort(error: postgres::Error) -> Failure {
    if let Some(db) = error.as_db_error() {
        return Failure::Server(Box::new(db.clone()));
    }
    let cause = error.source();
    let text = cause.map_or_else(String::new, ToString::to_string);
    let io = cause.and_then(|cause| cause.downcast_ref::<io::Error>());
    if let Some(tls) = io.and_then(io::Error::get_ref).and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        return tls_failure(tls);
    }
    match error.to_string().as_str() {
        CONNECT => unreachable_because(io, text),
        TLS if text == "server does not support TLS" => Failure::Tls {
            reason: "the server does not offer TLS".to_owned(),
            hint: "turn on `ssl` at the server, or use sslmode=disable or prefer if the network is trusted",
        },
        TLS => Failure::Tls { reason: text, hint: "check that a PostgreSQL server with TLS listens there" },
        CLOSED | IO => Failure::Unreachable {
            reason: if text.is_empty() {
                "the server closed the connection".to_owned()
            } else {
                format!("the connection broke: {text}")
            },
            hint: "look into the server's log; check that it is a PostgreSQL server and not another service",
        },
        CONFIG if text == "password missing" => Failure::NoPassword,
        AUTHENTICATION => Failure::Authentication(text),
        other if text.is_empty() => Failure::Protocol(other.to_owned()),
        other => Failure::Protocol(format!("{other}: {text}")),
    }
}

fn tls_failure(error: &rustls::Error) -> Failure {
    use rustls::{AlertDescription as Alert, CertificateError as Bad, Error};
    let (reason, hint) = match error {
        Error::InvalidCertificate(Bad::UnknownIssuer) => (
            "the server's certificate is not signed by a trusted root".to_owned(),
            "name the file of the authority that signed it with `sslrootcert`",
        ),
        Error::InvalidCertificate(Bad::NotValidForNameContext { expected, presented }) => (
            format!(
                "the server's certificate is not for `{}` but for {}",
                expected.to_str(),
                if presented.is_empty() {
                    "no host at all".to_owned()
                } else {
                    format!("`{}`", presented.join("`, `"))
                }
            ),
            "connect by a name that is in the certificate (`hostaddr` can give the address), or use \
             sslmode=verify-ca if the host name need not be checked",
        ),
        Error::InvalidCertificate(Bad::Revoked) => {
            ("the server's certificate has been revoked".to_owned(), "do not trust this server; ask who runs it")
        }
        Error::InvalidCertificate(_) => (
            error.to_string().replace("invalid peer certificate", "the server's certificate is not valid"),
            "have the server's certificate renewed",
        ),
        Error::AlertReceived(Alert::CertificateRequired) => {
            ("the server asks for a client certificate".to_owned(), "name one with `sslcert` and `sslkey`")
        }
        Error::AlertReceived(
            Alert::UnknownCA
            | Alert::BadCertificate
            | Alert::CertificateUnknown
            | Alert::CertificateExpired
            | Alert::CertificateRevoked
            | Alert::DecryptError,
        ) => (
            format!("the server refused the client certificate: {error}"),
            "use a certificate that is valid and signed by the authority in the server's `ssl_ca_file`",
        ),
        other => (other.to_string(), "check that both sides speak TLS 1.2 or 1.3, and look into the server's log"),
    };
    Failure::Tls { reason, hint }
}

fn unreachable_because(error: Option<&io::Error>, text: String) -> Failure {
    let hint = match error.map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => {
            "check that the server runs, listens on this port and address (`listen_addresses`)"
        }
        Some(io::ErrorKind::NotFound) => {
            "check that the server runs, and that its `unix_socket_directories` holds this directory"
        }
        Some(io::ErrorKind::PermissionDenied) => "check that this user may access the socket's directory",
        Some(io::ErrorKind::TimedOut) => {
            "check the host, the port and any firewall between; `connect_timeout` sets the limit"
        }
        _ => "check the host, the port and the network",
    };
    Failure::Unreachable { reason: text, hint }
}

/// Makes the error for the user.
pub(crate) fn explain(failure: Failure, target: &Target, host: &Host) -> ConnectError {
    let shown = target.redacted();
    match failure {
        Failure::Unreachable { reason, hint } => {
            ConnectError::Unreachable { target: shown, reason: format!("{host}: {reason}"), hint: hint.to_owned() }
        }
        Failure::Tls { reason, hint } => {
            ConnectError::Tls { target: shown, reason: format!("{host}: {reason}"), hint: hint.to_owned() }
        }
        Failure::NoPassword => refused(
            target,
            host,
            "the server asks for a password, and none was found".to_owned(),
            "set PGPASSWORD, or put a line `host:port:database:user:password` into the password file",
        ),
        Failure::Authentication(reason) => {
            let hint = if reason.contains("channel binding") {
                "use TLS and a SCRAM password at the server, or leave `channel_binding` out"
            } else if reason.contains("unsupported") {
                "let the server ask for scram-sha-256, md5, password, cert, peer or trust in `pg_hba.conf`"
            } else {
                "the server did not prove that it knows the password; check that it is the right server"
            };
            refused(target, host, reason, hint)
        }
        Failure::Protocol(reason) => ConnectError::Protocol {
            target: shown,
            reason: format!("{host}: {reason}"),
            hint: "check that a PostgreSQL server listens there".to_owned(),
        },
        Failure::Server(error) => from_server(&error, target, host),
    }
}

fn from_server(error: &DbError, target: &Target, host: &Host) -> ConnectError {
    let shown = target.redacted();
    let mut reason = error.message().to_owned();
    if let Some(detail) = error.detail() {
        reason = format!("{reason} ({detail})");
    }
    let code = error.code();
    if *code == SqlState::INVALID_PASSWORD {
        refused(target, host, reason, "check the user and the password, and that it is the right server")
    } else if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
        let hint = authorization_hint(&reason, host);
        refused(target, host, reason, hint)
    } else if *code == SqlState::INVALID_CATALOG_NAME {
        ConnectError::NoSuchDatabase { target: shown, dbname: target.dbname.clone(), reason }
    } else if *code == SqlState::TOO_MANY_CONNECTIONS {
        ConnectError::TooManyConnections { target: shown, reason }
    } else if *code == SqlState::CANNOT_CONNECT_NOW {
        ConnectError::NotReady { target: shown, reason }
    } else {
        ConnectError::Refused {
            target: shown,
            code: code.code().to_owned(),
            reason,
            hint: match error.hint() {
                Some(hint) => hint.to_owned(),
                None if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
                    "ask for the CONNECT privilege on the database".to_owned()
                }
                None => "look into the server's log".to_owned(),
            },
        }
    }
}

/// Server messages may be translated, but file names, method names and quoted words stay.
fn authorization_hint(reason: &str, host: &Host) -> &'static str {
    if reason.contains("pg_hba.conf") {
        "ask for an entry in the server's `pg_hba.conf`, or change `sslmode` if the existing entry is for the other \
         kind of connection (`hostssl`, `hostnossl`)"
    } else if host.socket_dir().is_some() && (reason.contains("Peer") || reason.contains("peer")) {
        "peer authentication admits a database user only to the operating system user of that name (or as \
         `pg_ident.conf` maps them): run as that user, or connect by TCP with `host=localhost`"
    } else if reason.contains("certificate") {
        "name a client certificate with `sslcert` and `sslkey` whose common name is the database user"
    } else {
        "check that the role exists and has LOGIN"
    }
}

fn refused(target: &Target, host: &Host, reason: String, hint: &str) -> ConnectError {
    ConnectError::AuthFailed {
        target: target.redacted(),
        user: target.user.clone(),
        reason,
        looked: target.password_search(host),
        hint: hint.to_owned(),
    }
}
