//! Where a name leads that stands for several workers.

use super::endpoint::Endpoint;
use futures_util::future::BoxFuture;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

/// Tells where a name leads now.
#[derive(Clone)]
pub struct Lookup(Arc<dyn Fn(Endpoint) -> Found + Send + Sync>);

type Found = BoxFuture<'static, io::Result<Vec<Endpoint>>>;

impl Lookup {
    /// By other means than the system's.
    pub fn with<F: Future<Output = io::Result<Vec<Endpoint>>> + Send + 'static>(
        find: impl Fn(Endpoint) -> F + Send + Sync + 'static,
    ) -> Lookup {
        Lookup(Arc::new(move |endpoint| Box::pin(find(endpoint))))
    }

    /// A worker at each address of the host's name, whose certificates are for that name.
    pub async fn all(&self, named: &Endpoint) -> io::Result<Vec<Endpoint>> {
        (self.0)(named.clone()).await
    }
}

impl Default for Lookup {
    /// The system's.
    fn default() -> Self {
        Lookup::with(system)
    }
}

async fn system(named: Endpoint) -> io::Result<Vec<Endpoint>> {
    let found = tokio::net::lookup_host((named.host.as_str(), named.port)).await?;
    let endpoint =
        |at: SocketAddr| Endpoint { name: Some(named.host.clone()), ..Endpoint::new(&at.ip().to_string(), at.port()) };
    Ok(found.map(endpoint).collect())
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookup")
    }
}
