//! Stand-ins before the server: one without TLS, one with any certificate.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::certs::Leaf;
use super::server::raw;

/// Accepts connections and hands each to its own thread; returns the port.
pub fn listen(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(stream));
        }
    });
    port
}

/// Reads an SSLRequest: a length of 8 and the code 1234,5679.
fn ssl_request(stream: &mut TcpStream) -> bool {
    let mut request = [0; 8];
    stream.read_exact(&mut request).is_ok() && request == [0, 0, 0, 8, 4, 210, 22, 47]
}

/// A server that does not offer TLS, before the one at `port`.
pub fn without_tls(port: u16) -> u16 {
    listen(move |mut client| {
        if ssl_request(&mut client) && client.write_all(b"N").is_ok() {
            pump(client, port);
        }
    })
}

#[derive(Debug)]
struct Always(Arc<CertifiedKey>);

impl ResolvesServerCert for Always {
    fn resolve(&self, _hello: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

/// A server with a certificate of its own, before the one at `port`, which sees plain connections.
pub fn with_certificate(leaf: &Leaf, port: u16) -> u16 {
    let provider = rustls::crypto::ring::default_provider();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(leaf.key.serialize_der()));
    let signing = provider.key_provider.load_private_key(key).unwrap();
    let certified = CertifiedKey::new(vec![CertificateDer::from(leaf.der.clone())], signing);
    let config = Arc::new(
        ServerConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(Always(Arc::new(certified)))),
    );
    listen(move |mut client| {
        if ssl_request(&mut client) && client.write_all(b"S").is_ok() {
            client.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
            let session = ServerConnection::new(Arc::clone(&config)).unwrap();
            pump(StreamOwned::new(session, client), port);
        }
    })
}

/// Carries bytes both ways until one side ends.
fn pump(mut client: impl Read + Write + Timed, port: u16) {
    let mut server = raw(port);
    client.limit();
    server.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
    while carry(&mut client, &mut server).is_ok() && carry(&mut server, &mut client).is_ok() {}
}

/// Makes reads return when there is nothing to read.
trait Timed {
    fn limit(&self);
}

impl Timed for TcpStream {
    fn limit(&self) {
        self.set_read_timeout(Some(Duration::from_millis(2))).unwrap();
    }
}

impl Timed for StreamOwned<ServerConnection, TcpStream> {
    fn limit(&self) {
        self.sock.limit();
    }
}

fn carry(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut buffer = [0; 8192];
    match from.read(&mut buffer) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(length) => to.write_all(&buffer[..length]).and_then(|()| to.flush()),
        Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Ok(()),
        Err(error) => Err(error),
    }
}
