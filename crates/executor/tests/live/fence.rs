//! A run that another has replaced, and poolers.

use crate::support::*;
use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use underpin_executor::{Cancel, ExecutorError, Options, Silent};
use underpin_model::{Phase, Run};

fn make(name: &str) -> underpin_model::Batch {
    together(vec![step(name, Run::Sql, &[&format!("CREATE TABLE public.{name} ()")])])
}

#[test]
fn a_run_that_was_replaced_does_nothing_more() {
    for outside in [false, true] {
        let db = Database::new();
        let last = match outside {
            false => make("late"),
            true => alone(step("late", Run::Build, &["CREATE TABLE public.late ()"])),
        };
        let plan =
            plan_of(vec![stage(Phase::Expand, None, vec![make("early")]), stage(Phase::Expand, None, vec![last])]);
        let mut stages = 0;
        let error = underpin_executor::apply(
            &mut db.connect(),
            &|| Ok(db.connect()),
            &plan,
            &mut |_, _| {
                stages += 1;
                if stages == 2 {
                    // What a later run does first, once the lock of the second session is lost.
                    db.run("UPDATE underpin.run SET token = token + 1, application = 'the later'");
                }
                Ok(None)
            },
            &Options::default(),
            &Silent,
            &Cancel::new(),
        )
        .unwrap_err();
        let ExecutorError::Replaced { holder: Some(holder), left } = &error else { panic!("{error}") };
        assert_eq!((holder.application.as_str(), left.committed.len()), ("the later", 1));
        assert!(error.stopped_on_the_way() && error.to_string().contains("another run has taken over"), "{error}");
        assert!(db.table_exists("early") && !db.table_exists("late"));
    }
}

#[test]
fn every_run_takes_the_next_number_and_notes_its_end() {
    let db = Database::new();
    for (n, name) in ["a", "b"].into_iter().enumerate() {
        db.apply(&plan(vec![make(name)]), &Options::default()).unwrap();
        assert_eq!(db.value("SELECT token FROM underpin.run"), (n + 1).to_string());
        assert_eq!(db.value("SELECT ended >= heartbeat AND heartbeat >= started FROM underpin.run"), "true");
    }
    assert_eq!(db.value("SELECT owner = session_user AND application = 'underpin' FROM underpin.run"), "true");
}

#[test]
fn a_run_whose_transaction_is_open_is_not_replaced() {
    let db = Database::new();
    db.apply(&plan(vec![make("a")]), &Options::default()).unwrap();
    let mut first = db.connect();
    first.batch_execute("BEGIN; UPDATE underpin.run SET heartbeat = now()").unwrap();
    let error = db.apply(&plan(vec![make("b")]), &Options::default()).unwrap_err();
    assert!(matches!(&error, ExecutorError::Busy { holder: Some(h), .. } if h.application == "underpin"), "{error}");
    assert!(!db.table_exists("b"));
}

#[test]
fn without_the_right_to_the_number_the_run_goes_on() {
    let db = Database::new();
    let user = format!("plain_{}", db.name);
    db.apply(&plan(vec![make("a")]), &Options::default()).unwrap();
    db.run(&format!(
        "CREATE ROLE {user} LOGIN; GRANT CREATE ON SCHEMA public TO {user};
         GRANT USAGE ON SCHEMA underpin TO {user}; GRANT INSERT ON underpin.journal TO {user}"
    ));
    let outcome = underpin_executor::apply(
        &mut db.connect_as(&user),
        &|| Ok(db.connect_as(&user)),
        &plan(vec![make("b")]),
        &mut |_, _| Ok(None),
        &Options::default(),
        &Silent,
        &Cancel::new(),
    )
    .unwrap();
    assert!(outcome.warnings[0].contains("may not read and write underpin.run"), "{:?}", outcome.warnings);
    assert_eq!(db.journal(), ["a done", "b done"]);
}

/// One message of the protocol: its kind and its body.
fn message(from: &mut impl Read) -> Option<(u8, Vec<u8>)> {
    let mut head = [0; 5];
    from.read_exact(&mut head).ok()?;
    let mut body = vec![0; u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize - 4];
    from.read_exact(&mut body).ok()?;
    Some((head[0], body))
}

fn send(to: &mut impl Write, kind: u8, body: &[u8]) {
    let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
    to.write_all(&[&[kind], length.as_slice(), body].concat()).unwrap();
}

/// Opens a session of the server and waits until it is ready.
fn session(db: &Database) -> UnixStream {
    let path = db.server().socket_dir().join(format!(".s.PGSQL.{}", db.server().port()));
    let mut stream = UnixStream::connect(path).unwrap();
    let mut start = 196_608_u32.to_be_bytes().to_vec();
    start.extend(format!("user\0{}\0database\0{}\0\0", db.server().superuser(), db.name).bytes());
    let length = u32::try_from(start.len() + 4).unwrap().to_be_bytes();
    stream.write_all(&[length.as_slice(), &start].concat()).unwrap();
    while message(&mut stream).unwrap().0 != b'Z' {}
    stream
}

type Pool = Arc<(Mutex<VecDeque<UnixStream>>, Condvar)>;

/// Serves one client: each transaction by the session that was idle for the longest, or for the shortest, time.
fn serve(mut client: TcpStream, pool: &Pool, last_first: bool) -> Option<()> {
    let mut length = [0; 4];
    client.read_exact(&mut length).ok()?;
    client.read_exact(&mut vec![0; u32::from_be_bytes(length) as usize - 4]).ok()?;
    send(&mut client, b'R', &0_u32.to_be_bytes());
    send(&mut client, b'Z', b"I");
    let mut held: Option<UnixStream> = None;
    loop {
        let (kind, body) = message(&mut client)?;
        if kind == b'X' {
            return Some(());
        }
        assert_eq!(kind, b'Q', "the question is asked in simple messages");
        let (sessions, freed) = &**pool;
        let mut server = held.take().unwrap_or_else(|| {
            let mut idle = freed.wait_while(sessions.lock().unwrap(), |idle| idle.is_empty()).unwrap();
            if last_first { idle.pop_back().unwrap() } else { idle.pop_front().unwrap() }
        });
        send(&mut server, kind, &body);
        loop {
            let (kind, body) = message(&mut server)?;
            if kind != b'Z' {
                send(&mut client, kind, &body);
                continue;
            }
            if body == b"I" {
                sessions.lock().unwrap().push_back(server);
                freed.notify_one();
            } else {
                held = Some(server);
            }
            send(&mut client, kind, &body);
            break;
        }
    }
}

#[test]
fn a_transaction_pooler_is_refused() {
    for (size, last_first) in [(1, true), (2, true), (2, false), (3, false)] {
        let db = Database::new();
        let pool: Pool = Arc::new((Mutex::new((0..size).map(|_| session(&db)).collect()), Condvar::new()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for client in listener.incoming().take(2) {
                let pool = Arc::clone(&pool);
                thread::spawn(move || serve(client.unwrap(), &pool, last_first));
            }
        });
        let connect = || {
            let mut config = postgres::Config::new();
            config.host("127.0.0.1").port(port).user(db.server().superuser()).dbname(&db.name);
            config.ssl_mode(postgres::config::SslMode::Disable).connect(postgres::NoTls).unwrap()
        };
        let error = underpin_executor::apply(
            &mut connect(),
            &|| Ok(connect()),
            &plan(vec![make("a")]),
            &mut |_, _| Ok(None),
            &Options::default(),
            &Silent,
            &Cancel::new(),
        )
        .unwrap_err();
        assert!(matches!(error, ExecutorError::Pooled), "{size} {last_first}: {error}");
        assert!(!error.stopped_on_the_way() && error.to_string().contains("--db"), "{error}");
        assert!(!db.table_exists("a"));
    }
}
