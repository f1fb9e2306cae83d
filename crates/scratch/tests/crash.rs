//! What a process leaves that was killed, and that the next start removes it.

mod common;

use common::{Place, ROLE, again, connect, wait_until};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::path::PathBuf;
use std::time::Duration;
use underpin_scratch::{Options, ScratchServer};

/// The process that is killed: it starts a server and waits. As a test of its own it does nothing.
#[test]
fn process_to_be_killed() {
    let Some(place) = std::env::var_os(ROLE).map(PathBuf::from) else {
        return;
    };
    let options = Options { temp_dir: Some(place.join("t")), cache_dir: Some(place.join("c")), ..Options::default() };
    let _server = ScratchServer::start(&options).unwrap();
    std::fs::write(place.join("started"), "").unwrap();
    std::thread::sleep(Duration::from_secs(60));
}

#[test]
fn the_next_start_removes_what_a_killed_process_left() {
    let place = Place::new();
    let started = place.folder.path().join("started");
    let mut child = again("process_to_be_killed", &place);
    wait_until("the other process has its server", || started.exists());
    let left = place.servers();
    assert_eq!(left.len(), 1);

    // While the other lives, its server is left alone.
    let server = ScratchServer::start(&place.options).unwrap();
    assert!(left[0].exists());
    server.stop().unwrap();
    assert_eq!(place.processes().len(), 1);

    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(place.processes().len(), 1, "it outlives its process, or this test shows nothing");
    let server = ScratchServer::start(&place.options).unwrap();
    assert!(!left[0].exists());
    assert_eq!(place.processes().len(), 1);
    connect(&server, "postgres");
    server.stop().unwrap();
    place.assert_empty();
}

#[test]
fn what_a_process_killed_while_starting_left_is_removed() {
    let place = Place::new();
    // The first start runs initdb, so there is time to be killed in the midst of it.
    let mut child = again("process_to_be_killed", &place);
    wait_until("initdb is at work", || place.servers().iter().any(|folder| folder.join("data/base").exists()));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(place.servers().len(), 1);
    ScratchServer::start(&place.options).unwrap().stop().unwrap();
    place.assert_empty();
}

#[test]
fn a_server_killed_from_outside_is_removed_too() {
    let place = Place::with_shared_cache();
    let server = ScratchServer::start(&place.options).unwrap();
    let processes = place.processes();
    let pid = Pid::from_raw(i32::try_from(processes[0]).unwrap());
    kill(pid, Signal::SIGKILL).unwrap();
    server.stop().unwrap();
    place.assert_empty();
}
