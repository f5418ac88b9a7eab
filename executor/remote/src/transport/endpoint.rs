//! Where a worker is reached.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// A host and a port, such as `10.0.0.2:7077` or `[::1]:7077`, or with a name, `pool@10.0.0.2:7077`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Endpoint {
    /// A name or an address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The name that its certificate is for, where that is not the host.
    pub name: Option<String>,
}

/// Text that is not a host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadEndpoint(pub String);

impl Endpoint {
    /// A host and a port.
    pub fn new(host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port, name: None }
    }

    /// With its name, as other machines need to know it; people need not.
    pub fn in_full(&self) -> String {
        self.name.as_ref().map_or_else(|| self.to_string(), |name| format!("{name}@{self}"))
    }
}

impl FromStr for Endpoint {
    type Err = BadEndpoint;

    fn from_str(text: &str) -> Result<Self, BadEndpoint> {
        let bad = || BadEndpoint(text.chars().take(256).collect());
        let (name, place) = text.trim().split_once('@').map_or((None, text.trim()), |(name, at)| (Some(name), at));
        if name.is_some_and(|name| !is_host(name)) {
            return Err(bad());
        }
        let (host, port) = place.rsplit_once(':').ok_or_else(bad)?;
        let port = port.parse().ok().filter(|&port| port > 0).ok_or_else(bad)?;
        let host = match host.strip_prefix('[').and_then(|inside| inside.strip_suffix(']')) {
            Some(inside) => inside.parse::<Ipv6Addr>().map(|_| inside).map_err(|_| bad())?,
            None => Some(host).filter(|host| is_host(host)).ok_or_else(bad)?,
        };
        Ok(Endpoint { name: name.map(str::to_owned), ..Endpoint::new(host, port) })
    }
}

fn is_host(host: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (1..=253).contains(&host.len()) && host.chars().all(plain)
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Endpoint { host, port, .. } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl fmt::Display for BadEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a host and a port, such as 10.0.0.2:7077", self.0.escape_debug())
    }
}

impl std::error::Error for BadEndpoint {}
