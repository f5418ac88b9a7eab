//! What connections and runs are made with.

use crate::schedule::Rules;
use crate::spec::{JobParts, Prepared};
use crate::transport::{Connector, Lookup};
use cleave_cpu::Cancel;
use cleave_plan::Sources;

/// How workers are reached, and when they are given up.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    /// Certificates and token.
    pub connector: Connector,
    /// What tells where names lead that stand for several workers.
    pub lookup: Lookup,
    /// How long to wait for whom.
    pub rules: Rules,
    /// What gives up connecting.
    pub cancel: Cancel,
}

/// A job for a pool.
#[derive(Clone, Copy)]
pub struct RemoteJob<'a> {
    /// Its plan, and the message that makes it again at the workers.
    pub prepared: &'a Prepared,
    /// What it was prepared from.
    pub parts: &'a JobParts,
    /// The data of sources that only this side has.
    pub sources: &'a Sources,
}
