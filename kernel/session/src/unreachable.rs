//! Workers that cannot be used, as failures with a way out.

use crate::world::failure;
use cleave_graph::host::Failure;
use cleave_remote::transport::{Fault, ReachError};

/// The most workers that a sentence names.
const NAMED: usize = 3;

/// What is wrong with workers, none of which can be used.
pub(crate) fn unreachable(errors: &[ReachError]) -> Failure {
    let Some(first) = errors.first() else {
        return failure("no-workers", "no worker answers", "name workers that run");
    };
    let mut sentences: Vec<String> = errors.iter().take(NAMED).map(ToString::to_string).collect();
    if errors.len() > NAMED {
        sentences.push(format!("and {} more", errors.len() - NAMED));
    }
    let (code, help) = way_out(&first.fault);
    failure(code, sentences.join("; "), help)
}

fn way_out(fault: &Fault) -> (&'static str, &'static str) {
    match fault {
        Fault::Unresolved { .. } => ("unreachable-worker", "look whether the name is written as the network knows it"),
        Fault::Refused | Fault::TimedOut { .. } | Fault::Silent { .. } | Fault::Closed => (
            "unreachable-worker",
            "look whether `cleave worker` runs there and listens on that address; `%scheduler threads` computes here",
        ),
        Fault::Http1 | Fault::NotOurs { .. } | Fault::NotEngine => {
            ("not-a-worker", "give the address of a `cleave worker`; Dask's schedulers speak another protocol")
        }
        Fault::NeedsTls => {
            ("bad-certificate", "give the pool's certificates: %config workers.tls_dir = DIR, or --tls-dir DIR")
        }
        Fault::NoTls => ("bad-certificate", "start the worker with --tls-dir, or leave certificates away on this side"),
        Fault::OldTls | Fault::Certificate(_) | Fault::ClientCertificate { .. } => (
            "bad-certificate",
            "both sides need certificates of one `cleave certs new`, for the name by which it is reached",
        ),
        Fault::TokenMissing | Fault::TokenWrong => (
            "wrong-token",
            "give the token that the worker was started with: %config workers.token_file = FILE, or CLEAVE_TOKEN",
        ),
        Fault::Refusal { .. } => ("worker-refuses", "kernel and workers must be of the same build of cleave"),
        Fault::Lost { .. } => ("lost-worker", "look whether the worker still runs, and try again"),
    }
}
