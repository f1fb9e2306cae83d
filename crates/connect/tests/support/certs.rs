//! Certificates made for one run.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SerialNumber, SigningKey, date_time_ymd,
};
use x509_cert::certificate::Version;
use x509_cert::der::asn1::BitString;
use x509_cert::der::{Decode, Encode};

/// An authority.
pub struct Authority {
    pub pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key.
pub struct Leaf {
    pub der: Vec<u8>,
    pub pem: String,
    pub key: KeyPair,
}

fn params(common_name: &str, names: &[&str]) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

impl Authority {
    pub fn new(common_name: &str) -> Self {
        let mut params = params(common_name, &[]);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    pub fn issue(&self, common_name: &str, names: &[&str]) -> Leaf {
        self.sign(params(common_name, names))
    }

    pub fn issue_expired(&self, name: &str) -> Leaf {
        let mut params = params(name, &[name]);
        params.not_before = date_time_ymd(2001, 1, 1);
        params.not_after = date_time_ymd(2002, 1, 1);
        self.sign(params)
    }

    fn sign(&self, mut params: CertificateParams) -> Leaf {
        params.serial_number = Some(SerialNumber::from(7));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Leaf { der: certificate.der().to_vec(), pem: certificate.pem(), key }
    }

    /// A certificate as `openssl x509 -req` makes it by the recipe in PostgreSQL's manual: version 1, no extensions.
    pub fn issue_version1(&self, common_name: &str) -> Leaf {
        let leaf = self.issue(common_name, &[]);
        let mut certificate = x509_cert::Certificate::from_der(&leaf.der).unwrap();
        certificate.tbs_certificate.version = Version::V1;
        certificate.tbs_certificate.extensions = None;
        let message = certificate.tbs_certificate.to_der().unwrap();
        let signature = self.issuer.key().sign(&message).unwrap();
        certificate.signature = BitString::from_bytes(&signature).unwrap();
        Leaf { der: certificate.to_der().unwrap(), pem: String::new(), key: leaf.key }
    }

    /// A list that revokes every certificate issued here (all have one serial number), or none.
    pub fn revocation_list(&self, revoke: bool) -> String {
        CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(2090, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoke
                .then(|| RevokedCertParams {
                    serial_number: SerialNumber::from(7),
                    revocation_time: date_time_ymd(2021, 1, 1),
                    reason_code: None,
                    invalidity_date: None,
                })
                .into_iter()
                .collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        }
        .signed_by(&self.issuer)
        .unwrap()
        .pem()
        .unwrap()
    }
}

/// A certificate as `openssl req -x509` makes it: self-signed, an authority, the host in the common name alone.
pub fn self_signed(common_name: &str) -> Leaf {
    let mut params = params(common_name, &[]);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    Leaf { der: certificate.der().to_vec(), pem: certificate.pem(), key }
}
