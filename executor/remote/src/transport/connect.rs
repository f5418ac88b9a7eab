//! Reaching a worker.

use super::counted::{Counted, Moved};
use super::endpoint::Endpoint;
use super::fetching::FETCH;
use super::first::{Ear, Heard, Listened};
use super::reach::{Fault, ReachError};
use super::settings::{ENCRYPTED_BYTES, MESSAGE_BYTES, PATIENCE, READ_BYTES, client};
use super::stream::Stream;
use crate::proto::FetchRequest;
use crate::proto::engine_client::EngineClient;
use crate::security::{Bearer, Tls, Token};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use prost::Message;
use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::BufReader;
use tokio::net::TcpStream;
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tonic::body::Body;
use tonic::codegen::http;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Uri};
use tonic::{Code, Status};
use tower::ServiceExt;

/// Opens bare connections.
#[derive(Clone)]
pub struct Dialer(Arc<dyn Fn(Endpoint) -> Dialed + Send + Sync>);

type Dialed = BoxFuture<'static, io::Result<Box<dyn Stream>>>;

impl Dialer {
    /// Over TCP.
    pub fn tcp() -> Dialer {
        Dialer::with(tcp)
    }

    /// Over something else, such as a simulated network.
    pub fn with<S: Stream, F: Future<Output = io::Result<S>> + Send + 'static>(
        dial: impl Fn(Endpoint) -> F + Send + Sync + 'static,
    ) -> Dialer {
        let boxed = |stream: S| Box::new(stream) as Box<dyn Stream>;
        Dialer(Arc::new(move |endpoint| {
            let dialed = dial(endpoint);
            Box::pin(async move { dialed.await.map(boxed) })
        }))
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialer")
    }
}

async fn tcp(endpoint: Endpoint) -> io::Result<TcpStream> {
    let found = tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port)).await;
    let found: Vec<_> = found.map_err(|error| io::Error::new(io::ErrorKind::NotFound, error))?.collect();
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in found {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// How workers are reached.
#[derive(Clone, Debug)]
pub struct Connector {
    /// What opens bare connections.
    pub dialer: Dialer,
    /// Certificates, where connections are encrypted.
    pub tls: Option<Tls>,
    /// The pool's token, if it has one.
    pub token: Option<Token>,
    /// How long each step may take.
    pub patience: Duration,
}

impl Default for Connector {
    /// Plain TCP without a token.
    fn default() -> Self {
        Self { dialer: Dialer::tcp(), tls: None, token: None, patience: PATIENCE }
    }
}

/// A connection to a worker, which connects again by itself when it was lost.
#[derive(Clone, Debug)]
pub struct Link {
    endpoint: Endpoint,
    channel: Channel,
    bearer: Bearer,
    ear: Ear,
    moved: Moved,
    connector: Connector,
    /// Another one for large values, once one was wanted; none where the peer had no room for it.
    second: Arc<OnceCell<Option<Link>>>,
}

/// The service's calls over a link.
pub type EngineLink = EngineClient<InterceptedService<Channel, Bearer>>;

impl Connector {
    /// Connects, and waits until the peer has shown that it speaks HTTP/2.
    pub async fn connect(&self, endpoint: &Endpoint) -> Result<Link, ReachError> {
        self.connect_counted(endpoint, Moved::default()).await
    }

    async fn connect_counted(&self, endpoint: &Endpoint, moved: Moved) -> Result<Link, ReachError> {
        let at = |fault| ReachError { endpoint: endpoint.clone(), fault };
        let uri = tonic::transport::Endpoint::from_shared(format!("http://{endpoint}"));
        let uri = uri.map_err(|_| at(Fault::Unresolved { cause: "not a host name".into() }))?;
        let ear = Ear::new();
        let (connector, to, heard, counter) = (self.clone(), endpoint.clone(), ear.clone(), moved.clone());
        let dial = tower::service_fn(move |_: Uri| {
            let (connector, to, ear, moved) = (connector.clone(), to.clone(), heard.clone(), counter.clone());
            async move { connector.stream(&to, ear, moved).await.map(TokioIo::new) }
        });
        let connected = client(uri).connect_with_connector(dial).await;
        let channel = connected.map_err(|error| match ear.last() {
            Heard::Wrong(fault) => at(fault),
            Heard::Nothing | Heard::Greeting => at(Fault::Lost { cause: error.to_string() }),
        })?;
        let greeting = timeout(self.patience, ear.greeting()).await;
        greeting.unwrap_or(Err(Fault::Silent { after: self.patience })).map_err(at)?;
        let (endpoint, bearer) = (endpoint.clone(), Bearer::new(self.token.as_ref()));
        Ok(Link { endpoint, channel, bearer, ear, moved, connector: self.clone(), second: Arc::default() })
    }

    /// A new stream to a peer, encrypted where that is wanted; what goes wrong is left with the ear.
    async fn stream(&self, endpoint: &Endpoint, ear: Ear, moved: Moved) -> io::Result<Listened> {
        ear.put(Heard::Nothing);
        match self.secured(endpoint).await {
            Ok(stream) => Ok(Listened::new(Box::new(Counted::new(stream, moved)), ear)),
            Err(fault) => {
                ear.put(Heard::Wrong(fault));
                Err(io::ErrorKind::NotConnected.into())
            }
        }
    }

    async fn secured(&self, endpoint: &Endpoint) -> Result<Box<dyn Stream>, Fault> {
        let late = |_| Fault::TimedOut { after: self.patience };
        let stream = timeout(self.patience, (self.dialer.0)(endpoint.clone())).await.map_err(late)?;
        let stream = stream.map_err(|error| Fault::of_io(&error))?;
        let Some(tls) = &self.tls else { return Ok(stream) };
        let name = ServerName::try_from(endpoint.name.as_ref().unwrap_or(&endpoint.host).clone());
        let name = name.map_err(|_| Fault::Unresolved { cause: "not a host name".into() })?;
        let stream = BufReader::with_capacity(READ_BYTES, stream);
        let shaken = TlsConnector::from(tls.client.clone()).connect(name, stream);
        let late = |_| Fault::Silent { after: self.patience };
        let shaken = timeout(self.patience, shaken).await.map_err(late)?;
        let mut stream = shaken.map_err(|error| Fault::of_handshake(&error))?;
        stream.get_mut().1.set_buffer_limit(Some(ENCRYPTED_BYTES));
        Ok(Box::new(stream))
    }
}

impl Link {
    /// Where it leads.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether what goes over it is encrypted, which takes longer than all else.
    pub(crate) fn is_encrypted(&self) -> bool {
        self.connector.tls.is_some()
    }

    /// A second connection to the same peer, if it has room for one: two threads of each side then have a part of a
    /// large value each. Its bytes count as those of the first.
    pub(crate) async fn second(&self) -> Option<Link> {
        let connect = || async { self.connector.connect_counted(&self.endpoint, self.moved()).await.ok() };
        self.second.get_or_init(connect).await.clone()
    }

    /// Bytes that came and went over it so far.
    pub fn moved_bytes(&self) -> u64 {
        self.moved.both()
    }

    /// What counts them.
    pub(crate) fn moved(&self) -> Moved {
        self.moved.clone()
    }

    /// The channel, for other services of the same peer.
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// The service's calls.
    pub fn engine(&self) -> EngineLink {
        EngineClient::with_interceptor(self.channel.clone(), self.bearer.clone())
            .max_decoding_message_size(MESSAGE_BYTES)
            .max_encoding_message_size(MESSAGE_BYTES)
    }

    /// The answer to a call for a value, frame by frame as it comes, without the copies of the usual decoder.
    pub(crate) async fn fetch(
        &self,
        asked: &FetchRequest,
    ) -> Result<impl http_body::Body<Data = Bytes, Error = Status> + Unpin + use<>, Status> {
        let message = asked.encode_to_vec();
        let length = (message.len() as u32).to_be_bytes();
        let message = Bytes::from([&[0][..], &length, &message].concat());
        let mut request = http::Request::post(FETCH).body(Body::new(Full::new(message))).map_err(failed)?;
        for (name, value) in [("te", "trailers"), ("content-type", "application/grpc")] {
            request.headers_mut().insert(name, http::HeaderValue::from_static(value));
        }
        let service = InterceptedService::new(self.channel.clone(), self.bearer.clone());
        let answer = service.oneshot(request).await.map_err(failed)?;
        match Status::from_header_map(answer.headers()) {
            Some(status) if status.code() != Code::Ok => Err(status),
            _ if answer.status() != http::StatusCode::OK => Err(Status::unknown(answer.status().to_string())),
            _ => Ok(Box::pin(answer.into_body())),
        }
    }

    /// What a failed call says of the peer.
    pub fn explain(&self, status: &Status) -> ReachError {
        let heard = match self.ear.last() {
            Heard::Wrong(fault) => Some(fault),
            Heard::Nothing | Heard::Greeting => None,
        };
        ReachError { endpoint: self.endpoint.clone(), fault: Fault::of_status(status, heard) }
    }
}

/// A call that failed before there was an answer.
fn failed(error: impl Into<tonic::codegen::StdError>) -> Status {
    Status::from_error(error.into())
}
