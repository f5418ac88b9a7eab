//! A pool's own certificate authority, and certificates for its machines.

use super::SecurityError;
use super::token::write_secret;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// From when to when certificates hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first moment.
    pub from: SystemTime,
    /// The last moment.
    pub to: SystemTime,
}

impl Validity {
    /// From yesterday, since clocks differ, for so many days.
    pub fn days(days: u32) -> Validity {
        let now = SystemTime::now();
        Validity { from: now - DAY, to: now + DAY * days }
    }
}

/// Writes an authority, a worker's certificate for `names` (of machines, or addresses) and a client's into a folder:
/// `ca.pem`, `ca-key.pem`, `worker.pem`, `worker-key.pem`, `client.pem`, `client-key.pem`. Files that are there stay
/// as they are and make it fail. The files that were written, in that order.
pub fn create(folder: &Path, names: &[String], validity: Validity) -> Result<Vec<PathBuf>, SecurityError> {
    if names.is_empty() {
        return Err(SecurityError::NoNames);
    }
    let made = make(names, validity)?;
    fs::create_dir_all(folder).map_err(|cause| SecurityError::File { path: folder.into(), cause })?;
    let mut written = vec![];
    for (name, content) in made {
        let path = folder.join(name);
        write_secret(&path, content.as_bytes())?;
        written.push(path);
    }
    Ok(written)
}

/// Names of files beside what they hold.
fn make(names: &[String], validity: Validity) -> Result<[(&'static str, String); 6], SecurityError> {
    let failed = |cause| SecurityError::Certificate { name: names.join(","), cause };
    let ca_key = KeyPair::generate().map_err(failed)?;
    let ca = authority(validity);
    let ca_pem = ca.self_signed(&ca_key).map_err(failed)?.pem();
    let ca_secret = ca_key.serialize_pem();
    let issuer = Issuer::new(ca, ca_key);
    let (worker, worker_secret) = node(&issuer, "worker", names, validity)?;
    let (client, client_secret) = node(&issuer, "client", &["cleave-client".into()], validity)?;
    Ok([
        ("ca.pem", ca_pem),
        ("ca-key.pem", ca_secret),
        ("worker.pem", worker),
        ("worker-key.pem", worker_secret),
        ("client.pem", client),
        ("client-key.pem", client_secret),
    ])
}

fn authority(validity: Validity) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.distinguished_name = common_name("cleave pool");
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    (params.not_before, params.not_after) = (validity.from.into(), validity.to.into());
    params
}

/// A certificate and its key. Workers fetch from each other, so each is a client too.
fn node(
    issuer: &Issuer<'_, KeyPair>,
    name: &str,
    names: &[String],
    validity: Validity,
) -> Result<(String, String), SecurityError> {
    let failed = |cause| SecurityError::Certificate { name: names.join(","), cause };
    let mut params = CertificateParams::new(names).map_err(failed)?;
    params.distinguished_name = common_name(name);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    (params.not_before, params.not_after) = (validity.from.into(), validity.to.into());
    let key = KeyPair::generate().map_err(failed)?;
    let signed = params.signed_by(&key, issuer).map_err(failed)?;
    Ok((signed.pem(), key.serialize_pem()))
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, name);
    distinguished
}
