//! Outcome to pictures: facts of the session become text, HTML and SVG.
//!
//! In reading order: `units` (bytes, seconds, counts in words), `chunking` (the distribution of chunk sizes
//! in words), `style` (the one style sheet), `axis`, `diagram`, `cube`, `heat` (pictures of chunks), `estimate`
//! (predictions), `card` (array), `run`, `device` (what a GPU did), `lanes` (workers over time), `client` (workers), `compare` (several engines), `value`, `plan` (a card, its picture in lines), `sheet` (tables and help), `progress`, `failure`, `bundle` (everything
//! for one output, by media type), `board` (a page of what runs). Pure: the same facts give the same bytes; no clock, file or socket.

mod axis;
mod board;
mod bundle;
mod card;
mod chunking;
mod client;
mod compare;
mod cube;
mod device;
mod diagram;
mod estimate;
mod failure;
mod flow;
mod heat;
mod lanes;
mod markup;
mod plan;
mod progress;
mod run;
mod sheet;
mod style;
mod units;
mod value;

pub use board::board_html;
pub use bundle::{Bundle, bundle, html, svg, text};
pub use failure::{error_ansi, error_html, error_text};
pub use progress::{progress_html, progress_text};
pub use units::{about, bytes, count, rate, seconds, size};
