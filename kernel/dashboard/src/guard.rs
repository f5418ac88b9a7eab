//! Who may look: those who name the page by an address it has, and show its token.
//!
//! A page of another site may make a browser send requests here, and may give its own name the address of this
//! machine; such requests carry that name as `Host`. Other users of the machine can connect, but have no token.

use axum::http::{HeaderMap, StatusCode, header};
use rand::Rng;
use std::net::SocketAddr;
use subtle::ConstantTimeEq;

/// What a request must show.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// The names by which the page is reached, each with its port.
    hosts: Vec<String>,
    token: Option<String>,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It names a host that is not this one.
    Host,
    /// It shows no token, or another one.
    Token,
}

impl Guard {
    /// For a page at an address, with a new token.
    pub(crate) fn new(at: SocketAddr) -> Self {
        let mut bits = [0_u8; 16];
        rand::rng().fill_bytes(&mut bits);
        let token = bits.iter().map(|b| format!("{b:02x}")).collect();
        Self { token: Some(token), ..Self::open(at) }
    }

    /// For metrics at an address, which anyone may read who reaches it by its name.
    pub(crate) fn open(at: SocketAddr) -> Self {
        let port = at.port();
        let mut hosts = vec![at.to_string()];
        if at.ip().is_loopback() {
            hosts.push(format!("localhost:{port}"));
        }
        Self { hosts, token: None }
    }

    /// Any name is right for an address that stands for all of a machine's.
    pub(crate) fn any_host(mut self) -> Self {
        self.hosts.clear();
        self
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Lets a request in; its token stands in the query, or as bearer.
    pub(crate) fn admit(&self, headers: &HeaderMap, query: Option<&str>) -> Result<(), Refusal> {
        let host = headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
        if !self.hosts.is_empty() && !self.hosts.iter().any(|h| h.eq_ignore_ascii_case(host)) {
            return Err(Refusal::Host);
        }
        let Some(token) = &self.token else { return Ok(()) };
        let bearer = headers.get(header::AUTHORIZATION).and_then(|h| h.to_str().ok());
        let shown = bearer.and_then(|h| h.strip_prefix("Bearer ")).or_else(|| query.and_then(from_query));
        let same = shown.is_some_and(|s| bool::from(s.as_bytes().ct_eq(token.as_bytes())));
        if same { Ok(()) } else { Err(Refusal::Token) }
    }
}

fn from_query(query: &str) -> Option<&str> {
    query.split('&').find_map(|pair| pair.strip_prefix("token="))
}

impl Refusal {
    /// What the request is told.
    pub(crate) fn answer(self) -> (StatusCode, &'static str) {
        match self {
            Refusal::Host => (StatusCode::FORBIDDEN, "this page has another address\n"),
            Refusal::Token => (StatusCode::FORBIDDEN, "the address lacks its token; %dashboard prints it whole\n"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &str, bearer: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().expect("a header"));
        if let Some(token) = bearer {
            headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().expect("a header"));
        }
        headers
    }

    #[test]
    fn only_the_right_name_and_token_are_let_in() {
        let guard = Guard::new(SocketAddr::from(([127, 0, 0, 1], 4000)));
        let token = guard.token().expect("it has one").to_owned();
        let (upper, query) = (token.to_uppercase(), format!("a=b&token={token}"));
        let half = format!("token={}", &token[..16]);
        let cases = [
            ("127.0.0.1:4000", Some(query.as_str()), None, Ok(())),
            ("LOCALHOST:4000", Some(&query), None, Ok(())),
            ("localhost:4000", None, Some(token.as_str()), Ok(())),
            ("localhost", Some(&query), None, Err(Refusal::Host)),
            ("localhost:4001", Some(&query), None, Err(Refusal::Host)),
            ("evil.example:4000", Some(&query), None, Err(Refusal::Host)),
            ("127.0.0.1:4000", None, None, Err(Refusal::Token)),
            ("127.0.0.1:4000", Some("token="), None, Err(Refusal::Token)),
            ("127.0.0.1:4000", Some(&half), None, Err(Refusal::Token)),
            ("127.0.0.1:4000", None, Some("x"), Err(Refusal::Token)),
            ("127.0.0.1:4000", Some(&query), Some("x"), Err(Refusal::Token)),
        ];
        for (host, query, bearer, want) in cases {
            assert_eq!(guard.admit(&headers(host, bearer), query), want, "{host} {query:?} {bearer:?}");
        }
        if upper != token {
            assert_eq!(guard.admit(&headers("localhost:4000", Some(&upper)), None), Err(Refusal::Token));
        }
        assert_eq!(guard.admit(&HeaderMap::new(), Some(&query)), Err(Refusal::Host));
    }
}
