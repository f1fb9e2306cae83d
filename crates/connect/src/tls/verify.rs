//! Checks the server's certificate as libpq's `sslmode` means it.
//!
//! The chain is checked by rustls' WebPKI verifier. Three kinds of certificate that OpenSSL, and so libpq, takes and
//! WebPKI does not are common on PostgreSQL servers, and handled here: a host name in the common name alone, a
//! self-signed certificate that is itself the trusted root, and a certificate of X.509 version 1 signed directly by the
//! root.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use x509_cert::certificate::Version;
use x509_cert::der::{Decode, Encode};
use x509_cert::{Certificate, der};

use super::{files, names};
use crate::error::ConnectError;
use crate::settings::{Roots, SslMode, TlsSettings};

/// The check of one target's server certificates.
#[derive(Debug)]
pub(super) struct Verifier {
    algorithms: WebPkiSupportedAlgorithms,
    /// `None`: any certificate will do.
    trust: Option<Trust>,
    check_name: bool,
}

#[derive(Debug)]
struct Trust {
    chain: Arc<WebPkiServerVerifier>,
    roots: Vec<CertificateDer<'static>>,
    /// Revocation cannot be checked for certificates that WebPKI does not take, so with a list they are refused.
    has_crl: bool,
}

impl Verifier {
    pub(super) fn new(settings: &TlsSettings, provider: &Arc<CryptoProvider>) -> Result<Self, ConnectError> {
        let roots = match &settings.roots {
            Some(Roots::System) => Some(system_roots()?),
            Some(Roots::File(source)) if source.path().exists() => {
                Some(files::certificates("root certificate file", source.path())?)
            }
            Some(Roots::File(source)) if settings.mode >= SslMode::VerifyCa => {
                return Err(ConnectError::File {
                    what: "root certificate file",
                    path: source.path().clone(),
                    reason: format!("it does not exist, and sslmode={} needs one", settings.mode.as_str()),
                    hint: NEED_ROOT.to_owned(),
                });
            }
            None if settings.mode >= SslMode::VerifyCa => {
                return Err(ConnectError::BadUrl {
                    reason: format!(
                        "sslmode={} needs a root certificate file, and there is no home directory to find one in",
                        settings.mode.as_str()
                    ),
                    hint: NEED_ROOT.to_owned(),
                });
            }
            Some(Roots::File(_)) | None => None,
        };
        let trust = match roots {
            None => None,
            Some(roots) => Some(Trust::new(settings, roots, provider)?),
        };
        Ok(Self {
            algorithms: provider.signature_verification_algorithms,
            trust,
            check_name: settings.mode == SslMode::VerifyFull,
        })
    }
}

const NEED_ROOT: &str = "name the file of the authority with `sslrootcert`, use the system's with \
                         `sslrootcert=system`, or choose an `sslmode` that does not check";

fn system_roots() -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let found = rustls_native_certs::load_native_certs();
    if !found.certs.is_empty() {
        return Ok(found.certs);
    }
    Err(ConnectError::BadValue {
        name: "sslrootcert".to_owned(),
        place: "`system`".to_owned(),
        reason: match found.errors.first() {
            Some(error) => format!("the system's trust store cannot be read: {error}"),
            None => "the system's trust store is empty".to_owned(),
        },
        hint: "install the `ca-certificates` package, or set SSL_CERT_FILE".to_owned(),
    })
}

impl Trust {
    fn new(
        settings: &TlsSettings,
        roots: Vec<CertificateDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, ConnectError> {
        let mut store = RootCertStore::empty();
        // Roots that WebPKI cannot read cannot vouch for anything; of a large store that is no reason to fail.
        store.add_parsable_certificates(roots.iter().cloned());
        let crls = match &settings.crl {
            Some(source) => files::revocation_lists(source)?,
            None => Vec::new(),
        };
        let has_crl = !crls.is_empty();
        let failed = |error: rustls::client::VerifierBuilderError| ConnectError::BadValue {
            name: "sslrootcert".to_owned(),
            place: "with `sslcrl`".to_owned(),
            reason: error.to_string(),
            hint: "use root certificates of X.509 version 3, and revocation lists of version 2".to_owned(),
        };
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
            .with_crls(crls)
            .build()
            .map_err(failed)?;
        Ok(Self { chain, roots, has_crl })
    }

    /// Takes what OpenSSL would take although WebPKI refused it with `refusal`: a trusted certificate presented by the
    /// server itself, and a version 1 certificate signed by a trusted one.
    fn as_openssl(
        &self,
        der: &CertificateDer<'_>,
        certificate: &Certificate,
        now: UnixTime,
        algorithms: &WebPkiSupportedAlgorithms,
        refusal: Error,
    ) -> Result<(), Error> {
        // Other refusals, such as a wrong purpose, OpenSSL shares. "Other" are WebPKI's own: an authority's certificate
        // used by a server, and version 1.
        let of_webpki = matches!(
            refusal,
            Error::InvalidCertificate(
                CertificateError::Other(_) | CertificateError::UnknownIssuer | CertificateError::BadEncoding
            )
        );
        if self.has_crl || !of_webpki {
            return Err(refusal);
        }
        let trusted = self.roots.iter().any(|root| root == der);
        let version1 = certificate.tbs_certificate.version == Version::V1
            && self.roots.iter().any(|root| {
                Certificate::from_der(root).is_ok_and(|root| signed_by(certificate, &root, algorithms).is_some())
            });
        if !(trusted || version1) {
            return Err(refusal);
        }
        let validity = &certificate.tbs_certificate.validity;
        if now.as_secs() < validity.not_before.to_unix_duration().as_secs() {
            return Err(CertificateError::NotValidYet.into());
        }
        if now.as_secs() > validity.not_after.to_unix_duration().as_secs() {
            return Err(CertificateError::Expired.into());
        }
        Ok(())
    }
}

/// `Some` when `issuer` is a certificate authority that signed `certificate`.
fn signed_by(certificate: &Certificate, issuer: &Certificate, algorithms: &WebPkiSupportedAlgorithms) -> Option<()> {
    let tbs = &certificate.tbs_certificate;
    let authority = &issuer.tbs_certificate;
    if tbs.issuer != authority.subject || !may_sign(issuer) {
        return None;
    }
    let signature = certificate.signature.as_bytes()?;
    let message = tbs.to_der().ok()?;
    let identifier = value_of(&certificate.signature_algorithm)?;
    let key_info = &authority.subject_public_key_info;
    let key_identifier = value_of(&key_info.algorithm)?;
    let key = key_info.subject_public_key.as_bytes()?;
    algorithms
        .all
        .iter()
        .filter(|algorithm| {
            algorithm.signature_alg_id().as_ref() == identifier
                && algorithm.public_key_alg_id().as_ref() == key_identifier
        })
        .find_map(|algorithm| algorithm.verify_signature(key, &message, signature).ok())
}

/// Whether a trusted certificate may sign others: a version 1 root may, a later one says so in its basic constraints.
fn may_sign(issuer: &Certificate) -> bool {
    use x509_cert::ext::pkix::BasicConstraints;
    issuer.tbs_certificate.version == Version::V1
        || matches!(
            issuer.tbs_certificate.get::<BasicConstraints>(),
            Ok(Some((_, constraints))) if constraints.ca
        )
}

/// The contents of an algorithm identifier, as rustls writes them: without the outer tag and length.
fn value_of(identifier: &x509_cert::spki::AlgorithmIdentifierOwned) -> Option<Vec<u8>> {
    let whole = identifier.to_der().ok()?;
    der::asn1::AnyRef::from_der(&whole).ok().map(|any| any.value().to_vec())
}

fn is_name_mismatch(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })
    )
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let accepted = Ok(ServerCertVerified::assertion());
        let Some(trust) = &self.trust else {
            return accepted;
        };
        let refusal = match trust.chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Ok(_) => return accepted,
            Err(error) => error,
        };
        let certificate = parse(end_entity)?;
        // WebPKI checks the name last, so a mismatch means that the chain is good.
        if !is_name_mismatch(&refusal) {
            trust.as_openssl(end_entity, &certificate, now, &self.algorithms, refusal)?;
            let named = rustls::server::ParsedCertificate::try_from(end_entity)
                .and_then(|parsed| rustls::client::verify_server_name(&parsed, server_name));
            if named.is_ok() {
                return accepted;
            }
        }
        if !self.check_name || names::common_name_matches(&certificate, server_name) {
            return accepted;
        }
        Err(CertificateError::NotValidForNameContext {
            expected: server_name.to_owned(),
            presented: names::presented(&certificate),
        }
        .into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    // Checked even where any certificate will do: channel binding rests on the server having the certificate's key.
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let certificate = parse(cert)?;
        if certificate.tbs_certificate.version != Version::V1 {
            return verify_tls13_signature(message, cert, dss, &self.algorithms);
        }
        let key =
            certificate.tbs_certificate.subject_public_key_info.to_der().map_err(|_| CertificateError::BadEncoding)?;
        verify_tls13_signature_with_raw_key(message, &SubjectPublicKeyInfoDer::from(key), dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn parse(der: &CertificateDer<'_>) -> Result<Certificate, Error> {
    Certificate::from_der(der).map_err(|_| CertificateError::BadEncoding.into())
}
