//! Products of matrices on a device: some blocks of the result at a time. Their operands are packed, all panels at once
//! or as many as there is memory for, multiplied launch by launch, and finished block by block. `library` has the vendor's
//! library multiply, where that is wanted.

use super::factors::{Of, Part};
use super::{Flight, MOST_TIME};
use crate::cargo::Cargo;
use crate::device::Memory;
use crate::emit::{Factors, Grid, Kernel, Placed, ProductKernels, StoreKernel, Turn};
use crate::error::GpuError;
use crate::notes::{NoLibrary, Why};
use crate::shelf::{Stop, bytes, placed};
use crate::stock::Stock;
use cleave_ops::{Data, Region};
use cleave_plan::contract::Side;
use cleave_plan::stage::block_region;
use cleave_plan::{ContractWork, Origin};
use smallvec::SmallVec;
use std::ops::Range;
use std::time::{Duration, Instant};

/// Products of the first launch: few enough for any card, many enough to measure how fast it is.
const FIRST_PRODUCTS: usize = 1 << 28;
/// The most products of a launch.
const MOST_PRODUCTS: usize = 1 << 50;
/// Sums that are made together where operands are on the device anyway.
const MANY_SUMS: usize = 1 << 26;
/// Sums of several blocks take at most this part of the memory.
const SUMS_PART: u64 = 4;
/// Blocks and tiles of a launch are numbered with 31 bits.
const MOST_NUMBERS: usize = 1 << 31;

/// Blocks that are multiplied together.
#[derive(Debug)]
struct Piece {
    blocks: Range<usize>,
    /// The part of the result that they cover.
    region: Region,
    /// Panels that are packed at once.
    packed: usize,
}

/// What is kept from piece to piece.
pub(super) struct Bench {
    packs: [Option<(Part, Memory)>; 2],
    /// Products of a launch.
    pub(super) products: usize,
}

impl Bench {
    fn new() -> Self {
        Self { packs: [None, None], products: FIRST_PRODUCTS }
    }

    /// A launch took that long.
    pub(super) fn adapt(&mut self, took: Duration) {
        self.products = match took {
            took if took > MOST_TIME => self.products / 2,
            took if took < MOST_TIME / 16 => self.products * 8,
            took if took < MOST_TIME / 2 => self.products * 2,
            _ => self.products,
        };
        self.products = self.products.min(MOST_PRODUCTS);
    }
}

impl<'a> Flight<'a> {
    /// Does all tasks of a contraction, as `fly` does.
    pub(super) fn multiply(
        &mut self,
        work: &'a ContractWork,
        kernels: &'a ProductKernels,
    ) -> Result<Option<GpuError>, Stop> {
        let by_library = self.has_library(kernels.product.dtype);
        let mut of = Of { work, kernels, by_library };
        let (mut bench, mut block) = (Bench::new(), self.tasks.start / work.segments);
        let tasks = |blocks: Range<usize>| blocks.start * work.segments..blocks.end * work.segments;
        let blocks = self.tasks.end / work.segments;
        while block < blocks {
            let Some(piece) = self.piece(of, block..blocks) else {
                bench.packs = [None, None];
                if self.shelf.held_bytes() > 0 {
                    self.shelf.clear();
                    continue;
                }
                let more = (block + 1..blocks).take_while(|&next| self.piece(of, next..blocks).is_none()).count();
                self.on_threads(tasks(block..block + 1 + more), Why::TooLarge)?;
                block += 1 + more;
                continue;
            };
            match self.product(of, &piece, &mut bench, &mut block) {
                Ok(()) => {}
                Err(Stop::Device(GpuError::Library { call, status })) => {
                    self.leave_library(NoLibrary::Failed { call, status });
                    (of.by_library, bench) = (false, Bench::new());
                }
                Err(Stop::Device(error)) if error.is_memory() => {
                    bench.packs = [None, None];
                    self.shelf.clear();
                    self.limit_bytes /= 2;
                    if let Err(error) = self.device.trim() {
                        return self.give_up(tasks(block..blocks), error.into());
                    }
                }
                Err(stop) => return self.give_up(tasks(block..blocks), stop),
            }
        }
        Ok(None)
    }

    /// The next blocks that are done together: as many as make a box, fit into memory, and are not done too soon.
    fn piece(&self, of: Of<'_>, rest: Range<usize>) -> Option<Piece> {
        let row = of.work.boxes.0.last().map_or(1, |axis| axis.count());
        let room = self.limit_bytes.saturating_sub(self.shelf.held_bytes() + self.home_bytes());
        let most = if self.is_there(of) { MANY_SUMS } else { usize::MAX };
        let (mut best, mut many) = (None, 1);
        while many <= rest.len() {
            let blocks = rest.start..rest.start + many;
            let Some(region) = hull(of.work, &blocks) else { break };
            let sums = (of.sums(&region) * of.product().dtype.size()) as u64;
            if best.is_some() && (sums > room / SUMS_PART || of.sums(&region) > most) {
                break;
            }
            let Some(packed) = self.packed(of, &region, room) else { break };
            best = Some(Piece { blocks, region, packed });
            many = longer(many, row - rest.start % row, row);
        }
        best
    }

    /// Whether all that the operands read is on the device.
    fn is_there(&self, of: Of<'_>) -> bool {
        of.kernels.operands.iter().enumerate().all(|(side, store)| {
            let space = Region::whole(&of.operand(side).program.space);
            store.kernel.loads.iter().all(|load| self.shelf.find(load.origin, &load.wanted(&space)).is_some())
        })
    }

    /// How many panels can be packed at once for a part of the result; none where it does not fit.
    fn packed(&self, of: Of<'_>, region: &Region, room: u64) -> Option<usize> {
        let [down, across, matrices] = of.product().tiles(&of.factors(region, &(0..1), [0; 2], 0));
        let tiles = down.saturating_mul(across).saturating_mul(matrices);
        let sides = of.work.block_sides(region);
        if [tiles, sides.rows.size(), sides.columns.size()].into_iter().any(|number| number >= MOST_NUMBERS) {
            return None;
        }
        let sums = (of.sums(region) as u64).saturating_mul(of.product().dtype.size() as u64);
        let block = block_region(&of.work.boxes, 0);
        let out: usize = of.kernels.finish.goals.iter().map(|goal| goal.size() * block.size()).sum();
        let left =
            room.checked_sub(sums.saturating_add(out as u64))?.checked_sub(self.slabs(&of.kernels.finish, &block))?;
        let mut many = of.panels();
        loop {
            let parts = of.parts(region, &(0..many));
            let packs = parts.iter().map(|part| of.packed_bytes(part)).fold(0, u64::saturating_add);
            let slabs = |side: usize| {
                let boxes = of.boxes(side, &parts[side]);
                boxes.first().map_or(0, |(region, ..)| self.slabs(&of.kernels.operands[side], region))
            };
            if packs.saturating_add(slabs(0).max(slabs(1))) <= left {
                return Some(many);
            }
            if many == 1 {
                return None;
            }
            many = many.div_ceil(2);
        }
    }

    /// Bytes of what a kernel reads for a part of its space and is not on the device.
    fn slabs(&self, store: &StoreKernel, region: &Region) -> u64 {
        let reads = store.kernel.loads.iter().filter(|load| !matches!(load.origin, Origin::Local(_)));
        let parts = reads.map(|load| (load, load.wanted(region)));
        let missing = parts.filter(|(load, part)| self.shelf.find(load.origin, part).is_none());
        missing.map(|part| bytes(&part)).fold(0, u64::saturating_add)
    }

    /// Does a piece; `next` becomes the first block that is not done.
    fn product(&mut self, of: Of<'_>, piece: &Piece, bench: &mut Bench, next: &mut usize) -> Result<(), Stop> {
        let began = Instant::now();
        let flag = self.device.zeros(4)?;
        let dtype = of.product().dtype;
        let sums = self.device.zeros(of.sums(&piece.region) * dtype.size())?;
        for first in (0..of.panels()).step_by(piece.packed) {
            let panels = first..of.panels().min(first + piece.packed);
            let parts = of.parts(&piece.region, &panels);
            // What is of no use any more makes room first.
            for (pack, part) in bench.packs.iter_mut().zip(&parts) {
                if pack.as_ref().is_some_and(|(known, _)| known != part) {
                    *pack = None;
                }
            }
            for (side, part) in parts.into_iter().enumerate() {
                self.pack(of, (side, part), &flag, bench)?;
            }
            let packs = [0, 1].map(|side| bench.packs[side].as_ref().map_or(0, |(_, memory)| memory.address()));
            let factors = of.factors(&piece.region, &panels, packs, sums.address());
            if of.by_library { self.calls(of, &factors, bench)? } else { self.turns(&of, &factors, bench)? }
        }
        let factors = of.factors(&piece.region, &(0..1), [0; 2], sums.address());
        if let Some(kernel) = of.product().segments.as_ref().filter(|_| !of.by_library) {
            let (grid, arguments) = of.product().joining(&factors);
            self.start_kernel(kernel, grid, &arguments)?;
        }
        if of.kernels.operands.iter().any(|store| store.kernel.may_fail) && self.is_raised(&flag)? {
            let tasks = piece.blocks.start * of.work.segments..piece.blocks.end * of.work.segments;
            self.on_threads(tasks, Why::Beyond)?;
            *next = piece.blocks.end;
            return Ok(());
        }
        for block in piece.blocks.clone() {
            self.finish(of, (piece, &sums), block)?;
            *next = block + 1;
            let tasks = block * of.work.segments..(block + 1) * of.work.segments;
            self.pass.visited(self.pass.stage().elements_of(&tasks))?;
            self.pass.timed(began, &block_region(&of.work.boxes, block));
        }
        Ok(())
    }

    /// Packs a part of an operand, unless that was done before.
    fn pack(&mut self, of: Of<'_>, (side, part): (usize, Part), flag: &Memory, bench: &mut Bench) -> Result<(), Stop> {
        if bench.packs[side].is_some() {
            return Ok(());
        }
        let (store, size) = (&of.kernels.operands[side], of.product().dtype.size());
        let (pitch, slots) = (of.product().pitch(part.free.size()), of.slots(&part.panels));
        let nbytes = of.packed_bytes(&part) as usize;
        // What is only there to fill up is multiplied, too.
        let is_full = pitch == part.free.size() && of.is_run();
        let memory = if is_full { self.device.room(nbytes)? } else { self.device.zeros(nbytes)? };
        for (region, shared, slot) in of.boxes(side, &part) {
            let (batches, frees) = (part.batch.len.strides(), part.free.len.strides());
            let batches = batches.iter().map(|stride| stride * slots * pitch);
            let shareds: Vec<usize> = shared.len.strides().iter().map(|stride| stride * pitch).collect();
            let strides: SmallVec<[usize; 4]> = match of.operand(side).first {
                Side::Free => batches.chain(frees.iter().copied()).chain(shareds).collect(),
                Side::Shared => batches.chain(shareds).chain(frees.iter().copied()).collect(),
            };
            let address = memory.address() + (slot * pitch * size) as u64;
            let goal = Placed { address, start: region.start.clone(), strides };
            self.make(store, &region, None, &[goal], flag)?;
        }
        bench.packs[side] = Some((part, memory));
        Ok(())
    }

    /// Launches a kernel that keeps elements for a region; a product lies at `product`.
    fn make(
        &mut self,
        store: &StoreKernel,
        region: &Region,
        product: Option<&Placed>,
        goals: &[Placed],
        flag: &Memory,
    ) -> Result<(), Stop> {
        let (mut cargo, mut loads, none) = (Cargo::default(), vec![], Stock::default());
        for load in &store.kernel.loads {
            loads.push(match (load.origin, product) {
                (Origin::Local(_), Some(product)) => product.clone(),
                _ => self.place(load, &load.wanted(region), (&mut cargo, &none))?,
            });
        }
        let arguments = store.arguments(region, &loads, goals, flag.address());
        self.start_kernel(&store.kernel, store.grid(region), &arguments)
    }

    fn start_kernel(&mut self, kernel: &Kernel, grid: Grid, arguments: &[u64]) -> Result<(), Stop> {
        self.pass.visited(0)?;
        self.device.launch(kernel, grid, arguments)?;
        self.note.launches += 1;
        Ok(())
    }

    /// Multiplies what is packed, in launches none of which takes long.
    fn turns(&mut self, of: &Of<'_>, factors: &Factors, bench: &mut Bench) -> Result<(), Stop> {
        let product = of.product();
        self.device.wait()?;
        let tiles = product.tiles(factors).iter().product::<usize>();
        let each = product.tile[0] * product.tile[1] * factors.panel.max(1);
        let longest = (0..factors.segments).map(|segment| of.work.panels(segment).len()).max().unwrap_or(0);
        let mut first = 0;
        while first < longest {
            let room = (bench.products / each).max(1);
            let panels = first..longest.min(first + (room / tiles).max(1));
            first = panels.end;
            if !of.is_packed(&panels, &factors.packed) {
                continue;
            }
            let mut tile = 0;
            while tile < tiles {
                let room = (bench.products / (each * panels.len())).clamp(1, tiles);
                let turn = Turn { panels: panels.clone(), tiles: tile..tiles.min(tile + room) };
                let began = Instant::now();
                let (grid, arguments) = (product.grid(turn.tiles.len()), product.arguments(factors, &turn));
                self.start_kernel(&product.kernel, grid, &arguments)?;
                self.device.wait()?;
                bench.adapt(began.elapsed());
                tile = turn.tiles.end;
            }
        }
        Ok(())
    }

    fn is_raised(&self, flag: &Memory) -> Result<bool, Stop> {
        let mut beyond = [0; 4];
        self.device.read(flag, &mut beyond)?;
        Ok(beyond != [0; 4])
    }

    /// Makes a block of finished sums and hands it over.
    fn finish(&mut self, of: Of<'_>, (piece, sums): (&Piece, &Memory), block: usize) -> Result<(), Stop> {
        let (store, region) = (&of.kernels.finish, block_region(&of.work.boxes, block));
        let away: Vec<usize> = self.away(store.goals.len()).collect();
        let outs = away.iter().map(|&goal| self.device.room(store.goals[goal].size() * region.size()));
        let outs = outs.collect::<Result<Vec<Memory>, _>>()?;
        let mut made = outs.iter().map(|out| placed(&region, out));
        let goals = (0..store.goals.len()).map(|goal| self.at_home(goal).or_else(|| made.next()));
        let goals: Vec<Placed> = goals.flatten().collect();
        let product = Placed::dense(sums.address(), &piece.region.start, &piece.region.len);
        let flag = self.device.zeros(4)?;
        self.make(store, &region, Some(&product), &goals, &flag)?;
        if store.kernel.may_fail && self.is_raised(&flag)? {
            return self.on_threads(block * of.work.segments..(block + 1) * of.work.segments, Why::Beyond);
        }
        self.device.wait()?;
        let (mut at, mut made) = (0, vec![]);
        for part in of.finished(&region) {
            let len = part.size();
            let one = |(&goal, out): (&usize, &Memory)| {
                let dtype = store.goals[goal];
                self.bring((out, at * dtype.size()), (dtype, len)).map(|data| (goal, data))
            };
            let all = away.iter().zip(&outs).map(one).collect::<Result<Vec<(usize, Data)>, _>>()?;
            made.push((part, all));
            at += len;
        }
        for (part, all) in made {
            let number = self.pass.place(&part);
            all.into_iter().try_for_each(|(goal, data)| self.pass.block(goal, number, &part, data))?;
        }
        self.note.done += of.work.segments;
        Ok(())
    }
}

/// The box that blocks cover, if they cover one.
fn hull(work: &ContractWork, blocks: &Range<usize>) -> Option<Region> {
    let mut each = blocks.clone().map(|block| block_region(&work.boxes, block));
    let first = each.next()?;
    let (whole, size) =
        each.fold((first.clone(), first.size()), |(whole, size), block| (whole.hull(&block), size + block.size()));
    (whole.size() == size).then_some(whole)
}

/// How many blocks are tried after so many: parts of a row, of which so many are left, then whole rows.
fn longer(many: usize, left: usize, row: usize) -> usize {
    if many < left {
        (2 * many).min(left)
    } else if left == row {
        many / row * 2 * row
    } else {
        usize::MAX
    }
}
