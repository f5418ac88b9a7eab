//! What runs, for browsers and for collectors of metrics: a board's snapshots become a live page and Prometheus text.
//!
//! In reading order: `guard` (who may look), `metrics` (snapshots and workers as Prometheus text), `page` (the page
//! and its events), `server` (the socket). The page is one static file that loads nothing; what it shows is drawn by
//! the render crate, and every text in it is escaped there. It listens on this machine alone unless it is told
//! otherwise, and answers only those who name it by an address of its own and show the token of its address.

mod guard;
mod metrics;
mod page;
mod server;

pub use metrics::{session_metrics, worker_metrics};
pub use server::{Dashboard, Metrics, OpenError, opener};
