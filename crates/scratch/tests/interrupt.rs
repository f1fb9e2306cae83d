//! Ending everything at once, as a signal handler does. One test, for it ends every server of the process.

mod common;

use common::{Place, connect};
use std::thread;
use std::time::{Duration, Instant};
use underpin_scratch::{ScratchError, ScratchServer, stop_all};

#[test]
fn stop_all_ends_servers_and_starts() {
    let place = Place::new();
    let first = ScratchServer::start(&place.options).unwrap();
    let second = ScratchServer::start(&place.options).unwrap();
    stop_all();
    place.assert_empty();
    // The values are still there; dropping and stopping them is no error.
    drop(first);
    second.stop().unwrap();

    // In the midst of a start: of initdb, of unpacking, of the server's start.
    for (fresh, milliseconds) in
        [(true, 20), (true, 200), (false, 2), (false, 5), (false, 10), (false, 20), (false, 40)]
    {
        if fresh {
            std::fs::remove_dir_all(place.cache()).unwrap();
        }
        thread::scope(|scope| {
            let starting = scope.spawn(|| ScratchServer::start(&place.options));
            thread::sleep(Duration::from_millis(milliseconds));
            let begin = Instant::now();
            stop_all();
            println!("stopped in {:.0?}, {milliseconds} ms after the start", begin.elapsed());
            match starting.join().unwrap() {
                Ok(server) => server.stop().unwrap(),
                Err(error) => assert!(matches!(error, ScratchError::Interrupted), "{error}"),
            }
        });
        place.assert_empty();
        // What was broken off has not spoilt the cache, and starting goes on.
        connect(&ScratchServer::start(&place.options).unwrap(), "postgres");
    }
    stop_all();
    place.assert_empty();
}
