//! What strings, services, variables and the password file make of a target.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;

use crate::{ConnectError, Environment, SessionKind, SslMode, Target};

/// An environment of variables and a home directory.
#[derive(Default)]
struct Env {
    vars: HashMap<String, String>,
    home: Option<PathBuf>,
}

impl Env {
    fn of(vars: &[(&str, &str)]) -> Self {
        Self { vars: vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(), home: None }
    }

    fn at(mut self, home: &Path) -> Self {
        self.home = Some(home.to_owned());
        self
    }
}

impl Environment for Env {
    fn var(&self, name: &str) -> Option<String> {
        self.vars.get(name).cloned()
    }
    fn home(&self) -> Option<PathBuf> {
        self.home.clone()
    }
    fn os_user(&self) -> Option<String> {
        Some("me".to_owned())
    }
    fn socket_dirs(&self) -> Vec<PathBuf> {
        vec![PathBuf::from("/run/default"), PathBuf::from("/tmp")]
    }
}

fn parse(text: &str) -> Target {
    Target::parse_with(text, &Env::default()).unwrap()
}

fn fails(text: &str) -> ConnectError {
    Target::parse_with(text, &Env::default()).unwrap_err()
}

fn password(target: &Target) -> Option<&str> {
    target.password.as_ref().map(|(secret, _)| secret.reveal())
}

fn hosts(target: &Target) -> Vec<String> {
    target.hosts().iter().map(ToString::to_string).collect()
}

fn write(dir: &Path, name: &str, text: &str, mode: u32) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    path
}

#[test]
fn urls() {
    let target = parse("postgresql://al%40ce:p%2Fw%3A@db.example:6000/my%20db?sslmode=require&connect_timeout=7");
    assert_eq!(target.user(), "al@ce");
    assert_eq!(password(&target), Some("p/w:"));
    assert_eq!(hosts(&target), ["db.example:6000"]);
    assert_eq!(target.dbname(), "my db");
    assert_eq!(target.ssl_mode(), SslMode::Require);
    assert_eq!(target.connect_timeout, Some(Duration::from_secs(7)));

    // A raw `?` or `:` in a password is libpq's too.
    assert_eq!(password(&parse("postgres://u:a?b:c@h/d")), Some("a?b:c"));
    let several = parse("postgres://u@h1:1,[::1]:2,h3/d?target_session_attrs=read-write");
    assert_eq!(hosts(&several), ["h1:1", "[::1]:2", "h3:5432"]);
    assert_eq!(several.session, SessionKind::ReadWrite);
    assert_eq!(parse("postgres://h?ssl=true").ssl_mode(), SslMode::Require);
    assert_eq!(parse("postgres://h/d?user=other").user(), "other");
}

#[test]
fn sockets() {
    for text in
        ["postgresql://%2Frun%2Fx:5433/d", "postgresql:///d?host=/run/x&port=5433", "host=/run/x port=5433 dbname=d"]
    {
        let target = parse(text);
        assert_eq!(target.hosts()[0].socket_dir(), Some(Path::new("/run/x")), "{text}");
        assert_eq!(target.hosts()[0].port(), 5433);
        assert_eq!(target.redacted(), "postgresql://me@/d?host=/run/x&port=5433");
    }
    let scratch = Target::socket(Path::new("/run/x"), 1, "u", "d");
    assert_eq!(scratch.redacted(), "postgresql://u@/d?host=/run/x&port=1");
    assert_eq!(scratch.with_dbname("e").dbname(), "e");
}

#[test]
fn options_for_other_programs() {
    let words = |text: &str| {
        let (variables, options) = parse(text).options();
        let variables: Vec<String> = variables.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        (variables.join(" "), options.join(" "))
    };
    let plain = |options: &str| (String::new(), options.to_owned());
    assert_eq!(words("postgresql://u@db.example/d"), plain("--host db.example --port 5432 --username u --dbname d"));
    assert_eq!(
        words("postgresql:///d?host=/run/x&port=5433&user=u"),
        plain("--host /run/x --port 5433 --username u --dbname d")
    );
    // Where no host is said, the program finds its own as this one does.
    assert_eq!(words("user=u dbname=d"), plain("--username u --dbname d"));
    assert_eq!(words("host=a,b port=1,2 user=u dbname=d"), plain("--host a,b --port 1,2 --username u --dbname d"));
    // No password is among them, and what would have to be quoted twice is a variable.
    assert_eq!(
        words("host=h user='a b' dbname='it''s' password=secret sslmode=require".replace("''", "\\'").as_str()),
        ("PGUSER=a b PGDATABASE=it's PGSSLMODE=require".to_owned(), "--host h --port 5432".to_owned())
    );
    assert_eq!(
        words("host=h hostaddr=10.0.0.1 user=u dbname=d"),
        ("PGHOSTADDR=10.0.0.1".to_owned(), "--host h --port 5432 --username u --dbname d".to_owned())
    );
}

#[test]
fn keyword_strings() {
    let target = parse(r"host = h port=6000 user='a b' password='it\'s \\' dbname=d\ e options='-c a=b'");
    assert_eq!(hosts(&target), ["h:6000"]);
    assert_eq!(target.user(), "a b");
    assert_eq!(password(&target), Some(r"it's \"));
    assert_eq!(target.dbname(), "d e");
    assert_eq!(target.options.as_deref(), Some("-c a=b"));
}

#[test]
fn defaults() {
    let target = parse("");
    assert_eq!((target.user(), target.dbname()), ("me", "me"));
    assert_eq!(hosts(&target), ["/run/default/.s.PGSQL.5432", "/tmp/.s.PGSQL.5432", "localhost:5432"]);
    assert_eq!(target.redacted(), "postgresql://me@/me");
    assert_eq!(parse("shop").dbname(), "shop");
    assert_eq!(parse("user=you").dbname(), "you");
    assert_eq!(hosts(&parse("postgres://:6000/d"))[2], "localhost:6000");
}

#[test]
fn hosts_addresses_and_ports() {
    let target = parse("host=a,b hostaddr=10.0.0.1,::1 port=1,");
    assert_eq!(target.redacted(), "postgresql://me@a:1,b/me?hostaddr=10.0.0.1,::1");
    let only = parse("hostaddr=10.0.0.1");
    assert_eq!(hosts(&only), ["10.0.0.1:5432"]);
    assert_eq!(only.redacted(), "postgresql://me@/me?hostaddr=10.0.0.1");
    for text in ["host=a,b hostaddr=10.0.0.1", "host=a,b,c port=1,2", "port=0", "port=70000", "hostaddr=name"] {
        assert!(matches!(fails(text), ConnectError::BadValue { .. }), "{text}");
    }
}

#[test]
fn precedence_is_string_service_environment() {
    let home = tempfile::tempdir().unwrap();
    write(
        home.path(),
        ".pg_service.conf",
        "# services\n[other]\nhost=wrong\n\n[shop]\nhost=service\nuser=service\ndbname=first\ndbname=second\n[last]\nport=1\n",
        0o644,
    );
    let env = Env::of(&[
        ("PGSERVICE", "shop"),
        ("PGHOST", "environment"),
        ("PGUSER", "environment"),
        ("PGPORT", "6001"),
        ("PGAPPNAME", "app"),
    ])
    .at(home.path());
    let target = Target::parse_with("user=string", &env).unwrap();
    assert_eq!(target.user(), "string");
    assert_eq!(hosts(&target), ["service:6001"]);
    assert_eq!(target.dbname(), "first");
    assert_eq!(target.application_name.as_deref(), Some("app"));
    // An empty value hides the environment and means the default.
    let env = Env::of(&[("PGHOST", "environment"), ("PGSSLMODE", "disable")]);
    let target = Target::parse_with("host='' sslmode=''", &env).unwrap();
    assert_eq!(target.hosts().len(), 3);
    assert_eq!(target.ssl_mode(), SslMode::Prefer);
}

#[test]
fn services() {
    let home = tempfile::tempdir().unwrap();
    let file = write(
        home.path(),
        "my.conf",
        "[a]\nhost=from-a\n[bad]\nnonsense=1\n[nested]\nservice=a\n[ldap]\nldap://x/y\n",
        0o644,
    );
    let system = write(home.path(), "etc/pg_service.conf", "[sys]\nhost=from-sys\n", 0o644);
    let env = Env::of(&[
        ("PGSERVICEFILE", file.to_str().unwrap()),
        ("PGSYSCONFDIR", system.parent().unwrap().to_str().unwrap()),
    ]);
    let parse = |text: &str| Target::parse_with(text, &env);
    assert_eq!(hosts(&parse("service=a").unwrap()), ["from-a:5432"]);
    assert_eq!(hosts(&parse("postgresql:///?service=sys").unwrap()), ["from-sys:5432"]);
    assert!(matches!(parse("service=bad"), Err(ConnectError::UnknownParameter { name, .. }) if name == "nonsense"));
    for (service, said) in [("nested", "another service"), ("ldap", "LDAP"), ("gone", "not defined")] {
        let error = parse(&format!("service={service}")).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains("hint:"), "{error}");
    }
}

#[test]
fn passwords_and_the_password_file() {
    let home = tempfile::tempdir().unwrap();
    write(home.path(), ".pgpass", "localhost:5432:d:me:default-socket\nh:5432:d:me:for-d\nh:5432:e:me:for-e\n", 0o600);
    let env = Env::of(&[]).at(home.path());
    let of = |target: &Target| {
        let host = &target.hosts()[0];
        target
            .passfile
            .as_ref()
            .and_then(|file| file.find(&host.passfile_name(), host.port, target.dbname(), target.user()))
            .map(|(secret, _)| secret.reveal().to_owned())
    };
    let target = Target::parse_with("host=h dbname=d", &env).unwrap();
    assert_eq!(of(&target).as_deref(), Some("for-d"));
    assert_eq!(of(&target.with_dbname("e")).as_deref(), Some("for-e"));
    assert_eq!(of(&target.with_dbname("x")), None);
    assert_eq!(of(&Target::parse_with("d", &env).unwrap()).as_deref(), Some("default-socket"));
    assert_eq!(of(&Target::parse_with("host=/run/default dbname=d", &env).unwrap()).as_deref(), Some("default-socket"));

    // A password that is given hides the file; the string hides the variable.
    let env = Env::of(&[("PGPASSWORD", "variable")]).at(home.path());
    assert_eq!(password(&Target::parse_with("h", &env).unwrap()), Some("variable"));
    assert_eq!(password(&Target::parse_with("password=string", &env).unwrap()), Some("string"));
}

#[test]
fn an_open_password_file_is_ignored_with_a_warning() {
    let home = tempfile::tempdir().unwrap();
    let file = write(home.path(), "pass", "*:*:*:*:hush", 0o640);
    let target = Target::parse_with("h", &Env::of(&[("PGPASSFILE", file.to_str().unwrap())])).unwrap();
    assert!(target.passfile.as_ref().unwrap().find("h", 1, "d", "u").is_none());
    assert_eq!(target.warnings().len(), 1);
    assert!(target.warnings()[0].contains("chmod 0600"));
    assert!(!target.warnings()[0].contains("hush"));
}

#[test]
fn unknown_and_unsupported_parameters_are_named() {
    for (text, name, hint) in [
        ("postgresql://h/d?schema=public", "schema", "search_path"),
        ("postgresql://h/d?sslmod=require", "sslmod", "sslmode"),
        ("database=x", "database", "dbname"),
    ] {
        let ConnectError::UnknownParameter { name: named, hint: hinted, .. } = fails(text) else {
            panic!("{text}");
        };
        assert_eq!(named, name);
        assert!(hinted.contains(hint), "{hinted}");
    }
    for text in [
        "gssencmode=require",
        "requirepeer=postgres",
        "require_auth=scram-sha-256",
        "sslcertmode=require",
        "replication=true",
    ] {
        assert!(matches!(fails(text), ConnectError::Unsupported { .. }), "{text}");
    }
    for text in ["gssencmode=prefer", "client_encoding=latin1", "krbsrvname=x", "replication=false"] {
        parse(text);
    }
}

#[test]
fn weak_modes_are_refused_where_libpq_refuses_them() {
    assert_eq!(parse("sslrootcert=system").ssl_mode(), SslMode::VerifyFull);
    for text in [
        "sslrootcert=system sslmode=require",
        "sslnegotiation=direct sslmode=prefer",
        "sslmode=on",
        "ssl_max_protocol_version=TLSv1.1",
        "ssl_min_protocol_version=TLSv1.3 ssl_max_protocol_version=TLSv1.2",
    ] {
        assert!(matches!(fails(text), ConnectError::BadValue { .. }), "{text}");
    }
}

/// Strings in which a password was not escaped: the error must not show the rest of it.
#[test]
fn unescaped_passwords_are_not_quoted() {
    for text in [
        "postgres://u:hush/more@h/d",
        "postgres://u:12/hush@h/d",
        "postgres://u:x@hush@h/d",
        "postgres://u:x/?hush=1@h/d",
        "postgres://u:hush%zz@h/d",
        "postgres://u:hush/d",
        "password=x hush=1",
        "password=x hush",
        "u:hush@h/d",
        "u:hu=sh@h/d",
        "user:hush://x",
        "mysql://u:hush@h/d",
        "jdbc:postgresql://u:hush@h/d",
        "host=u:x@hush",
    ] {
        let error = fails(text);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hush") && !shown.contains("hu=sh"), "{text}: {shown}");
        assert!(error.to_string().contains("hint: "), "{error}");
    }
}

fn in_url(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn in_keywords(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

proptest! {
    /// Well-formed or cut off, no string makes anything show its password.
    #[test]
    fn no_password_is_ever_shown(
        rest in "[ -~]{0,12}",
        keep in 0usize..200,
        junk in "[a-z@:/?&= %'\\\\]{0,8}",
        as_url in any::<bool>(),
    ) {
        // A marker that nothing else can contain.
        let secret = format!("HUSH9{rest}HUSH9");
        let whole = if as_url {
            format!("postgresql://u:{}@h:1/d?sslmode=require{junk}", in_url(&secret))
        } else {
            format!("host=h password={} port=1 {junk}", in_keywords(&secret))
        };
        let cut: String = whole.chars().take(keep).collect();
        for text in [&whole, &cut] {
            let shown = match Target::parse_with(text, &Env::default()) {
                Ok(target) => format!("{target} {target:?} {:#?} {:?} {}", target, target.password, target.password_search(&target.hosts()[0])),
                Err(error) => format!("{error} {error:?}"),
            };
            // What a cut leaves of a URL can name a port, a host or a database, but never the secret.
            prop_assert!(!shown.contains("HUSH9"), "{}", shown);
        }
    }

    /// Escaping is undone exactly, and what is shown can be parsed again.
    #[test]
    fn round_trip(user in "\\PC{1,8}", password in "\\PC{1,8}", dbname in "\\PC{1,8}") {
        prop_assume!(![&user, &password, &dbname].iter().any(|text| text.contains('\0')));
        let url = parse(&format!("postgresql://{}:{}@h/{}", in_url(&user), in_url(&password), in_url(&dbname)));
        let words = parse(&format!("host=h user={} password={} dbname={}", in_keywords(&user), in_keywords(&password), in_keywords(&dbname)));
        for target in [&url, &words] {
            prop_assert_eq!(target.user(), &user);
            prop_assert_eq!(target.dbname(), &dbname);
            prop_assert_eq!(super::tests::password(target), Some(password.as_str()));
            let again = parse(&target.redacted());
            prop_assert_eq!(again.user(), &user);
            prop_assert_eq!(again.dbname(), &dbname);
            prop_assert_eq!(again.hosts(), target.hosts());
            prop_assert!(again.password.is_none());
        }
    }
}
