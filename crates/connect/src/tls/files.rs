//! Reads certificates, keys and revocation lists from PEM files.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use crate::error::ConnectError;
use crate::settings::{Source, TlsSettings};

/// A client certificate with its key.
pub(super) struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) key_path: PathBuf,
}

fn unusable(what: &'static str, path: &Path, reason: impl ToString, hint: impl Into<String>) -> ConnectError {
    ConnectError::File { what, path: path.to_owned(), reason: reason.to_string(), hint: hint.into() }
}

/// The certificates of a PEM file; an error when there is none.
pub(super) fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let hint = "name a PEM file with `-----BEGIN CERTIFICATE-----` blocks";
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| unusable(what, path, error, hint))?;
    if found.is_empty() {
        return Err(unusable(what, path, "it holds no certificate", hint));
    }
    Ok(found)
}

/// The revocation lists of a PEM file; none when the file does not exist, as in libpq.
pub(super) fn revocation_lists(source: &Source) -> Result<Vec<CertificateRevocationListDer<'static>>, ConnectError> {
    let path = source.path();
    if !path.exists() {
        return match source {
            Source::Default(_) => Ok(Vec::new()),
            // libpq goes on silently; a list that was asked for and is not there protects nobody.
            Source::Named(_) => {
                Err(unusable("revocation list", path, "it does not exist", "correct `sslcrl`, or leave it out"))
            }
        };
    }
    CertificateRevocationListDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|error| {
        unusable("revocation list", path, error, "name a PEM file with `-----BEGIN X509 CRL-----` blocks")
    })
}

/// The client certificate and key, when there is a certificate.
pub(super) fn client_identity(settings: &TlsSettings) -> Result<Option<Identity>, ConnectError> {
    let Some(cert) = settings.cert.as_ref().map(Source::path) else {
        return Ok(None);
    };
    if !cert.exists() {
        return Ok(None);
    }
    let chain = certificates("client certificate", cert)?;
    let Some(key_path) = settings.key.as_ref().map(Source::path) else {
        return Err(unusable("client certificate", cert, "no key is known for it", "name the key with `sslkey`"));
    };
    if !key_path.exists() {
        return Err(unusable(
            "client key",
            key_path,
            format!("it does not exist, but the client certificate `{}` does", cert.display()),
            "name the key with `sslkey`, or set `sslcertmode=disable`",
        ));
    }
    check_permissions(key_path)?;
    Ok(Some(Identity { chain, key: private_key(key_path)?, key_path: key_path.clone() }))
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, ConnectError> {
    let text =
        std::fs::read(path).map_err(|error| unusable("client key", path, error, "make it readable for this user"))?;
    let has = |marker: &[u8]| text.windows(marker.len()).any(|part| part == marker);
    // PKCS#8 says it in the label, the older formats in a header line (RFC 7468; RFC 1421, section 4.6.1.1).
    if has(b"BEGIN ENCRYPTED PRIVATE KEY") || has(b"Proc-Type: 4,ENCRYPTED") {
        return Err(unusable(
            "client key",
            path,
            "it is encrypted, which is not supported",
            format!(
                "decrypt it into a file only you can read: `(umask 077; openssl pkey -in {} -out client.key)`, and name \
                 that with `sslkey`",
                path.display()
            ),
        ));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
        let reason = match error {
            pem::Error::NoItemsFound => "it holds no private key".to_owned(),
            // The parser's other messages may quote the file.
            _ => "it is no valid PEM".to_owned(),
        };
        unusable("client key", path, reason, "name a PEM file with a PKCS#8, RSA or EC private key")
    })
}

/// libpq's rule: at most 0600, or 0640 when root owns the file.
#[cfg(unix)]
fn check_permissions(path: &Path) -> Result<(), ConnectError> {
    use std::os::unix::fs::MetadataExt;
    let meta = std::fs::metadata(path)
        .map_err(|error| unusable("client key", path, error, "make it readable for this user"))?;
    let forbidden = if meta.uid() == 0 { 0o037 } else { 0o077 };
    if meta.mode() & forbidden == 0 {
        return Ok(());
    }
    Err(unusable(
        "client key",
        path,
        "group or others have access to it",
        format!("run `chmod 0600 {}`", path.display()),
    ))
}

#[cfg(not(unix))]
fn check_permissions(_path: &Path) -> Result<(), ConnectError> {
    Ok(())
}
