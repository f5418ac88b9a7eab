//! Mutual TLS 1.3: both sides show a certificate of the pool's own authority.

use super::SecurityError;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::rustls::crypto::CryptoProvider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{CipherSuite, ClientConfig, RootCertStore, ServerConfig};

/// Where the certificates are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The authority that both sides trust, and no other.
    pub ca: PathBuf,
    /// This side's certificate.
    pub cert: PathBuf,
    /// Its key, which only its owner may read.
    pub key: PathBuf,
}

/// What this side shows and trusts, as client and as server.
#[derive(Clone)]
pub struct Tls {
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) server: Arc<ServerConfig>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls(…)")
    }
}

impl Tls {
    /// Reads and checks the files.
    pub fn load(files: &TlsFiles) -> Result<Tls, SecurityError> {
        secret(&files.key)?;
        let authority = certificates(&files.ca)?;
        let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|_| pem_error(&files.key, "private key"))?;
        Tls::new(&files.ca, authority, certificates(&files.cert)?, key)
    }

    /// The same for connections of another kind.
    pub fn configs(&self) -> (Arc<ClientConfig>, Arc<ServerConfig>) {
        (Arc::clone(&self.client), Arc::clone(&self.server))
    }

    fn new(
        path: &Path,
        authority: Vec<CertificateDer<'static>>,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Tls, SecurityError> {
        let unusable = |cause: String| SecurityError::Authority { path: path.into(), cause };
        let mut roots = RootCertStore::empty();
        authority.into_iter().try_for_each(|cert| roots.add(cert)).map_err(|error| unusable(error.to_string()))?;
        let (roots, ring) = (Arc::new(roots), Arc::new(provider()));
        let client = client_config(&ring, &roots, chain.clone(), key.clone_key())?;
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, ring.clone()).build();
        let verifier = verifier.map_err(|error| unusable(error.to_string()))?;
        let mut server = ServerConfig::builder_with_provider(ring)
            .with_protocol_versions(&[&TLS13])
            .map_err(SecurityError::Tls)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(SecurityError::Tls)?;
        server.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Tls { client: Arc::new(client), server: Arc::new(server) })
    }
}

/// What ciphers there are: the fastest of those that are safe for long comes first.
fn provider() -> CryptoProvider {
    let mut ring = tokio_rustls::rustls::crypto::ring::default_provider();
    ring.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    ring
}

fn client_config(
    ring: &Arc<CryptoProvider>,
    roots: &Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ClientConfig, SecurityError> {
    let mut client = ClientConfig::builder_with_provider(ring.clone())
        .with_protocol_versions(&[&TLS13])
        .map_err(SecurityError::Tls)?
        .with_root_certificates(roots.clone())
        .with_client_auth_cert(chain, key)
        .map_err(SecurityError::Tls)?;
    client.alpn_protocols = vec![b"h2".to_vec()];
    Ok(client)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, SecurityError> {
    let failed = |_| pem_error(path, "certificate");
    let found: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
    if found.is_empty() {
        return Err(SecurityError::NoPem { path: path.into(), what: "certificate" });
    }
    Ok(found)
}

/// Of a file that cannot be read, why; of any other, what is missing in it.
fn pem_error(path: &Path, what: &'static str) -> SecurityError {
    match std::fs::read(path) {
        Err(cause) => SecurityError::File { path: path.into(), cause },
        Ok(_) => SecurityError::NoPem { path: path.into(), what },
    }
}

fn secret(path: &Path) -> Result<(), SecurityError> {
    use std::os::unix::fs::PermissionsExt;
    let about = std::fs::metadata(path).map_err(|cause| SecurityError::File { path: path.into(), cause })?;
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(SecurityError::Readable { path: path.into(), mode }) }
}
