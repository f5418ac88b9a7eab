//! A plan run in shares by several machines that are none: each has threads and a store of its own, and blocks
//! pass between them by calls.

use super::random::Tape;
use cleave_cpu::{
    Absent, Budget, Cancel, Control, DenseSink, Item, Joiner, Kept, MemorySource, Part, Pool, Receiver, Share, Site,
    Values,
};
use cleave_graph::SourceId;
use cleave_ops::{Chunks, DType, Data, Region};
use cleave_plan::stage::{block_region, unravel};
use cleave_plan::{
    Block, BufferId, Keep, Origin, Plan, RunError, Sink, Source, SourceError, Sources, Stage, reads, shares,
};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

/// How a stage's tasks are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cutting {
    /// Anywhere.
    Random,
    /// As the planner would.
    Even(usize),
}

/// The outputs of a plan as dense buffers, and how many parts were joined.
pub(crate) fn run_apart(plan: &Plan, sources: &Sources, tape: &mut Tape, cutting: Cutting) -> (Vec<Data>, usize) {
    let spill = tempfile::tempdir().unwrap();
    let pool = |threads| Pool::new(threads).unwrap().spilling_to(spill.path().to_owned());
    let pools: Vec<Pool> = (0..1 + tape.below(3)).map(|_| pool(1 + tape.below(2))).collect();
    let mut kernel = Kernel::new(plan, &pools, tape);
    let watched = watched(sources);
    let sources: Sources = watched.iter().map(|(id, s)| (*id, Arc::clone(s) as Arc<dyn Source>)).collect();
    let cancel = Cancel::default();
    let sites: Vec<Site<'_>> = pools.iter().map(|pool| Site::new(pool, plan, &sources, &cancel)).collect();
    let mut joined = 0;
    for number in 0..plan.stages.len() {
        let joiner = Joiner::new(plan, number);
        for tasks in cut(&plan.stages[number], cutting, tape) {
            for _ in 0..1 + usize::from(tape.below(6) == 0) {
                let worker = tape.below(sites.len());
                watched.values().for_each(|source| source.seen.lock().unwrap().clear());
                let parts = kernel.run_share(&sites[worker], worker, number, tasks.clone());
                check_reads(plan, number, tasks.clone(), &watched, &kernel.fetched);
                joined += parts.len();
                kernel.join(&joiner, number, parts);
            }
        }
        kernel.end(number);
    }
    let results = kernel.results.iter().map(DenseSink::take).collect();
    drop((sites, kernel));
    assert_eq!(std::fs::read_dir(spill.path()).unwrap().count(), 0, "nothing stays on disk");
    (results, joined)
}

fn cut(stage: &Stage, cutting: Cutting, tape: &mut Tape) -> Vec<Range<usize>> {
    let mut all = match cutting {
        Cutting::Even(count) => shares(stage, count),
        Cutting::Random => {
            let mut edges: Vec<usize> = (0..tape.below(8)).map(|_| tape.below(stage.tasks + 1)).collect();
            edges.extend([0, stage.tasks]);
            edges.sort_unstable();
            edges.windows(2).map(|pair| pair[0]..pair[1]).collect()
        }
    };
    (1..all.len()).for_each(|i| all.swap(i, tape.below(i + 1)));
    all
}

/// What reading noted, by its origin.
type Fetched = Arc<Mutex<Vec<(BufferId, usize)>>>;

struct Kernel<'a> {
    plan: &'a Plan,
    /// What each worker keeps; the last is the kernel's own.
    stores: Arc<Vec<Kept>>,
    /// Values that are sent whole.
    wholes: HashMap<BufferId, Arc<dyn Source>>,
    results: Vec<DenseSink>,
    fetched: Fetched,
}

impl<'a> Kernel<'a> {
    fn new(plan: &'a Plan, pools: &[Pool], tape: &mut Tape) -> Self {
        let budgets = [0, 4000, 1 << 30];
        let stores = (0..=pools.len())
            .map(|i| Kept::new(&pools[i % pools.len()], &Budget::new(budgets[tape.below(3)])))
            .collect();
        let results = plan.outputs.iter().map(|o| DenseSink::new(&o.shape, o.dtype)).collect();
        Self { plan, stores: Arc::new(stores), wholes: HashMap::new(), results, fetched: Arc::default() }
    }

    fn run_share(&self, site: &Site<'_>, worker: usize, stage: usize, tasks: Range<usize>) -> Vec<Part> {
        self.fetched.lock().unwrap().clear();
        let need = self.plan.needs[stage];
        let share = Share { stage, tasks, workers: need.workers, cache_bytes: need.cache_bytes };
        let control = Control { cancel: Cancel::default(), events: &|_| {} };
        let out = Keeping { plan: self.plan, stage, store: &self.stores[worker] };
        let done = site.run_share(&share, &View { kernel: self, worker }, &out, &control).unwrap();
        assert_eq!(done.report.tasks, share.tasks.len());
        done.parts
    }

    fn join(&self, joiner: &Joiner<'_>, stage: usize, parts: Vec<Part>) {
        let out = Keeping { plan: self.plan, stage, store: self.stores.last().unwrap() };
        parts.into_iter().for_each(|part| joiner.add(part, &out).unwrap());
    }

    /// Fetches results and what is sent whole; what no later stage reads is forgotten.
    fn end(&mut self, number: usize) {
        let stage = &self.plan.stages[number];
        for (target, grid) in stage.targets().into_iter().zip(stage.grids()) {
            for &output in &target.outputs {
                self.gather(Item::Output(output), &grid, &self.results[output]);
                self.stores
                    .iter()
                    .for_each(|s| (0..grid.count()).for_each(|n| s.release_block(Item::Output(output), n)));
            }
            let dense = target.buffer.filter(|&id| self.plan.buffer(id).keep == Keep::Dense);
            if let Some(id) = dense {
                let whole = DenseSink::new(&self.plan.buffer(id).shape, self.plan.buffer(id).dtype);
                self.gather(Item::Buffer(id), &grid, &whole);
                let whole: MemorySource = whole.source();
                self.wholes.insert(id, Arc::new(whole));
            }
        }
        for (id, buffer) in (0..).map(BufferId).zip(&self.plan.buffers) {
            if buffer.last_read_by <= number {
                self.stores.iter().for_each(|s| s.release(Item::Buffer(id)));
            }
        }
        if number + 1 == self.plan.stages.len() {
            assert!(self.stores.iter().all(|s| s.memory_bytes() == 0), "all was forgotten");
        }
    }

    fn gather(&self, item: Item, grid: &Chunks, to: &DenseSink) {
        for number in 0..grid.count() {
            let region = block_region(grid, number);
            if region.size() > 0 {
                let block = self.stores.iter().find_map(|s| s.get(item, number).unwrap());
                to.copy(&region, &owned(&block.unwrap_or_else(|| panic!("{item:?} block {number} is nowhere"))))
                    .unwrap();
            }
        }
    }
}

fn owned(block: &Block) -> Data {
    let elements = block.elements();
    let mut data = Data::zeros(elements.dtype(), elements.len());
    cleave_ops::copy_run(elements, 0, 1, &mut data, 0, elements.len());
    data
}

/// A worker's store takes what its shares finish.
struct Keeping<'a> {
    plan: &'a Plan,
    stage: usize,
    store: &'a Kept,
}

impl Receiver for Keeping<'_> {
    fn block(&self, goal: usize, number: usize, region: &Region, data: &mut Data) -> Result<(), RunError> {
        let stage = &self.plan.stages[self.stage];
        let (grid, target) = (stage.grids().swap_remove(goal), stage.targets()[goal]);
        if region.size() > 0 {
            assert_eq!(block_region(&grid, number), *region);
        }
        let items = target.buffer.map(Item::Buffer).into_iter().chain(target.outputs.iter().copied().map(Item::Output));
        for item in items {
            self.store.open(item, &grid, data.dtype());
            self.store.keep(item, number, data).map_err(RunError::Write)?;
            assert!(self.store.holds(item, number));
        }
        Ok(())
    }
}

/// What a worker sees of earlier stages.
struct View<'a, 'k> {
    kernel: &'a Kernel<'k>,
    worker: usize,
}

impl Values for View<'_, '_> {
    fn buffer(&self, id: BufferId) -> Option<Arc<dyn Source>> {
        let buffer = self.kernel.plan.buffer(id);
        let fetched = Arc::clone(&self.kernel.fetched);
        let whole = self.kernel.wholes.get(&id).cloned();
        let spread = || {
            let (stores, worker) = (Arc::clone(&self.kernel.stores), self.worker);
            let (grid, dtype) = (buffer.grid.clone(), buffer.dtype);
            Arc::new(Spread { id, grid, dtype, stores, worker, fetched }) as Arc<dyn Source>
        };
        Some(whole.unwrap_or_else(spread))
    }
}

/// A value whose blocks are where they were made.
struct Spread {
    id: BufferId,
    grid: Chunks,
    dtype: DType,
    stores: Arc<Vec<Kept>>,
    worker: usize,
    fetched: Fetched,
}

impl Source for Spread {
    fn grid(&self) -> &Chunks {
        &self.grid
    }
    fn dtype(&self) -> DType {
        self.dtype
    }
    fn block(&self, index: &[usize]) -> Result<Block, SourceError> {
        let number = flat(&self.grid, index);
        self.fetched.lock().unwrap().push((self.id, number));
        if let Some(own) = self.stores[self.worker].source(Item::Buffer(self.id)) {
            match own.block(index) {
                Err(error) if error.cause.is::<Absent>() => {}
                found => return found,
            }
        }
        let found = self.stores.iter().find_map(|s| s.get(Item::Buffer(self.id), number).transpose());
        found.unwrap_or_else(|| panic!("block {number} of {:?} is nowhere", self.id))
    }
    fn is_resident(&self) -> bool {
        false
    }
    fn label(&self) -> &str {
        "spread"
    }
    fn stored_bytes(&self) -> Option<u64> {
        None
    }
}

fn flat(grid: &Chunks, index: &[usize]) -> usize {
    let counts = grid.numblocks();
    let number = index.iter().zip(&counts.strides()).map(|(i, s)| i * s).sum();
    assert_eq!(unravel(number, &counts).as_slice(), index);
    number
}

/// A source that notes which of its blocks are read.
struct Watched {
    inner: Arc<dyn Source>,
    seen: Mutex<Vec<usize>>,
}

impl Source for Watched {
    fn grid(&self) -> &Chunks {
        self.inner.grid()
    }
    fn dtype(&self) -> DType {
        self.inner.dtype()
    }
    fn block(&self, index: &[usize]) -> Result<Block, SourceError> {
        self.seen.lock().unwrap().push(flat(self.grid(), index));
        self.inner.block(index)
    }
    fn is_resident(&self) -> bool {
        self.inner.is_resident()
    }
    fn held_bytes(&self) -> u64 {
        self.inner.held_bytes()
    }
    fn label(&self) -> &str {
        "watched"
    }
    fn stored_bytes(&self) -> Option<u64> {
        None
    }
}

fn watched(sources: &Sources) -> HashMap<SourceId, Arc<Watched>> {
    let watch = |inner: &Arc<dyn Source>| Arc::new(Watched { inner: Arc::clone(inner), seen: Mutex::default() });
    sources.iter().map(|(id, source)| (*id, watch(source))).collect()
}

/// Only those blocks were read that were to be expected.
fn check_reads(
    plan: &Plan,
    stage: usize,
    tasks: Range<usize>,
    watched: &HashMap<SourceId, Arc<Watched>>,
    fetched: &Fetched,
) {
    let sources: Sources = watched.iter().map(|(id, s)| (*id, Arc::clone(s) as Arc<dyn Source>)).collect();
    let expected: HashMap<Origin, Vec<Range<usize>>> =
        reads(plan, stage, tasks.clone(), &sources).into_iter().collect();
    let check = |origin: Origin, number: usize| {
        let found = expected.get(&origin).is_some_and(|runs| runs.iter().any(|run| run.contains(&number)));
        assert!(found, "tasks {tasks:?} of stage {stage} read block {number} of {origin:?}\n{expected:?}\n{plan}");
    };
    for (id, source) in watched {
        source.seen.lock().unwrap().iter().for_each(|&number| check(Origin::Stored(*id), number));
    }
    fetched.lock().unwrap().iter().for_each(|&(id, number)| check(Origin::Buffer(id), number));
}
