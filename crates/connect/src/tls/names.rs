//! Host names in certificates that have no subject alternative name.
//!
//! rustls looks at alternative names only (RFC 6125). libpq falls back to the common name when a certificate has no
//! alternative name (manual, "Client Verification of Server Certificates"), and the certificates that PostgreSQL's own
//! manual shows how to make have none.

use std::net::IpAddr;

use rustls::pki_types::ServerName;
use x509_cert::Certificate;
use x509_cert::der::asn1::{PrintableStringRef, TeletexStringRef, Utf8StringRef};
use x509_cert::der::oid::ObjectIdentifier;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");

/// Whether the certificate's common name stands for `name`, and counts.
pub(super) fn common_name_matches(certificate: &Certificate, name: &ServerName<'_>) -> bool {
    // An extension that cannot be read may hold names.
    alternatives(certificate).is_some_and(|names| names.is_empty())
        && common_name(certificate).is_some_and(|common| matches(&common, &name.to_str()))
}

/// The names that the certificate is for, to be shown.
pub(super) fn presented(certificate: &Certificate) -> Vec<String> {
    match alternatives(certificate) {
        Some(names) if names.is_empty() => common_name(certificate).into_iter().collect(),
        names => names.unwrap_or_default(),
    }
}

/// The host names and addresses among the alternative names; `None` when they cannot be read.
fn alternatives(certificate: &Certificate) -> Option<Vec<String>> {
    let found = certificate.tbs_certificate.get::<SubjectAltName>().ok()?;
    let names = found.map_or_else(Vec::new, |(_, names)| names.0);
    Some(
        names
            .iter()
            .filter_map(|name| match name {
                GeneralName::DnsName(name) => Some(name.as_str().to_owned()),
                GeneralName::IpAddress(octets) => Some(address(octets.as_bytes())),
                _ => None,
            })
            .collect(),
    )
}

fn address(octets: &[u8]) -> String {
    <[u8; 4]>::try_from(octets)
        .map(|octets| IpAddr::from(octets).to_string())
        .or_else(|_| <[u8; 16]>::try_from(octets).map(|octets| IpAddr::from(octets).to_string()))
        .unwrap_or_else(|_| "an address that cannot be read".to_owned())
}

/// The last common name of the subject, the most specific one.
fn common_name(certificate: &Certificate) -> Option<String> {
    let subject = &certificate.tbs_certificate.subject;
    let value = subject
        .0
        .iter()
        .flat_map(|part| part.0.iter())
        .rfind(|attribute| attribute.oid == COMMON_NAME)
        .map(|attribute| &attribute.value)?;
    Utf8StringRef::try_from(value)
        .map(|text| text.as_str().to_owned())
        .or_else(|_| PrintableStringRef::try_from(value).map(|text| text.as_str().to_owned()))
        .or_else(|_| TeletexStringRef::try_from(value).map(|text| text.as_str().to_owned()))
        .ok()
}

/// libpq's comparison: without regard to case, and a leading `*.` stands for exactly one label.
fn matches(pattern: &str, host: &str) -> bool {
    // A name with a NUL in it is an attack on programs that stop reading there.
    if pattern.contains('\0') {
        return false;
    }
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    let Some(parent) = pattern.strip_prefix("*.") else {
        return false;
    };
    !parent.is_empty()
        && host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest.eq_ignore_ascii_case(parent))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards_stand_for_one_label() {
        assert!(matches("DB.example.com", "db.example.com"));
        assert!(matches("*.example.com", "db.example.com"));
        assert!(!matches("*.example.com", "a.db.example.com"));
        assert!(!matches("*.example.com", "example.com"));
        assert!(!matches("*", "localhost"));
        assert!(!matches("db.example.com\0.evil.org", "db.example.com"));
    }
}
