//! One PostgreSQL server for the whole test file.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::certs::Authority;

/// The password of every role that has one.
pub const PASSWORD: &str = "it's p@ss:w/rd";

pub struct Server {
    pub port: u16,
    pub socket_dir: PathBuf,
    /// Signed the server's certificate (for `localhost`), and is trusted by it for clients.
    pub authority: Authority,
    /// Signed nothing that the server knows.
    pub stranger: Authority,
    files: PathBuf,
}

const HBA: &str = "
local     all peer_user   peer
local     all all         trust
hostssl   all ssl_only    127.0.0.1/32 scram-sha-256
hostnossl all plain_only  127.0.0.1/32 scram-sha-256
hostssl   all cert_user   127.0.0.1/32 cert
host      all md5_user    127.0.0.1/32 md5
host      all clear_user  127.0.0.1/32 password
host      all scram_user  127.0.0.1/32 scram-sha-256
host      all trusted     127.0.0.1/32 trust
host      all postgres    127.0.0.1/32 trust
";

const ROLES: &str = "
CREATE ROLE peer_user LOGIN;
CREATE ROLE cert_user LOGIN;
CREATE ROLE trusted LOGIN;
CREATE ROLE full LOGIN CONNECTION LIMIT 0;
SET password_encryption = 'md5';
CREATE ROLE md5_user LOGIN PASSWORD :pw;
SET password_encryption = 'scram-sha-256';
CREATE ROLE clear_user LOGIN PASSWORD :pw;
CREATE ROLE scram_user LOGIN PASSWORD :pw;
CREATE ROLE ssl_only LOGIN PASSWORD :pw;
CREATE ROLE plain_only LOGIN PASSWORD :pw;
";

/// The server, started by the first caller. A test binary never drops its statics, so a shell waits for the end of this
/// process (its standard input then closes) and stops the server and deletes its files.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(start)
}

fn start() -> Server {
    let dir = tempfile::Builder::new().prefix("underpin-connect-").tempdir().unwrap().keep();
    let owner = server_user();
    let give = |path: &Path| {
        if let Some((uid, gid)) = owner {
            chown(path, Some(uid), Some(gid)).unwrap();
        }
    };
    give(&dir);
    // The tests' own files, such as client keys, must be this user's, and the server's user deletes them at the end.
    let files = dir.join("files");
    fs::create_dir(&files).unwrap();
    give(&files);

    let as_owner = |program: &str| {
        let mut command = Command::new(program);
        if let Some((uid, gid)) = owner {
            command.uid(uid).gid(gid);
        }
        command.current_dir(&dir).env_remove("PGDATA").env("LC_ALL", "C");
        command
    };
    let data = dir.join("data");
    let made = as_owner("initdb")
        .args(["--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-locale", "-D"])
        .arg(&data)
        .output()
        .expect("`initdb` of PostgreSQL must be on PATH for this test");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));

    let authority = Authority::new("underpin test root");
    let leaf = authority.issue("localhost", &["localhost"]);
    for (name, text) in [
        ("server.crt", leaf.pem),
        ("server.key", leaf.key.serialize_pem()),
        ("root.crt", authority.pem.clone()),
        ("pg_hba.conf", HBA.to_owned()),
    ] {
        let path = data.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        give(&path);
    }

    let port = free_port();
    let mut shell = as_owner("sh");
    let child = shell
        .args([
            "-c",
            "postgres \"$@\" >log 2>&1 & pid=$!; cat >/dev/null; kill -QUIT $pid; wait $pid; rm -rf \"$PWD\"",
            "sh",
        ])
        .arg("-D")
        .arg(&data)
        .arg("-k")
        .arg(&dir)
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-F"])
        .args(["-c", "ssl=on", "-c", "ssl_ca_file=root.crt", "-c", "max_connections=30"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    // Keeps the pipe open until this process ends.
    std::mem::forget(child);

    let server =
        Server { port, socket_dir: dir.clone(), authority, stranger: Authority::new("underpin stranger root"), files };
    let limit = Instant::now() + Duration::from_secs(30);
    let admin = format!("host={} port={port} user=postgres dbname=postgres", dir.display());
    let mut client = loop {
        match postgres::Client::connect(&admin, postgres::NoTls) {
            Ok(client) => break client,
            Err(error) => assert!(
                Instant::now() < limit,
                "no server: {error}\n{}",
                fs::read_to_string(dir.join("log")).unwrap_or_default()
            ),
        }
        sleep(Duration::from_millis(50));
    };
    let quoted = format!("'{}'", PASSWORD.replace('\'', "''"));
    client.batch_execute(&ROLES.replace(":pw", &quoted)).unwrap();
    server
}

impl Server {
    /// Writes a file that only this user may read.
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = self.files.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    }
}

/// The server refuses to run as root; then it runs as the user `postgres`.
fn server_user() -> Option<(u32, u32)> {
    if fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let fields: Vec<&str> = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find(|fields| fields[0] == "postgres")
        .expect("as root this test needs a user `postgres` to run the server as");
    Some((fields[2].parse().unwrap(), fields[3].parse().unwrap()))
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Opens a plain stream to the server.
pub fn raw(port: u16) -> TcpStream {
    TcpStream::connect(("127.0.0.1", port)).unwrap()
}
