//! A stage's tasks on a device, some at a time: what they read goes there, kernels run, what they leave comes back.
//! `homes` has results stay there, `product` does those of a product of matrices, `factors` says what of its operands lies
//! where, `library` has the vendor's library multiply.

mod factors;
mod homes;
mod library;
mod product;

pub(crate) use homes::Own;

use crate::batch::Batch;
use crate::cargo::Cargo;
use crate::device::{Device, Mark, Memory};
use crate::emit::{Kernel, Kernels, Load, Placed};
use crate::join::states;
use crate::notes::{StageNote, Why};
use crate::piece::{Launch, Making, Piece, pieces, wide};
use crate::shelf::{Shelf, Stop, bytes, placed, upload};
use crate::stock::{Stock, stock_bytes};
use cleave_cpu::Pass;
use cleave_ops::{DType, Data, Region, filled};
use cleave_plan::stage::block_region;
use cleave_plan::{Origin, Work};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::time::{Duration, Instant};

/// A wish to stop is seen within such a time: tasks in flight are halved where they take longer, and become more where
/// they take less than half of it.
const MOST_TIME: Duration = Duration::from_millis(100);
/// Additions that any card does in less than that, and that take longer than what is around them.
const FIRST_WORK: f64 = 2e9;
/// The most tasks in flight.
const MOST_TASKS: usize = 1 << 12;

/// A stage on its way.
pub(crate) struct Flight<'a> {
    pub(crate) device: &'a mut Device,
    pub(crate) shelf: &'a mut Shelf,
    pub(crate) stock: Stock,
    pub(crate) own: Own<'a>,
    pub(crate) note: &'a mut StageNote,
    pub(crate) pass: &'a Pass<'a>,
    /// What of the stage it does.
    pub(crate) tasks: Range<usize>,
    pub(crate) kernels: &'a Kernels,
    /// Device memory that may be taken.
    pub(crate) limit_bytes: u64,
    /// Whether the vendor's library multiplies where it is found.
    pub(crate) library: bool,
}

/// A launch that was started, with the memory that it writes.
struct Started<'p> {
    launch: &'p Launch,
    outs: Vec<Memory>,
}

/// A unit whose launches were started, up to that mark, with what they read.
struct Running<'p> {
    pieces: Vec<(&'p Piece, Vec<Started<'p>>)>,
    mark: Mark,
    _cargo: Cargo,
}

impl Flight<'_> {
    /// Does its tasks; those that the device cannot do are done on threads. An error of the device comes back when it
    /// is one after which the device does nothing more; all tasks are done then, too.
    pub(crate) fn fly(&mut self) -> Result<Option<crate::GpuError>, Stop> {
        self.take_homes();
        let failed = self.all()?;
        self.settle().map(|()| failed)
    }

    /// All but what becomes of results that stay.
    fn all(&mut self) -> Result<Option<crate::GpuError>, Stop> {
        let (mut rest, mut many) = (self.tasks.clone(), self.first_tasks());
        if let Err(stop) = self.prepare() {
            return self.give_up(rest, stop);
        }
        if let (Work::Contract(work), Kernels::Product(kernels)) = (&self.pass.stage().work, self.kernels) {
            return self.multiply(work, kernels);
        }
        let mut is_paired = self.is_mirrored();
        while !rest.is_empty() {
            let batch = self.next(&rest, many, is_paired);
            match self.is_much(&batch.units) {
                true if many > 1 => many /= 2,
                true if self.held_bytes() > 0 => {
                    self.clear();
                    is_paired = self.is_mirrored();
                }
                true if is_paired => is_paired = false,
                true => rest.start += self.too_large(rest.clone())?,
                false => {
                    let began = Instant::now();
                    match self.batch(&batch, &mut rest) {
                        Ok(()) => many = adapted(many, began.elapsed()),
                        Err(Stop::Device(error)) if error.is_memory() && (batch.len() > 1 || self.held_bytes() > 0) => {
                            self.clear();
                            (many, is_paired) = ((many / 2).max(1), is_paired && many > 1);
                            if let Err(error) = self.device.trim() {
                                return self.give_up(rest, error.into());
                            }
                        }
                        Err(stop) => return self.give_up(rest, stop),
                    }
                }
            }
        }
        Ok(None)
    }

    /// How many tasks are in flight at first.
    fn first_tasks(&self) -> usize {
        let stage = self.pass.stage();
        let task_work = stage.space.size() as f64 * stage.weight / stage.tasks.max(1) as f64;
        ((FIRST_WORK / task_work.max(1.0)) as usize).clamp(1, MOST_TASKS)
    }

    /// Compiles the kernels, and has arrays and what is made of them before stay on the device where all that the stage
    /// reads takes half of it.
    fn prepare(&mut self) -> Result<(), Stop> {
        let (kernels, made) = (self.kernels.of_tasks(self.pass.stage(), &self.tasks), self.made());
        let needs = if made.is_empty() { vec![] } else { self.needs_of(kernels.iter().cloned()) };
        let before = made.iter().zip(&needs).filter_map(|(of, need)| Some((&of.kernel, of.reads(need.as_ref()?))));
        let all: Vec<(&Kernel, Region)> = before.chain(kernels.iter().cloned()).collect();
        self.device.compile(all.iter().map(|(kernel, _)| *kernel))?;
        let reads = parts(&all);
        let (most, made_bytes) = (self.limit_bytes / 2, stock_bytes(&made, &needs));
        let read_bytes = reads.values().map(bytes).fold(0, u64::saturating_add);
        if read_bytes > most {
            return Ok(());
        }
        self.note.bytes_up +=
            self.unless_full(|flight| flight.shelf.keep((&mut *flight.device, flight.pass), &reads, most))?;
        if made_bytes > 0 && read_bytes.saturating_add(made_bytes) <= most {
            self.unless_full(|flight| flight.stock_up(&needs))?;
        }
        Ok(())
    }

    /// Does something that takes memory; if there is not enough, all that stays on the device goes.
    fn unless_full<R: Default>(&mut self, work: impl FnOnce(&mut Self) -> Result<R, Stop>) -> Result<R, Stop> {
        match work(self) {
            Err(Stop::Device(error)) if error.is_memory() => {
                self.clear();
                Ok(R::default())
            }
            other => other,
        }
    }

    /// Makes all that is made before, once; not where a formula does not hold for some of it: task by task it may.
    fn stock_up(&mut self, needs: &[Option<Region>]) -> Result<(), Stop> {
        let (flag, mut beyond) = (self.device.zeros(4)?, [0; 4]);
        let stock = self.stocked(needs, (&flag, &mut Cargo::default()))?;
        self.device.read(&flag, &mut beyond)?;
        if beyond == [0; 4] {
            self.stock = stock;
        }
        Ok(())
    }

    /// Tasks as launches.
    pub(crate) fn pieces(&self, tasks: Range<usize>) -> Vec<Piece> {
        match (&self.pass.stage().work, self.is_all_home()) {
            (Work::Store(work), true) => wide(work, tasks),
            _ => pieces(self.pass.stage(), self.kernels, tasks),
        }
    }

    /// Bytes of what stays on the device from launch to launch and could go.
    pub(crate) fn held_bytes(&self) -> u64 {
        self.shelf.held_bytes() + self.stock.held_bytes()
    }

    /// Nothing stays there.
    fn clear(&mut self) {
        self.shelf.clear();
        self.stock = Stock::default();
    }

    /// Threads do all of the first tasks that are too large by themselves, the first of which is known to be. Gives how
    /// many those are.
    fn too_large(&mut self, rest: Range<usize>) -> Result<usize, Stop> {
        let alone = |task| self.pieces(task..task + 1);
        let more = (rest.start + 1..rest.end).take_while(|&task| self.is_much(&[alone(task)])).count();
        self.on_threads(rest.start..rest.start + 1 + more, Why::TooLarge)?;
        Ok(1 + more)
    }

    /// Does a batch; `rest` becomes the tasks that are not done. Where formulas hold for all elements, what a unit leaves
    /// comes back while the next one is computed.
    fn batch(&mut self, batch: &Batch, rest: &mut Range<usize>) -> Result<(), Stop> {
        let (began, flag, may_fail) = (Instant::now(), self.device.zeros(4)?, self.may_fail());
        let mut running = VecDeque::new();
        for unit in &batch.units {
            running.push_back(self.begin(unit, &flag)?);
            if running.len() > 1 && !may_fail {
                running.pop_front().map_or(Ok(()), |first| self.land(first, began, rest))?;
            }
        }
        if may_fail {
            let mut beyond = [0; 4];
            self.device.read(&flag, &mut beyond)?;
            if beyond != [0; 4] {
                drop(running);
                self.on_threads(batch.front.clone(), Why::Beyond)?;
                rest.start = batch.front.end;
                if !batch.back.is_empty() {
                    self.on_threads(batch.back.clone(), Why::Beyond)?;
                    rest.end = batch.back.start;
                }
                return Ok(());
            }
        }
        running.into_iter().try_for_each(|one| self.land(one, began, rest))
    }

    /// Whether an element may be one for which a formula does not hold.
    fn may_fail(&self) -> bool {
        let made = self.made();
        let all = self.kernels.all();
        all.into_iter().chain(made.iter().map(|of| &of.kernel)).any(|kernel| kernel.may_fail)
    }

    /// Starts what does a unit.
    fn begin<'p>(&mut self, unit: &'p [Piece], flag: &Memory) -> Result<Running<'p>, Stop> {
        let (mut cargo, mut pieces) = (Cargo::of(self.wants(unit)), vec![]);
        for piece in unit {
            let stock = self.stocked(&self.needs(piece), (flag, &mut cargo))?;
            let launches = piece.launches.iter().map(|launch| self.start(launch, (&mut cargo, &stock), flag));
            pieces.push((piece, launches.collect::<Result<Vec<_>, _>>()?));
        }
        Ok(Running { pieces, mark: self.device.mark()?, _cargo: cargo })
    }

    /// Hands over what a unit leaves, once it is done; its tasks are not of the rest any more.
    fn land(&mut self, running: Running<'_>, began: Instant, rest: &mut Range<usize>) -> Result<(), Stop> {
        self.device.reach(&running.mark)?;
        for (piece, launches) in &running.pieces {
            let columns = launches.iter().map(|one| self.fetch(one)).collect::<Result<Vec<_>, _>>()?;
            for (one, columns) in launches.iter().zip(columns) {
                self.deliver(piece, one.launch, columns)?;
            }
            match piece.tasks.start == rest.start {
                true => rest.start = piece.tasks.end,
                false => rest.end = piece.tasks.start,
            }
            self.note.done += piece.tasks.len();
            self.pass.visited(self.pass.stage().elements_of(&piece.tasks))?;
            self.pass.timed(began, &self.pass.stage().task_region(piece.tasks.start));
        }
        Ok(())
    }

    /// Starts a launch.
    fn start<'p>(
        &mut self,
        launch: &'p Launch,
        (cargo, stock): (&mut Cargo, &Stock),
        flag: &Memory,
    ) -> Result<Started<'p>, Stop> {
        let (mut outs, mut loads, mut goals) = (vec![], vec![], vec![]);
        if launch.is_empty() {
            return Ok(Started { launch, outs });
        }
        let (kernel, reads) = (launch.kernel(self.kernels), launch.reads(self.kernels));
        for load in &kernel.loads {
            loads.push(self.place(load, &load.wanted(&reads), (&mut *cargo, stock))?);
        }
        for (goal, (dtype, len)) in launch.makes(self.kernels).into_iter().enumerate() {
            if let Some(home) = self.at_home(goal) {
                goals.push(home);
                continue;
            }
            let out = self.device.room(dtype.size() * len)?;
            goals.push(placed(&launch.region, &out));
            outs.push(out);
        }
        let (grid, arguments) = launch.call(self.kernels, &loads, &goals, flag.address());
        self.pass.visited(0)?;
        self.device.launch(kernel, grid, &arguments)?;
        self.note.launches += 1;
        let outs = self.joined(launch, outs)?;
        Ok(Started { launch, outs })
    }

    /// Joins the nodes that a launch makes.
    fn joined(&mut self, launch: &Launch, mut nodes: Vec<Memory>) -> Result<Vec<Memory>, Stop> {
        let dtypes: Vec<DType> = launch.makes(self.kernels).into_iter().map(|(dtype, _)| dtype).collect();
        for (kernel, join) in launch.joins(self.kernels) {
            let outs = dtypes.iter().map(|dtype| self.device.room(dtype.size() * join.leaves()));
            let outs = outs.collect::<Result<Vec<_>, _>>()?;
            let arguments = join.arguments(kernel, &addresses(&nodes), &addresses(&outs));
            self.device.launch(kernel, join.grid(), &arguments)?;
            self.note.launches += 1;
            nodes = outs;
        }
        Ok(nodes)
    }

    /// Where a part of an array lies on the device; it goes there if it is not. What is made before is there.
    pub(crate) fn place(
        &mut self,
        load: &Load,
        part: &Region,
        (cargo, stock): (&mut Cargo, &Stock),
    ) -> Result<Placed, Stop> {
        if let Origin::Local(number) = load.origin {
            let number = number as usize;
            let found = stock.find(number, part).or_else(|| self.stock.find(number, part));
            return Ok(found.expect("what is made before is made before it is read"));
        }
        if let Some(found) = self.shelf.find(load.origin, part) {
            return Ok(found);
        }
        if let Some(found) = cargo.find(load.origin, part) {
            return Ok(found);
        }
        let whole = cargo.whole(load.origin, part);
        let memory = upload((&mut *self.device, self.pass), load, &whole)?;
        self.note.bytes_up += bytes(&(load, whole.clone()));
        let found = placed(&whole, &memory);
        cargo.keep(load.origin, whole, memory);
        Ok(found)
    }

    /// What a launch left for the host.
    fn fetch(&mut self, started: &Started<'_>) -> Result<Vec<Data>, Stop> {
        let leaves = started.launch.leaves(self.kernels);
        let leaves: Vec<_> = self.away(leaves.len()).map(|goal| leaves[goal]).collect();
        if started.launch.is_empty() {
            return Ok(leaves.into_iter().map(|(dtype, _)| Data::zeros(dtype, 0)).collect());
        }
        leaves.into_iter().zip(&started.outs).map(|(form, out)| self.bring((out, 0), form)).collect()
    }

    /// So many elements of memory that is ready, from its byte `at` on.
    pub(crate) fn bring(&mut self, from: (&Memory, usize), (dtype, len): (DType, usize)) -> Result<Data, Stop> {
        let (device, pass) = (&mut *self.device, self.pass);
        let data = filled(dtype, len, |bytes| device.fetch(from, bytes, &|to, from| pass.copy(to, from)))?;
        self.note.bytes_down += data.nbytes() as u64;
        Ok(data)
    }

    /// Hands over what a launch left.
    fn deliver(&self, piece: &Piece, launch: &Launch, columns: Vec<Data>) -> Result<(), Stop> {
        match &launch.making {
            Making::Block => {
                let away: Vec<usize> = self.away(self.pass.stage().targets().len()).collect();
                let mut goals = away.into_iter().zip(columns);
                goals.try_for_each(|(goal, data)| self.pass.block(goal, piece.tasks.start, &launch.region, data))?;
            }
            Making::Nodes { fold, parts, nodes, .. } => {
                let work = &self.pass.stage().work.folds()[*fold];
                for (number, node) in parts.each() {
                    let kept = block_region(&work.boxes, node.0);
                    self.pass.states(*fold, node, &states(work, number, (&kept, &nodes.kept), &columns))?;
                }
            }
        }
        Ok(())
    }

    /// Threads do what the device does not.
    fn on_threads(&mut self, tasks: Range<usize>, why: Why) -> Result<(), Stop> {
        self.note.leave(tasks.len(), why);
        Ok(self.pass.on_threads(tasks)?)
    }

    /// Threads do the rest, unless the run ends.
    fn give_up(&mut self, mut rest: Range<usize>, stop: Stop) -> Result<Option<crate::GpuError>, Stop> {
        let Stop::Device(error) = stop else { return Err(stop) };
        if std::mem::take(&mut self.own.homes).iter().any(Option::is_some) {
            // What was to stay is lost, so that all is done anew.
            (rest, self.note.done) = (self.tasks.clone(), 0);
            self.note.left.clear();
        }
        self.on_threads(rest, Why::Failed(error.clone()))?;
        Ok(error.is_sticky().then_some(error))
    }
}

fn addresses(all: &[Memory]) -> Vec<u64> {
    all.iter().map(Memory::address).collect()
}

/// Whether a load is of what is made on the device.
pub(crate) fn is_made(load: &Load) -> bool {
    matches!(load.origin, Origin::Local(_))
}

/// The parts of arrays that kernels read for those regions.
fn parts<'k>(kernels: &[(&'k Kernel, Region)]) -> BTreeMap<Origin, (&'k Load, Region)> {
    let mut parts = BTreeMap::<Origin, (&Load, Region)>::new();
    for (kernel, region) in kernels {
        for load in kernel.loads.iter().filter(|load| !is_made(load)) {
            let part = load.wanted(region);
            parts.entry(load.origin).and_modify(|(_, known)| *known = known.hull(&part)).or_insert((load, part));
        }
    }
    parts
}

/// How many tasks are in flight next, after so many took that long.
fn adapted(many: usize, took: Duration) -> usize {
    match took {
        took if took > MOST_TIME => (many / 2).max(1),
        took if took < MOST_TIME / 16 => (many * 8).min(MOST_TASKS),
        took if took < MOST_TIME / 2 => (many * 2).min(MOST_TASKS),
        _ => many,
    }
}
