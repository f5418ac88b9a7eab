//! Where workers are: `host:port,host:port`, as users write it.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

/// The most workers that can be named.
const MOST: usize = 1024;
/// How an address of workers may begin, and what says that a name stands for several.
const SCHEME: &str = "workers://";
const SEVERAL: &str = "dns:";

/// Workers, in the order in which they are named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses(pub Vec<Address>);

/// One worker, or all that a name stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// A name, or an address; one of six parts without its brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether each address that the name stands for is a worker: `dns:NAME:PORT`.
    pub several: bool,
}

/// Why a text names no workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// It names none.
    NoWorkers,
    /// It names too many.
    TooMany(usize),
    /// One has no port.
    NoPort(String),
    /// What stands where the port should be.
    BadPort(String, String),
    /// The host cannot be one.
    BadHost(String),
    /// One is named twice.
    Twice(String),
    /// It begins with a scheme that is not ours.
    Scheme(String),
}

impl FromStr for Addresses {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let named = text.strip_prefix(SCHEME).unwrap_or(text).trim_end_matches('/');
        if let Some((scheme, _)) = named.split_once("://") {
            return Err(AddressError::Scheme(scheme.to_owned()));
        }
        let parts: Vec<&str> = named.split(',').map(str::trim).filter(|p| !p.is_empty()).collect();
        match parts.len() {
            0 => return Err(AddressError::NoWorkers),
            n if n > MOST => return Err(AddressError::TooMany(n)),
            _ => {}
        }
        let addresses = parts.into_iter().map(str::parse).collect::<Result<Vec<Address>, _>>()?;
        let mut seen = HashSet::new();
        match addresses.iter().find(|a| !seen.insert(*a)) {
            Some(twice) => Err(AddressError::Twice(twice.to_string())),
            None => Ok(Addresses(addresses)),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (several, rest) = text.strip_prefix(SEVERAL).map_or((false, text), |rest| (true, rest));
        let (host, port) = match rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => rest.rsplit_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let port = port.filter(|p| !p.is_empty()).ok_or_else(|| AddressError::NoPort(text.to_owned()))?;
        let number = port.parse().ok().filter(|n| *n > 0 && port.bytes().all(|b| b.is_ascii_digit()));
        let number = number.ok_or_else(|| AddressError::BadPort(text.to_owned(), port.to_owned()))?;
        let bracketed = rest.starts_with('[');
        let fine = if bracketed { host.parse::<std::net::Ipv6Addr>().is_ok() } else { is_host(host) };
        match fine {
            true => Ok(Address { host: host.to_owned(), port: number, several }),
            false => Err(AddressError::BadHost(text.to_owned())),
        }
    }
}

/// Whether it is a name of hosts or an address of four parts.
fn is_host(text: &str) -> bool {
    let label = |l: &str| {
        let inside = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        !l.is_empty() && l.len() <= 63 && l.bytes().all(inside) && !l.starts_with('-') && !l.ends_with('-')
    };
    let numbers = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let whole = if numbers { text.parse::<std::net::Ipv4Addr>().is_ok() } else { true };
    whole && text.len() <= 253 && text.trim_end_matches('.').split('.').all(label)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let several = if self.several { SEVERAL } else { "" };
        match self.host.contains(':') {
            true => write!(f, "{several}[{}]:{}", self.host, self.port),
            false => write!(f, "{several}{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, address) in self.0.iter().enumerate() {
            write!(f, "{}{address}", if i > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

impl AddressError {
    /// The stable word.
    pub fn code(&self) -> &'static str {
        match self {
            AddressError::NoWorkers => "no-workers",
            AddressError::Scheme(_) => "unknown-scheme",
            AddressError::TooMany(_)
            | AddressError::NoPort(_)
            | AddressError::BadPort(..)
            | AddressError::BadHost(_)
            | AddressError::Twice(_) => "bad-address",
        }
    }

    /// A way out.
    pub fn help(&self) -> String {
        match self {
            AddressError::NoWorkers => {
                "start workers with `cleave worker --listen HOST:PORT` and name them: workers HOST:PORT,HOST:PORT; \
                 `Client()` starts some on this machine"
                    .to_owned()
            }
            AddressError::TooMany(_) => format!("name at most {MOST}, or a name that stands for all: dns:NAME:PORT"),
            AddressError::NoPort(text) => format!("add the port that the worker listens on: {text}:7711"),
            AddressError::BadPort(..) => "a port is a number from 1 to 65535".to_owned(),
            AddressError::BadHost(_) => "write HOST:PORT, such as 10.0.0.4:7711 or [fe80::1]:7711".to_owned(),
            AddressError::Twice(_) => "name each worker once; it uses all of its threads".to_owned(),
            AddressError::Scheme(scheme) => match scheme.as_str() {
                "tcp" | "tls" | "ws" | "wss" | "ucx" => format!(
                    "{scheme}:// is how Dask's schedulers are named, which speak another protocol; start `cleave worker` \
                     there and name it as workers://HOST:PORT"
                ),
                _ => "workers are named as workers://HOST:PORT,HOST:PORT, or without a scheme".to_owned(),
            },
        }
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddressError::NoWorkers => write!(f, "no workers are named"),
            AddressError::TooMany(n) => write!(f, "{n} workers are named"),
            AddressError::NoPort(text) => write!(f, "`{text}` has no port"),
            AddressError::BadPort(text, port) => write!(f, "`{port}` in `{text}` is no port"),
            AddressError::BadHost(text) => write!(f, "`{text}` names no host"),
            AddressError::Twice(text) => write!(f, "`{text}` is named twice"),
            AddressError::Scheme(scheme) => write!(f, "`{scheme}://` leads to no workers"),
        }
    }
}

impl std::error::Error for AddressError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_as_they_are_written() {
        let long = format!("{}:1", "a".repeat(300));
        let many = (1..=1025).map(|n| format!("h:{n}")).collect::<Vec<_>>().join(",");
        let cases = [
            ("10.0.0.4:7711", Ok("10.0.0.4:7711")),
            (" a-b.example.:1 , c_d:65535 ", Ok("a-b.example.:1,c_d:65535")),
            ("workers://h:1,h:2", Ok("h:1,h:2")),
            ("[::1]:7711", Ok("[::1]:7711")),
            ("dns:pool.default.svc:7711", Ok("dns:pool.default.svc:7711")),
            ("", Err("no-workers")),
            (" , ", Err("no-workers")),
            ("workers://", Err("no-workers")),
            ("h", Err("bad-address")),
            ("h:", Err("bad-address")),
            ("h:0", Err("bad-address")),
            ("h:+1", Err("bad-address")),
            ("h:65536", Err("bad-address")),
            (":1", Err("bad-address")),
            ("::1:7711", Err("bad-address")),
            ("[zz]:1", Err("bad-address")),
            ("300.1.1.1:1", Err("bad-address")),
            ("a b:1", Err("bad-address")),
            ("<script>:1", Err("bad-address")),
            ("../x:1", Err("bad-address")),
            (&long, Err("bad-address")),
            ("h:1,h:1", Err("bad-address")),
            (&many, Err("bad-address")),
            ("tcp://h:8786", Err("unknown-scheme")),
            ("http://h:80", Err("unknown-scheme")),
        ];
        for (text, want) in cases {
            let found = text.parse::<Addresses>();
            if let Err(e) = &found {
                assert!(!e.to_string().is_empty() && !e.help().is_empty(), "{text}");
            }
            assert_eq!(found.map(|a| a.to_string()).map_err(|e| e.code()), want.map(str::to_owned), "{text}");
        }
    }
}
