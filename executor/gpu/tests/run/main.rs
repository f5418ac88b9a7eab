//! Plans on a card that is none: the real cudarc calls a driver whose kernels run on the PTX interpreter. A process has
//! one driver, so tests run in processes of their own.
#![allow(clippy::unwrap_used, clippy::panic)]

mod computed;
mod faults;
mod library;
mod limits;
mod process;
mod products;
mod residents;
mod several;

#[allow(dead_code)]
#[path = "../emit/corpus.rs"]
mod corpus;
#[path = "../emit/expected.rs"]
mod expected;
#[path = "../../../cpu/tests/support/mod.rs"]
mod support;
