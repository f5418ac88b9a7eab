//! What both sides agree on, as measured.

use super::fetching::Fetching;
use crate::proto::engine_server::Engine;
use crate::security::{Guard, Token};
use std::hint::black_box;
use std::sync::Once;
use std::time::Duration;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Endpoint, Server};

/// The largest message.
pub const MESSAGE_BYTES: usize = 4 << 20;
/// How many connections a worker has at most.
pub const CONNECTIONS: usize = 64;
/// How long a peer may take to connect, to shake hands, to say the first word.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Frames of this size keep up with a bare socket; with the usual 16 KiB, half of that.
const FRAME_BYTES: u32 = 1 << 20;
const STREAM_WINDOW: u32 = 8 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
const HEADER_BYTES: u32 = 16 << 10;
const STREAMS: u32 = 64;
/// What is read from a socket at once where it is decrypted afterwards, which takes a little at a time.
pub(super) const READ_BYTES: usize = 128 << 10;
/// What is encrypted before it is written to a socket: as much as is still in a near cache then.
pub(super) const ENCRYPTED_BYTES: usize = 272 << 10;
const PING_EVERY: Duration = Duration::from_secs(5);
/// How long an answer may take that comes behind much else on a thin link.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// A server with the settings of this service; add services and give it what a [`Door`](super::Door) admits.
pub fn server() -> Server {
    keep_memory();
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_BYTES)
        .max_concurrent_streams(STREAMS)
        .http2_max_header_list_size(HEADER_BYTES)
        .http2_keepalive_interval(Some(PING_EVERY))
        .http2_keepalive_timeout(Some(ANSWER_WITHIN))
}

/// The service, open to those who show the token.
pub fn engine_service<T: Engine>(engine: T, token: Option<Token>) -> InterceptedService<Fetching<T>, Guard> {
    InterceptedService::new(Fetching::new(engine, MESSAGE_BYTES), Guard::new(token))
}

/// The client's side of the same settings.
pub(super) fn client(endpoint: Endpoint) -> Endpoint {
    keep_memory();
    endpoint
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_BYTES)
        .http2_max_header_list_size(HEADER_BYTES)
        .http2_keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PATIENCE)
        .keep_alive_while_idle(true)
}

/// Lets the allocator keep the memory of messages for the next ones: what is free beyond twice the largest piece that
/// came back so far the system's own gives away, and then every message is written to pages that are not there yet. A
/// quarter of the time of a transfer went there.
fn keep_memory() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| drop(black_box(Vec::<u8>::with_capacity(STREAM_WINDOW as usize))));
}
