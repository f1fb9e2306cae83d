//! Connecting to a real server: kinds of authentication, every `sslmode`, client certificates, and each failure.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use support::proxy;
use support::server::{PASSWORD, free_port, server};
use underpin_connect::{ConnectError, Environment, Target};

/// No variables; a home directory that may be set.
#[derive(Default)]
struct Env {
    home: Option<PathBuf>,
    password: Option<String>,
}

impl Environment for Env {
    fn var(&self, name: &str) -> Option<String> {
        self.password.clone().filter(|_| name == "PGPASSWORD")
    }
    fn home(&self) -> Option<PathBuf> {
        self.home.clone()
    }
    fn os_user(&self) -> Option<String> {
        Some("nobody".to_owned())
    }
    fn socket_dirs(&self) -> Vec<PathBuf> {
        vec![PathBuf::from("/nowhere"), server().socket_dir.clone()]
    }
}

fn target(text: &str) -> Target {
    Target::parse_with(text, &Env::default()).unwrap()
}

/// A target by TCP as `localhost`, on the server's port or that of a stand-in.
fn tcp_on(port: u16, user: &str, more: &str) -> Target {
    target(&format!("host=localhost hostaddr=127.0.0.1 port={port} dbname=postgres user={user} {more}"))
}

fn tcp(user: &str, more: &str) -> Target {
    tcp_on(server().port, user, more)
}

fn secret() -> String {
    format!("password='{}'", PASSWORD.replace('\'', "\\'"))
}

/// Connects; says whether the session has TLS.
fn has_tls(target: &Target) -> Result<bool, ConnectError> {
    let mut client = target.connect("underpin")?;
    let row = client.query_one("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()", &[]).unwrap();
    Ok(row.get(0))
}

#[track_caller]
fn refused(target: &Target) -> ConnectError {
    let error = match target.connect("underpin") {
        Ok(_) => panic!("connected to {target}"),
        Err(error) => error,
    };
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(PASSWORD), "{shown}");
    assert!(error.to_string().contains("\nhint: "), "{error}");
    error
}

#[track_caller]
fn tls_refused(target: &Target, said: &str) {
    match refused(target) {
        ConnectError::Tls { reason, .. } => assert!(reason.contains(said), "{reason}"),
        other => panic!("{other}"),
    }
}

#[test]
fn sockets_and_defaults() {
    let server = server();
    let mut client =
        Target::socket(&server.socket_dir, server.port, "trusted", "postgres").connect("underpin").unwrap();
    let name: String = client.query_one("SELECT current_setting('application_name')", &[]).unwrap().get(0);
    assert_eq!(name, "underpin");

    // sslmode is ignored on a socket, and the default directories are tried in turn.
    let demanding = format!("port={} user=trusted dbname=postgres sslmode=verify-full", server.port);
    assert!(!has_tls(&target(&demanding)).unwrap());

    let named = target(&format!(
        "host={} port={} user=trusted dbname=postgres application_name=mine options='-c work_mem=77kB'",
        server.socket_dir.display(),
        server.port
    ));
    let row = named
        .connect("underpin")
        .unwrap()
        .query_one("SELECT current_setting('application_name'), current_setting('work_mem')", &[])
        .unwrap();
    assert_eq!((row.get(0), row.get(1)), ("mine", "77kB"));

    let gone = refused(&target("host=/nowhere port=1 dbname=d"));
    assert!(matches!(gone, ConnectError::Unreachable { .. }) && gone.is_transient(), "{gone}");
}

#[test]
fn passwords_of_every_kind() {
    for user in ["md5_user", "clear_user", "scram_user"] {
        for mode in ["disable", "require"] {
            let more = format!("{} sslmode={mode}", secret());
            assert_eq!(has_tls(&tcp(user, &more)).unwrap(), mode == "require", "{user}");
            assert!(matches!(
                refused(&tcp(user, &format!("password=wrong sslmode={mode}"))),
                ConnectError::AuthFailed { .. }
            ));
        }
    }
    // From a URL, with everything escaped.
    let url = format!("postgresql://scram_user:it%27s%20p%40ss%3Aw%2Frd@127.0.0.1:{}/postgres", server().port);
    assert!(has_tls(&target(&url)).unwrap());
}

#[test]
fn a_refused_password_says_where_it_came_from() {
    let looked = |target: &Target| match refused(target) {
        ConnectError::AuthFailed { looked, .. } => looked,
        other => panic!("{other}"),
    };
    assert!(looked(&tcp("scram_user", "password=wrong")).contains("connection string"));

    let server = server();
    let text = format!("host=127.0.0.1 port={} user=scram_user dbname=postgres", server.port);
    let env = Env { password: Some("wrong".to_owned()), ..Env::default() };
    assert!(looked(&Target::parse_with(&text, &env).unwrap()).contains("PGPASSWORD"));

    // In the file `:` and `\` are escaped.
    let line = PASSWORD.replace(':', "\\:");
    let file = server.file("pgpass", &format!("x:*:*:*:y\n127.0.0.1:*:*:scram_user:{line}\n"));
    assert!(has_tls(&target(&format!("{text} passfile={file}"))).unwrap());
    let file = server.file("pgpass-wrong", "x:*:*:*:y\n127.0.0.1:*:*:scram_user:wrong\n");
    let said = looked(&target(&format!("{text} passfile={file}")));
    assert!(said.contains("line 2 of") && said.contains("pgpass-wrong"), "{said}");
    let file = server.file("pgpass-other", "x:*:*:*:y\n");
    let said = looked(&target(&format!("{text} passfile={file}")));
    assert!(said.contains("no line for 127.0.0.1:"), "{said}");
    let said = looked(&target(&format!("{text} passfile=/nowhere/pgpass")));
    assert!(said.contains("no password file /nowhere/pgpass"), "{said}");
}

#[test]
fn every_sslmode_against_a_server_with_tls() {
    let server = server();
    let root = server.file("modes-root.crt", &server.authority.pem);
    let other = server.file("modes-other.crt", &server.stranger.pem);
    let mode = |mode: &str, more: &str| tcp("trusted", &format!("sslmode={mode} {more}"));
    let with = |file: &str| format!("sslrootcert={file}");

    for (name, tls) in [("disable", false), ("allow", false), ("prefer", true), ("require", true)] {
        assert_eq!(has_tls(&mode(name, "")).unwrap(), tls, "{name}");
    }
    for name in ["prefer", "require", "verify-ca", "verify-full"] {
        assert!(has_tls(&mode(name, &with(&root))).unwrap(), "{name}");
    }
    // A root that did not sign: prefer falls back to plain, the stronger ones fail.
    assert!(!has_tls(&mode("prefer", &with(&other))).unwrap());
    for name in ["require", "verify-ca", "verify-full"] {
        tls_refused(&mode(name, &with(&other)), "not signed by a trusted root");
    }
    // No root file: require does not check, verify-ca and verify-full need it.
    let missing = mode("require", "sslrootcert=/nowhere/root.crt");
    assert_eq!(missing.warnings().len(), 1);
    assert!(has_tls(&missing).unwrap());
    for name in ["verify-ca", "verify-full"] {
        assert!(matches!(refused(&mode(name, "sslrootcert=/nowhere/root.crt")), ConnectError::File { .. }));
    }
    // A root file in the home directory is found.
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().to_owned();
    std::fs::create_dir(home.join(".postgresql")).unwrap();
    std::fs::write(home.join(".postgresql/root.crt"), &server.stranger.pem).unwrap();
    let env = Env { home: Some(home), ..Env::default() };
    let text = format!("host=localhost port={} user=trusted dbname=postgres sslmode=require", server.port);
    tls_refused(&Target::parse_with(&text, &env).unwrap(), "not signed by a trusted root");
}

#[test]
fn the_host_name_counts_for_verify_full_alone() {
    let server = server();
    let root = server.file("names-root.crt", &server.authority.pem);
    let by = |host: &str, mode: &str| {
        target(&format!("{host} port={} user=trusted dbname=postgres sslmode={mode} sslrootcert={root}", server.port))
    };
    for host in ["host=127.0.0.1", "host=db.example hostaddr=127.0.0.1"] {
        assert!(has_tls(&by(host, "verify-ca")).unwrap(), "{host}");
        tls_refused(&by(host, "verify-full"), "is not for `");
    }
    let odd = "host=in_valid-.x hostaddr=127.0.0.1";
    assert!(has_tls(&by(odd, "verify-ca")).unwrap());
    tls_refused(&by(odd, "verify-full"), "cannot be the name in a certificate");
    assert!(has_tls(&by("hostaddr=127.0.0.1", "verify-ca")).unwrap());
    tls_refused(&by("hostaddr=127.0.0.1", "verify-full"), "no host name");
}

#[test]
fn certificates_that_openssl_takes_and_webpki_does_not() {
    let server = server();
    let root = server.file("odd-root.crt", &server.authority.pem);
    let via = |leaf: &support::certs::Leaf, mode: &str, root: &str| {
        let port = proxy::with_certificate(leaf, server.port);
        let target = tcp_on(port, "trusted", &format!("sslmode={mode} sslrootcert={root}"));
        // The server behind the stand-in sees a plain session.
        has_tls(&target).map(|tls| assert!(!tls))
    };
    let fails = |result: Result<(), ConnectError>, said: &str| match result {
        Err(ConnectError::Tls { reason, .. }) => assert!(reason.contains(said), "{reason}"),
        other => panic!("{other:?}"),
    };

    let common_name = server.authority.issue("LocalHost", &[]);
    via(&common_name, "verify-full", &root).unwrap();
    // A name in the extension makes the common name void.
    let both = server.authority.issue("localhost", &["db.example"]);
    via(&both, "verify-ca", &root).unwrap();
    fails(via(&both, "verify-full", &root), "is not for `");

    let version1 = server.authority.issue_version1("localhost");
    via(&version1, "require", "/nowhere").unwrap();
    via(&version1, "verify-full", &root).unwrap();
    let elsewhere = server.authority.issue_version1("db.example");
    via(&elsewhere, "verify-ca", &root).unwrap();
    fails(via(&elsewhere, "verify-full", &root), "but for `db.example`");
    let forged = server.stranger.issue_version1("localhost");
    assert!(via(&forged, "verify-ca", &root).is_err());

    let own = support::certs::self_signed("localhost");
    let own_root = server.file("own-root.crt", &own.pem);
    via(&own, "verify-full", &own_root).unwrap();
    assert!(via(&own, "verify-ca", &root).is_err());
    let other = support::certs::self_signed("db.example");
    let other_root = server.file("other-own-root.crt", &other.pem);
    via(&other, "verify-ca", &other_root).unwrap();
    assert!(via(&other, "verify-full", &other_root).is_err());

    fails(via(&server.authority.issue_expired("localhost"), "verify-ca", &root), "expired");
}

#[test]
fn revocation_lists() {
    let server = server();
    let root = server.file("crl-root.crt", &server.authority.pem);
    let with = |list: &str| tcp("trusted", &format!("sslmode=verify-ca sslrootcert={root} sslcrl={list}"));
    let none = server.file("none.crl", &server.authority.revocation_list(false));
    assert!(has_tls(&with(&none)).unwrap());
    let all = server.file("all.crl", &server.authority.revocation_list(true));
    tls_refused(&with(&all), "revoked");
    assert!(matches!(refused(&with("/nowhere.crl")), ConnectError::File { .. }));
}

#[test]
fn a_server_without_tls() {
    let port = proxy::without_tls(server().port);
    assert!(!has_tls(&tcp_on(port, "trusted", "sslmode=prefer")).unwrap());
    for mode in ["require", "verify-ca", "verify-full"] {
        let root = server().file("no-tls-root.crt", &server().authority.pem);
        let target = tcp_on(port, "trusted", &format!("sslmode={mode} sslrootcert={root}"));
        tls_refused(&target, "does not offer TLS");
    }
}

#[test]
fn allow_and_prefer_try_the_other_kind() {
    let secret = secret();
    assert!(has_tls(&tcp("ssl_only", &format!("{secret} sslmode=allow"))).unwrap());
    assert!(!has_tls(&tcp("plain_only", &format!("{secret} sslmode=prefer"))).unwrap());
    for (user, mode) in [("ssl_only", "disable"), ("plain_only", "require")] {
        match refused(&tcp(user, &format!("{secret} sslmode={mode}"))) {
            ConnectError::AuthFailed { hint, .. } => {
                assert!(hint.contains("pg_hba.conf"), "{hint}")
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn channel_binding() {
    let secret = secret();
    let with = |user: &str, more: &str| tcp(user, &format!("{secret} channel_binding=require {more}"));
    assert!(has_tls(&with("scram_user", "sslmode=require")).unwrap());
    for target in [with("scram_user", "sslmode=disable"), with("md5_user", "sslmode=require")] {
        match refused(&target) {
            ConnectError::AuthFailed { reason, .. } => {
                assert!(reason.contains("channel binding"), "{reason}")
            }
            other => panic!("{other}"),
        }
    }
    // Through a stand-in with another certificate the binding does not hold.
    let port = proxy::with_certificate(&server().authority.issue("localhost", &[]), server().port);
    let target = tcp_on(port, "scram_user", &format!("{secret} channel_binding=require sslmode=require"));
    assert!(matches!(refused(&target), ConnectError::AuthFailed { .. }));
}

#[test]
fn client_certificates() {
    let server = server();
    let good = server.authority.issue("cert_user", &[]);
    let cert = server.file("client.crt", &good.pem);
    let key = server.file("client.key", &good.key.serialize_pem());
    let with = |cert: &str, key: &str| tcp("cert_user", &format!("sslmode=require sslcert={cert} sslkey={key}"));
    assert!(has_tls(&with(&cert, &key)).unwrap());
    assert!(
        has_tls(&tcp(
            "cert_user",
            &format!("sslmode=require sslcert={cert} sslkey={key} ssl_max_protocol_version=TLSv1.2")
        ))
        .unwrap()
    );

    // None, one for somebody else, and one that the server does not trust.
    assert!(matches!(refused(&tcp("cert_user", "sslmode=require")), ConnectError::AuthFailed { .. }));
    let other = server.authority.issue("somebody", &[]);
    let (other_cert, other_key) =
        (server.file("other.crt", &other.pem), server.file("other.key", &other.key.serialize_pem()));
    assert!(matches!(refused(&with(&other_cert, &other_key)), ConnectError::AuthFailed { .. }));
    let strange = server.stranger.issue("cert_user", &[]);
    let strange_cert = server.file("strange.crt", &strange.pem);
    let strange_key = server.file("strange.key", &strange.key.serialize_pem());
    tls_refused(&with(&strange_cert, &strange_key), "refused the client certificate");

    // Files that cannot be used: each says why.
    let said = |target: &Target| match refused(target) {
        ConnectError::File { reason, .. } => reason,
        other => panic!("{other}"),
    };
    assert!(said(&with(&cert, "/nowhere.key")).contains("does not exist"));
    let _ = said(&with(&cert, &other_key));
    let sealed = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n";
    assert!(said(&with(&cert, &server.file("sealed.key", sealed))).contains("encrypted"));
    assert!(said(&with(&server.file("empty.crt", "nothing"), &key)).contains("no certificate"));
    let open = server.file("open.key", &good.key.serialize_pem());
    std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    assert!(said(&with(&cert, &open)).contains("access"));
    // Without TLS they are not looked at.
    let plain = tcp("trusted", "sslmode=disable sslcert=/nowhere.crt");
    assert!(!has_tls(&plain).unwrap());
}

#[test]
fn refusals_have_their_own_errors() {
    let on_socket = |user: &str, dbname: &str| Target::socket(&server().socket_dir, server().port, user, dbname);
    assert!(
        matches!(refused(&on_socket("trusted", "gone")), ConnectError::NoSuchDatabase { dbname, .. } if dbname == "gone")
    );
    assert!(matches!(refused(&on_socket("full", "postgres")), ConnectError::TooManyConnections { .. }));
    assert!(
        matches!(refused(&on_socket("nobody", "postgres")), ConnectError::AuthFailed { hint, .. } if hint.contains("role exists"))
    );
    assert!(
        matches!(refused(&on_socket("peer_user", "postgres")), ConnectError::AuthFailed { hint, .. } if hint.contains("peer"))
    );
    assert!(
        matches!(refused(&tcp("stranger", "")), ConnectError::AuthFailed { hint, .. } if hint.contains("pg_hba.conf"))
    );
    assert!(
        matches!(refused(&tcp("scram_user", "")), ConnectError::AuthFailed { reason, .. } if reason.contains("none was found"))
    );
}

#[test]
fn unreachable_servers() {
    let unreachable = |target: &Target| match refused(target) {
        ConnectError::Unreachable { reason, .. } => reason,
        other => panic!("{other}"),
    };
    let closed = free_port();
    let reason = unreachable(&target(&format!("host=127.0.0.1,/nowhere port={closed} dbname=d")));
    assert!(reason.contains(&format!("127.0.0.1:{closed}: ")) && reason.contains("/nowhere/"), "{reason}");
    unreachable(&target("host=no-such-host.invalid dbname=d"));
    // A server that accepts and says nothing, and one that hangs up.
    let silent = proxy::listen(|stream| {
        std::thread::sleep(Duration::from_secs(5));
        drop(stream);
    });
    let began = Instant::now();
    let reason = unreachable(&tcp_on(silent, "trusted", "connect_timeout=1"));
    assert!(reason.contains("no answer within 1 s"), "{reason}");
    assert!(began.elapsed() < Duration::from_secs(3));
    let rude = proxy::listen(drop);
    unreachable(&tcp_on(rude, "trusted", "sslmode=disable"));
    unreachable(&tcp_on(rude, "trusted", "sslmode=prefer"));
}

#[test]
fn the_next_host_is_tried() {
    let server = server();
    let text = |kind: &str| {
        format!(
            "host=127.0.0.1,{} port={},{} user=trusted dbname=postgres target_session_attrs={kind}",
            server.socket_dir.display(),
            free_port(),
            server.port
        )
    };
    for kind in ["any", "read-write", "primary", "prefer-standby"] {
        assert!(!has_tls(&target(&text(kind))).unwrap(), "{kind}");
    }
    for kind in ["standby", "read-only"] {
        match refused(&target(&text(kind))) {
            ConnectError::NoSuitableServer { wanted, reason, .. } => {
                assert_eq!(wanted, kind);
                assert!(reason.contains("is a primary"), "{reason}");
            }
            other => panic!("{other}"),
        }
    }
    let random = target(&format!("{} load_balance_hosts=random", text("any")));
    assert!(!has_tls(&random).unwrap());
}

#[test]
fn cancelling_over_tls_and_socket() {
    let server = server();
    let socket = Target::socket(&server.socket_dir, server.port, "trusted", "postgres");
    for target in [tcp("trusted", "sslmode=require"), tcp("trusted", "sslmode=disable"), socket] {
        let mut client = target.connect("underpin").unwrap();
        let token = client.cancel_token();
        let canceller = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            target.cancel(&token)
        });
        let error = client.batch_execute("SELECT pg_sleep(20)").unwrap_err();
        assert_eq!(error.code(), Some(&postgres::error::SqlState::QUERY_CANCELED));
        canceller.join().unwrap().unwrap();
    }
}
