//! The page, and the events that keep it fresh.

use crate::guard::Guard;
use crate::metrics::session_metrics;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use cleave_render::board_html;
use cleave_session::Board;
use futures_util::Stream;
use std::convert::Infallible;
use std::time::Duration;

const PAGE: &str = include_str!("page.html");
/// So often does the page learn what changed.
const EVERY: Duration = Duration::from_millis(300);
/// Scripts and styles of the page itself, and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// What collectors of metrics take.
pub(crate) const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything at one address.
pub(crate) fn routes(board: Board, guard: Guard) -> Router {
    Router::new()
        .route("/", get(|| async { Html(PAGE) }))
        .route("/events", get(events))
        .route("/metrics", get(metrics))
        .with_state(board)
        .layer(from_fn_with_state(guard, admit))
}

/// Looks at who asks before anything else, and says what a browser may do with the answer.
pub(crate) async fn admit(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let answer = match guard.admit(request.headers(), request.uri().query()) {
        Err(refusal) => refusal.answer().into_response(),
        Ok(()) if request.method() != Method::GET => axum::http::StatusCode::METHOD_NOT_ALLOWED.into_response(),
        Ok(()) => next.run(request).await,
    };
    restricted(answer)
}

fn restricted(mut answer: Response) -> Response {
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ];
    for (name, value) in headers {
        answer.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    answer
}

async fn metrics(State(board): State<Board>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, METRICS_TYPE)], session_metrics(&board.snapshot()))
}

async fn events(State(board): State<Board>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(changes(board)).keep_alive(KeepAlive::default())
}

/// What the page shows, whenever it differs from what it showed.
fn changes(board: Board) -> impl Stream<Item = Result<Event, Infallible>> {
    futures_util::stream::unfold((board, String::new()), |(board, before)| async move {
        loop {
            let now = board_html(&board.snapshot());
            if now != before {
                // One line, whatever the markup holds.
                let event = Event::default().data(serde_json::Value::from(now.as_str()).to_string());
                return Some((Ok(event), (board, now)));
            }
            tokio::time::sleep(EVERY).await;
        }
    })
}
