//! Stored arrays whose chunks are written from here, as they are finished.

use crate::items::dense;
use crate::roots::Roots;
use crate::spec::JobParts;
use cleave_cpu::{Cancel, Site};
use cleave_ops::{Data, Region};
use cleave_plan::{Plan, RunError, Sink, Target};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// For each output of a job the array it is written to from here, if it is.
pub(super) struct Targets(Vec<Option<Stored>>);

struct Stored {
    sink: Arc<dyn Sink>,
    /// What could not be written once is left to the kernel from then on.
    failed: AtomicBool,
}

impl Targets {
    /// Those below the roots for writing that are what the kernel says; the others are the kernel's to write.
    pub(super) fn open(roots: &Roots, parts: &JobParts, plan: &Plan) -> Self {
        let stored = |(wanted, output): (&crate::spec::Wanted, &cleave_plan::plan::PlannedOutput)| {
            let part = roots.part(wanted.zarr.as_ref()?, (&output.grid, output.dtype)).ok()?;
            Some(Stored { sink: Arc::new(part), failed: AtomicBool::new(false) })
        };
        Self(parts.wanted.iter().zip(&plan.outputs).map(stored).collect())
    }

    /// Writes a finished block to all outputs that want it; false where that is left to the kernel.
    pub(super) fn write(
        &self,
        site: &Site<'_>,
        target: &Target,
        (region, block): (&Region, &mut Data),
        cancel: &Cancel,
    ) -> Result<bool, RunError> {
        let stored = |&output: &usize| self.0.get(output)?.as_ref().filter(|s| !s.failed.load(Ordering::Relaxed));
        let all: Option<Vec<&Stored>> = target.outputs.iter().map(stored).collect();
        let Some(all) = all.filter(|all| !all.is_empty() && dense(site.plan(), target).is_none()) else {
            return Ok(false);
        };
        for stored in all {
            match site.write(&stored.sink, region, block, &cancel.0) {
                Ok(()) => {}
                Err(RunError::Write(_)) => {
                    stored.failed.store(true, Ordering::Relaxed);
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}
