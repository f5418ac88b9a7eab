//! Plans and runs that fail, as failures with a way out.

use cleave_graph::host::Failure;
use cleave_plan::{Demand, PlanError, RunError};

/// A plan that cannot be made.
pub(crate) fn plan_failure(error: PlanError) -> Failure {
    let words = |n: u64| match n as f64 / f64::from(1 << 20) {
        mib if mib < 1024.0 => format!("{mib:.1} MiB"),
        mib => format!("{:.2} GiB", mib / 1024.0),
    };
    let (message, help) = match &error {
        PlanError::Cancelled => return run_failure(&RunError::Cancelled),
        PlanError::DoesNotFit { needed, limit, what } => (
            format!(
                "this needs {} of memory, {} of it for {what}, and the limit is {}",
                words(*needed),
                words(what.bytes()),
                words(*limit)
            ),
            Some(format!("{}, or set %config memory_limit={}MiB", way_out(what), needed.div_ceil(1 << 20))),
        ),
        other => (other.to_string(), None),
    };
    Failure { code: error.code(), message, help, cause: None }
}

/// What helps besides a higher limit.
fn way_out(what: &Demand) -> &'static str {
    match what {
        Demand::Results(_) => "write it with .to_zarr(\"out.zarr\"), compute less of it (a slice, a reduction)",
        Demand::Present(_) => "forget arrays that are no longer needed (del x)",
        Demand::WrittenBlock(_) => "write smaller chunks: x.rechunk(\"64MiB\").to_zarr(\"out.zarr\")",
        Demand::ReadBlock(_) => "store the array in smaller chunks",
        Demand::Work(_) => "use fewer threads (%config threads=1)",
    }
}

/// A run that failed.
pub(crate) fn run_failure(error: &RunError) -> Failure {
    let (code, help) = match error {
        RunError::Cancelled => ("interrupted", None),
        RunError::Bug { .. } => {
            ("bug", Some("this is a mistake in Cleave, not in the program; the kernel goes on".to_owned()))
        }
        RunError::Spill(_) => (
            error.code(),
            Some(
                "set %config spill.directory to a disk with room, or raise memory_limit; the kernel goes on".to_owned(),
            ),
        ),
        RunError::Write(_) if error.code() == "disk-full" => {
            (error.code(), Some("make room there or write elsewhere; what was written of it is removed".to_owned()))
        }
        RunError::Elsewhere { code, .. } => (*code, at_workers(code).map(str::to_owned)),
        other => (other.code(), None),
    };
    let message = match error {
        RunError::Cancelled => "stopped by the user".to_owned(),
        other => other.to_string(),
    };
    Failure { code, message, help, cause: None }
}

/// What helps where workers failed.
fn at_workers(code: &str) -> Option<&'static str> {
    match code {
        "no-workers" => {
            Some("start them again, or compute here: %scheduler threads; `%workers` says what became of each")
        }
        "outside-roots" => Some("start the workers with --data-root DIR for the directory that holds the array"),
        "task-too-large" => {
            Some("start the workers with more memory (--memory), or use smaller chunks: x.rechunk(\"64MiB\")")
        }
        "file-not-found" => Some("workers must see stored arrays under the same path as the kernel does"),
        _ => None,
    }
}
