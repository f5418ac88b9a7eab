//! The messages and the service, generated from `proto/engine.proto`.

#![allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub)]

tonic::include_proto!("cleave.engine.v1");
