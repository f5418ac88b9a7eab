//! The exported calls. Every function trusts its pointers as the driver's interface demands: each is null or valid for
//! what the call reads or writes there. `host` touches memory of the caller, the others are one group of calls each.
#![expect(unsafe_code, reason = "the interface of the driver is made of pointers")]
#![allow(non_snake_case, reason = "the names are the driver's")]

mod context;
mod copy;
mod device;
mod event;
pub(crate) mod host;
mod init;
mod launch;
mod memory;
mod module;
mod occupancy;
mod pinned;
mod pool;
mod stream;
