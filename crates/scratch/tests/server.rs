//! Starting, using and stopping a private server of the PostgreSQL on this machine.

mod common;

use common::{Place, connect, names};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::thread;
use std::time::Instant;
use underpin_scratch::{Options, ScratchError, ScratchServer};

#[test]
fn starts_answers_and_leaves_nothing() {
    let place = Place::new();
    for by_drop in [true, false, true] {
        let begin = Instant::now();
        let server = ScratchServer::start(&place.options).unwrap();
        println!("started after {:.0?}", begin.elapsed());
        assert_eq!(place.servers().len(), 1);
        assert_eq!(place.processes().len(), 1);

        let mut client = connect(&server, "postgres");
        let row = client.query_one("SELECT current_user::text, current_setting('server_version_num')", &[]).unwrap();
        assert_eq!(row.get::<_, String>(0), server.superuser());
        let number: u32 = row.get::<_, String>(1).parse().unwrap();
        assert_eq!(number / 10_000, server.version().major);
        assert_eq!(Some(number % 10_000), server.version().minor);
        // Dropped with the client still connected, which must not matter.
        if by_drop {
            drop(server)
        } else {
            server.stop().unwrap()
        }
        place.assert_empty();
    }
    assert_eq!(names(&place.cache()).len(), 1);
}

#[test]
fn does_what_a_schema_needs() {
    let place = Place::new();
    // Twice: on the cluster of initdb, and on its packed copy, which lacks some files.
    for _ in 0..2 {
        let server = ScratchServer::start(&place.options).unwrap();
        connect(&server, "postgres").batch_execute("CREATE DATABASE d TEMPLATE template0 LOCALE 'C'").unwrap();
        let mut client = connect(&server, "d");
        let tables: String = (0..700).map(|n| format!("CREATE TABLE t{n} (id int PRIMARY KEY, s serial);")).collect();
        let mut transaction = client.transaction().unwrap();
        transaction.batch_execute(&tables).unwrap();
        transaction.commit().unwrap();
        client.batch_execute("CREATE PUBLICATION p FOR ALL TABLES").unwrap();
        // One by one: statements sent together are one transaction, which VACUUM refuses.
        for statement in ["VACUUM FULL pg_class", "VACUUM ANALYZE", "DROP TABLE t0", "CREATE ROLE r"] {
            client.batch_execute(statement).unwrap();
        }
        client.query("SELECT pg_create_logical_replication_slot('s', 'pgoutput')", &[]).unwrap();
        let zone: String = client.query_one("SHOW timezone", &[]).unwrap().get(0);
        assert_eq!(zone, "UTC");
        client.batch_execute("SET timezone = 'Europe/Paris'").unwrap();
    }
    place.assert_empty();
}

#[test]
fn two_at_once_share_the_cache() {
    let place = Place::new();
    let servers: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(|| ScratchServer::start(&place.options).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(place.servers().len(), 3, "a start removed a living server's folder");
    for server in &servers {
        connect(server, "postgres").batch_execute("CREATE TABLE only_here ()").unwrap();
    }
    drop(servers);
    place.assert_empty();
    assert_eq!(names(&place.cache()).len(), 1, "one pack, and nothing half made");
}

#[test]
fn a_damaged_cache_is_made_anew() {
    let place = Place::new();
    ScratchServer::start(&place.options).unwrap().stop().unwrap();
    let [pack] = &names(&place.cache())[..] else { panic!("one pack expected") };
    let good = fs::read(pack).unwrap();

    fs::write(pack, &good[..good.len() / 2]).unwrap();
    ScratchServer::start(&place.options).unwrap().stop().unwrap();
    assert_eq!(fs::metadata(pack).unwrap().len(), good.len() as u64);

    // Whole to look at, but no server will start on it.
    let mut bad = good.clone();
    let contents = bad.len() / 100;
    bad[contents..].fill(b'x');
    fs::write(pack, &bad).unwrap();
    ScratchServer::start(&place.options).unwrap().stop().unwrap();
    place.assert_empty();
}

#[test]
fn an_unusable_cache_folder_is_no_error() {
    let mut place = Place::new();
    let file = place.folder.path().join("file");
    fs::write(&file, "").unwrap();
    place.options.cache_dir = Some(file.join("cache"));
    ScratchServer::start(&place.options).unwrap().stop().unwrap();
    place.assert_empty();
}

#[test]
fn the_socket_is_closed_to_others_and_the_server_is_not_root() {
    let place = Place::with_shared_cache();
    let server = ScratchServer::start(&place.options).unwrap();
    let socket = server.socket_dir().join(format!(".s.PGSQL.{}", server.port()));
    assert!(socket.as_os_str().len() <= 103, "{}", socket.display());
    let owner = fs::metadata(&socket).unwrap();
    let folder = fs::metadata(server.socket_dir()).unwrap();
    assert_eq!(folder.mode() & 0o777, 0o700);
    assert_eq!(folder.uid(), owner.uid());
    assert_ne!(owner.uid(), 0);
    let mut client = connect(&server, "postgres");
    let addresses: String = client.query_one("SHOW listen_addresses", &[]).unwrap().get(0);
    assert_eq!(addresses, "");
}

#[test]
fn a_long_folder_for_temporary_files_is_passed_over() {
    let place = Place::with_shared_cache();
    let long = place.folder.path().join("x".repeat(100));
    fs::create_dir(&long).unwrap();
    let options = Options { temp_dir: Some(long.clone()), ..place.options.clone() };
    let server = ScratchServer::start(&options).unwrap();
    assert!(!server.socket_dir().starts_with(&long));
    connect(&server, "postgres");
}

#[test]
fn no_binaries_is_an_error_that_says_what_to_do() {
    let place = Place::new();
    let options = Options { bin_dir: Some(place.temp()), ..place.options.clone() };
    let error = ScratchServer::start(&options).unwrap_err();
    assert!(matches!(error, ScratchError::NoBinaries { .. }));
    let text = error.to_string();
    for part in [&place.temp().display().to_string(), "apt-get install postgresql", "--dev-db"] {
        assert!(text.contains(part), "{text}");
    }
    place.assert_empty();
}

#[test]
fn a_server_that_ends_at_once_shows_its_log() {
    let mut place = Place::with_shared_cache();
    place.options.settings.push(("shared_preload_libraries".to_owned(), "no_such_library".to_owned()));
    let error = ScratchServer::start(&place.options).unwrap_err();
    assert!(matches!(error, ScratchError::Start { .. }), "{error}");
    assert!(error.to_string().contains("no_such_library"), "{error}");
    place.assert_empty();
}

#[test]
fn the_log_holds_no_text_of_statements() {
    let place = Place::with_shared_cache();
    let server = ScratchServer::start(&place.options).unwrap();
    let mut client = connect(&server, "postgres");
    client.batch_execute("CREATE ROLE a PASSWORD 'hunter2'").unwrap();
    client.batch_execute("CREATE ROLE a PASSWORD 'hunter2'").unwrap_err();
    client.batch_execute("CREATE ROLE b PASSWORD 'hunter2' nonsense").unwrap_err();
    client.batch_execute("DO $$BEGIN RAISE WARNING 'hunter2'; END$$").unwrap();
    let log = server.log_tail();
    assert!(log.contains("ready to accept connections") && !log.contains("hunter2"), "{log}");
}
