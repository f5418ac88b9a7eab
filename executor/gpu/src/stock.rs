//! Values that are made on the device before the kernels that read them.

use crate::cargo::Cargo;
use crate::device::Memory;
use crate::emit::{Kernel, Kernels, Placed, StoreKernel, needs};
use crate::flight::Flight;
use crate::piece::Piece;
use crate::shelf::{Stop, holds, placed};
use cleave_ops::Region;
use std::sync::Arc;

/// Parts of them, by number.
#[derive(Default)]
pub(crate) struct Stock {
    parts: Vec<Option<(Region, Memory)>>,
}

impl Stock {
    /// Where a part of a value lies, if it is there.
    pub(crate) fn find(&self, number: usize, wanted: &Region) -> Option<Placed> {
        let (region, memory) = self.parts.get(number)?.as_ref()?;
        holds(region, wanted).then(|| placed(region, memory))
    }

    /// Bytes of all that is there.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.parts.iter().flatten().map(|(_, memory)| memory.nbytes() as u64).sum()
    }
}

/// Bytes of what is to be made.
pub(crate) fn stock_bytes(made: &[StoreKernel], needs: &[Option<Region>]) -> u64 {
    let bytes = |(kernel, region): (&StoreKernel, &Option<Region>)| {
        region.as_ref().map_or(0, |region| region.size() as u64 * kernel.goals[0].size() as u64)
    };
    made.iter().zip(needs).map(bytes).fold(0, u64::saturating_add)
}

impl Flight<'_> {
    /// What is made before the stage's kernels.
    pub(crate) fn made(&self) -> Arc<[StoreKernel]> {
        let kernel = match self.kernels {
            Kernels::Store(store) => Some(&store.kernel),
            Kernels::Folds(folds) => folds.first().map(|fold| &fold.kernel),
            Kernels::Product(_) => None,
        };
        kernel.map(|kernel| Arc::clone(&kernel.made)).unwrap_or_default()
    }

    /// What a piece needs of it that is not there.
    pub(crate) fn needs(&self, piece: &Piece) -> Vec<Option<Region>> {
        let launches = piece.launches.iter().filter(|launch| !launch.is_empty());
        self.needs_of(launches.map(|launch| (launch.kernel(self.kernels), launch.reads(self.kernels))))
    }

    /// The same of kernels that read for those regions.
    pub(crate) fn needs_of<'k>(&self, readers: impl Iterator<Item = (&'k Kernel, Region)>) -> Vec<Option<Region>> {
        needs(&self.made(), readers, |number, region| self.stock.find(number, region).is_some())
    }

    /// Makes what is needed.
    pub(crate) fn stocked(
        &mut self,
        needs: &[Option<Region>],
        (flag, cargo): (&Memory, &mut Cargo),
    ) -> Result<Stock, Stop> {
        let (made, mut stock) = (self.made(), Stock::default());
        for (kernel, need) in made.iter().zip(needs) {
            let part = match need {
                Some(region) => Some((region.clone(), self.one(kernel, region, (&mut *cargo, &stock, flag))?)),
                None => None,
            };
            stock.parts.push(part);
        }
        Ok(stock)
    }

    fn one(
        &mut self,
        of: &StoreKernel,
        region: &Region,
        (cargo, stock, flag): (&mut Cargo, &Stock, &Memory),
    ) -> Result<Memory, Stop> {
        let (reads, mut loads) = (of.reads(region), vec![]);
        for load in &of.kernel.loads {
            loads.push(self.place(load, &load.wanted(&reads), (&mut *cargo, stock))?);
        }
        let memory = self.device.room(region.size() * of.goals[0].size())?;
        let arguments = of.arguments(region, &loads, &[placed(region, &memory)], flag.address());
        self.pass.visited(0)?;
        self.device.launch(&of.kernel, of.grid(region), &arguments)?;
        self.note.launches += 1;
        Ok(memory)
    }
}
