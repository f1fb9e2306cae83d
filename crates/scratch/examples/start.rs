//! Starts a private server some times and prints how long each took: `cargo run -p underpin-scratch --example start`.

use std::time::Instant;
use underpin_scratch::{Options, ScratchServer};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for _ in 0..5 {
        let begin = Instant::now();
        let server = ScratchServer::start(&Options::default())?;
        let started = begin.elapsed();
        let mut client = postgres::Config::new()
            .host_path(server.socket_dir())
            .port(server.port())
            .user(server.superuser())
            .dbname("postgres")
            .connect(postgres::NoTls)?;
        client.simple_query("SELECT 1")?;
        let connected = begin.elapsed();
        let version = server.version();
        drop(client);
        server.stop()?;
        let stopped = begin.elapsed() - connected;
        println!(
            "PostgreSQL {version}: started after {started:.0?}, first answer after {connected:.0?}; stopped in {stopped:.0?}"
        );
    }
    Ok(())
}
