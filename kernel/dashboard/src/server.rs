//! The socket, on a thread of its own.

use crate::guard::Guard;
use crate::page::{METRICS_TYPE, admit, routes};
use axum::Router;
use axum::http::header;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use cleave_session::{Board, Failure, OpenDashboard};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// A page that is served until this is dropped.
pub struct Dashboard {
    /// Its address, with the token.
    pub url: String,
    /// Where it listens.
    pub at: SocketAddr,
    _runtime: Serving,
}

/// Metrics that are served until this is dropped.
pub struct Metrics {
    /// Where it listens.
    pub at: SocketAddr,
    _runtime: Serving,
}

/// Why there is no page.
#[derive(Debug)]
pub enum OpenError {
    /// The threads could not be started.
    Threads(std::io::Error),
    /// The address is taken, or is not this machine's.
    Listen(SocketAddr, std::io::Error),
}

/// The threads that serve.
struct Serving(Option<Runtime>);

impl Drop for Serving {
    /// Pages that are open do not keep the program alive.
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(Runtime::shutdown_background);
    }
}

impl Dashboard {
    /// Shows a board on this machine, at a port of the system's choice.
    pub fn open(board: &Board) -> Result<Self, OpenError> {
        let runtime = runtime()?;
        let (listener, at) = listen(&runtime, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let guard = Guard::new(at);
        let url = format!("http://{at}/?token={}", guard.token().unwrap_or_default());
        serve(&runtime, listener, routes(board.clone(), guard));
        Ok(Self { url, at, _runtime: Serving(Some(runtime)) })
    }
}

impl Metrics {
    /// Answers collectors at an address; `text` is asked each time.
    pub fn open(at: SocketAddr, text: impl Fn() -> String + Clone + Send + Sync + 'static) -> Result<Self, OpenError> {
        let runtime = runtime()?;
        let (listener, at) = listen(&runtime, at)?;
        let guard = if at.ip().is_loopback() { Guard::open(at) } else { Guard::open(at).any_host() };
        let answer = move || async move { ([(header::CONTENT_TYPE, METRICS_TYPE)], text()) };
        let routes = Router::new().route("/metrics", get(answer)).layer(from_fn_with_state(guard, admit));
        serve(&runtime, listener, routes);
        Ok(Self { at, _runtime: Serving(Some(runtime)) })
    }
}

/// Opens the page when it is asked for the first time, and says its address each time.
pub fn opener() -> OpenDashboard {
    let mut open: Option<Dashboard> = None;
    Box::new(move |board: &Board| {
        if open.is_none() {
            open = Some(Dashboard::open(board).map_err(|error| Failure {
                code: "no-dashboard",
                message: error.to_string(),
                help: Some("close programs that use many ports or threads, and try again".to_owned()),
                cause: None,
            })?);
        }
        Ok(open.as_ref().map(|d| d.url.clone()).unwrap_or_default())
    })
}

fn runtime() -> Result<Runtime, OpenError> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1).thread_name("dashboard").enable_all().build().map_err(OpenError::Threads)
}

fn listen(runtime: &Runtime, at: SocketAddr) -> Result<(TcpListener, SocketAddr), OpenError> {
    let failed = |error| OpenError::Listen(at, error);
    let listener = runtime.block_on(TcpListener::bind(at)).map_err(failed)?;
    let found = listener.local_addr().map_err(failed)?;
    Ok((listener, found))
}

fn serve(runtime: &Runtime, listener: TcpListener, routes: Router) {
    runtime.spawn(async move { axum::serve(listener, routes).await });
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Threads(error) => write!(f, "the threads of the page could not be started: {error}"),
            OpenError::Listen(at, error) => write!(f, "cannot listen on {at}: {error}"),
        }
    }
}

impl std::error::Error for OpenError {}
