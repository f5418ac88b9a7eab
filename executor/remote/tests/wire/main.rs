//! Jobs, blocks, files, tokens and connections, with everything that can be wrong with them.

#![allow(clippy::unwrap_used, clippy::panic)]

mod bulk;
mod keeper;
