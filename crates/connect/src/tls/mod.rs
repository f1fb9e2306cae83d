//! TLS with rustls: from the `ssl…` parameters to a connector.

mod files;
mod names;
mod stream;
mod verify;

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::version::{TLS12, TLS13};

pub(crate) use stream::Connector;
use verify::Verifier;

use crate::error::ConnectError;
use crate::settings::TlsSettings;

/// Reads the certificates and keys that the settings name, and makes a connector.
///
/// As in libpq, a root certificate file that exists is used with every mode that speaks TLS, and one that does not
/// exist is an error only where `sslmode` demands a check.
pub(crate) fn connector(settings: &TlsSettings) -> Result<Connector, ConnectError> {
    let provider = Arc::new(ring::default_provider());
    let versions: &[_] = match (settings.only_tls12, settings.only_tls13) {
        (true, _) => &[&TLS12],
        (_, true) => &[&TLS13],
        _ => &[&TLS13, &TLS12],
    };
    let verifier = Verifier::new(settings, &provider)?;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(versions)
        .map_err(|error| ConnectError::BadUrl {
            reason: format!("no TLS version can be used: {error}"),
            hint: "leave ssl_min_protocol_version and ssl_max_protocol_version out".to_owned(),
        })?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match files::client_identity(settings)? {
        None => builder.with_no_client_auth(),
        Some(identity) => {
            builder.with_client_auth_cert(identity.chain, identity.key).map_err(|error| ConnectError::File {
                what: "client key",
                path: identity.key_path,
                reason: error.to_string(),
                hint: "use the key that belongs to the client certificate (RSA, EC P-256 or P-384, or Ed25519)"
                    .to_owned(),
            })?
        }
    };
    config.enable_sni = settings.sni;
    // Required for sslnegotiation=direct; libpq 17 and newer always send it.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(Connector::new(config))
}
