//! Which vector instructions loops run with: the best of the machine, or lesser ones to compare with.

use pulp::WithSimd;
use std::sync::OnceLock;

/// The instructions of this process; the same from the first loop on.
static CHOSEN: OnceLock<pulp::Arch> = OnceLock::new();

/// What loops are compiled for several times, and where they are handed to the one that runs.
#[derive(Clone, Copy, Debug)]
pub struct Arch(pulp::Arch);

impl Arch {
    /// That of this process.
    #[inline(always)]
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Self(*CHOSEN.get_or_init(pulp::Arch::new))
    }

    /// Runs a loop.
    #[inline(always)]
    pub fn dispatch<W: WithSimd>(self, work: W) -> W::Output {
        self.0.dispatch(work)
    }
}

/// Lets loops run with the instructions of that name, such as `scalar` or `avx2`; false where this machine has none
/// such, or loops ran already.
pub fn use_vectors(name: &str) -> bool {
    named(name).is_some_and(|arch| CHOSEN.set(arch).is_ok())
}

#[cfg(target_arch = "x86_64")]
fn named(name: &str) -> Option<pulp::Arch> {
    match name {
        "scalar" => Some(pulp::Arch::Scalar),
        "avx2" => pulp::x86::V3::try_new().map(pulp::Arch::V3),
        "avx512" => pulp::x86::V4::try_new().map(pulp::Arch::V4),
        _ => None,
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn named(name: &str) -> Option<pulp::Arch> {
    (name == "scalar").then_some(pulp::Arch::Scalar)
}

/// The vector instructions that loops run with on this machine, such as `AVX2`.
pub fn vector_unit() -> &'static str {
    // The dispatcher's text begins with its variant and goes on with all the features that it looked for.
    let arch = format!("{:?}", Arch::new().0);
    let names = [("V4", "AVX-512"), ("V3", "AVX2"), ("Neon", "NEON")];
    names.into_iter().find(|(variant, _)| arch.starts_with(variant)).map_or("scalar", |(_, name)| name)
}
