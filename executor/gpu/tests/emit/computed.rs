//! Kernels give the bits of threads: a PTX interpreter runs them, whole and in parts.

use crate::corpus::{each_loop, mixtures, planned};
use crate::expected::{difference, of_all_sorts, on_threads};
use cleave_gpu::emit::{FoldKernel, Grid, Kernel, Kernels, Load, Nodes, Placed, StoreKernel, Unfit, kernels, needs};
use cleave_gpu::join::states;
use cleave_gpu_interp::{Launch, Memory, Module, Order, launch};
use cleave_graph::SourceId;
use cleave_ops::data::Element;
use cleave_ops::{DType, Data, Region, Shape};
use cleave_plan::cut::fold_loop;
use cleave_plan::{BufferId, FoldWork, Origin, Plan, Stage, StoreWork, Work};
use std::collections::BTreeMap;

fn bytes(data: &Data) -> Vec<u8> {
    match data {
        Data::Bool(v) => v.iter().map(|&x| u8::from(x)).collect(),
        Data::I8(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Data::U8(v) => v.clone(),
        Data::I16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Data::U16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Data::I32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Data::U32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Data::I64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Data::U64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Data::F16(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Data::F32(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
        Data::F64(v) => v.iter().flat_map(|x| x.to_le_bytes()).collect(),
    }
}

fn data(dtype: DType, bytes: &[u8]) -> Data {
    fn all<T: Element, const N: usize>(bytes: &[u8], of: impl Fn([u8; N]) -> T) -> Data {
        T::wrap(bytes.as_chunks().0.iter().map(|chunk| of(*chunk)).collect())
    }
    match dtype {
        DType::Bool => all(bytes, |[byte]| byte != 0),
        DType::I8 => all(bytes, i8::from_le_bytes),
        DType::U8 => all(bytes, u8::from_le_bytes),
        DType::I16 => all(bytes, i16::from_le_bytes),
        DType::U16 => all(bytes, u16::from_le_bytes),
        DType::I32 => all(bytes, i32::from_le_bytes),
        DType::U32 => all(bytes, u32::from_le_bytes),
        DType::I64 => all(bytes, i64::from_le_bytes),
        DType::U64 => all(bytes, u64::from_le_bytes),
        DType::F16 => all(bytes, half::f16::from_le_bytes),
        DType::F32 => all(bytes, f32::from_le_bytes),
        DType::F64 => all(bytes, f64::from_le_bytes),
    }
}

/// A card that is none: memory, and what earlier stages left there.
struct Card {
    memory: Memory,
    flag: u64,
    sources: BTreeMap<SourceId, (u64, Shape)>,
    buffers: BTreeMap<BufferId, (u64, Shape)>,
    /// What was made before the kernel at hand.
    made: BTreeMap<u32, (u64, Region)>,
}

impl Card {
    fn new(sources: &BTreeMap<SourceId, (Shape, Data)>) -> Self {
        let mut memory = Memory::new(1 << 20, 1 << 32);
        let flag = memory.alloc(4).unwrap();
        memory.write(flag, &[0; 4]).unwrap();
        let mut card = Self { memory, flag, sources: BTreeMap::new(), buffers: BTreeMap::new(), made: BTreeMap::new() };
        for (id, (shape, data)) in sources {
            let address = card.put(data);
            card.sources.insert(*id, (address, shape.clone()));
        }
        card
    }

    fn put(&mut self, data: &Data) -> u64 {
        let address = self.memory.alloc(data.nbytes() as u64).unwrap();
        self.memory.write(address, &bytes(data)).unwrap();
        address
    }

    fn get(&self, dtype: DType, address: u64, len: usize) -> Data {
        let mut found = vec![0; dtype.size() * len];
        self.memory.read(address, &mut found).unwrap();
        data(dtype, &found)
    }

    fn placed(&self, load: &Load) -> Placed {
        let (address, shape) = match load.origin {
            Origin::Stored(id) => &self.sources[&id],
            Origin::Buffer(id) => &self.buffers[&id],
            Origin::Local(number) => {
                let (address, region) = &self.made[&number];
                return Placed::dense(*address, &region.start, &region.len);
            }
        };
        Placed::dense(*address, &vec![0; shape.ndim()], shape)
    }

    /// Runs a kernel; whether its formulas held.
    fn launch(&mut self, kernel: &Kernel, grid: Grid, arguments: &[u64], order: Order) -> bool {
        let params: Vec<u8> = arguments.iter().flat_map(|argument| argument.to_le_bytes()).collect();
        let module = Module::load(&kernel.text, &mut self.memory).unwrap_or_else(|e| panic!("{e}\n{}", kernel.text));
        let ([x, y], [tx, ty]) = (grid.blocks, grid.threads);
        let how = Launch { grid: [x, y, 1], block: [tx, ty, 1], order, ..Launch::new(1, 1, &params) };
        let of = module.kernel(&kernel.name).unwrap();
        launch(of, &how, &mut self.memory).unwrap_or_else(|fault| panic!("{fault}\n{}", kernel.text));
        let mut flag = [0; 4];
        self.memory.read(self.flag, &mut flag).unwrap();
        flag == [0; 4]
    }

    /// Makes what a kernel needs for a region; whether its formulas held.
    fn make(&mut self, kernel: &Kernel, reads: Region) -> bool {
        let (needs, mut held) = (needs(&kernel.made, [(kernel, reads)], |_, _| false), true);
        for (number, (of, need)) in kernel.made.iter().zip(needs).enumerate() {
            let Some(region) = need else { continue };
            let address = self.memory.alloc((of.goals[0].size() * region.size()) as u64).unwrap();
            let loads: Vec<Placed> = of.kernel.loads.iter().map(|load| self.placed(load)).collect();
            let goal = Placed::dense(address, &region.start, &region.len);
            let arguments = of.arguments(&region, &loads, &[goal], self.flag);
            held &= self.launch(&of.kernel, of.grid(&region), &arguments, Order::Reverse);
            self.made.insert(number as u32, (address, region));
        }
        held
    }

    /// The blocks of a stage that keeps elements, box by box.
    fn store(&mut self, of: &StoreKernel, work: &StoreWork, space: &Shape, parts: usize) -> Option<Vec<(Shape, Data)>> {
        let outs: Vec<u64> =
            of.goals.iter().map(|dtype| self.memory.alloc((dtype.size() * space.size()) as u64).unwrap()).collect();
        let start = vec![0; space.ndim()];
        let goals: Vec<Placed> = outs.iter().map(|&address| Placed::dense(address, &start, space)).collect();
        let mut held = true;
        for region in cut(space, parts) {
            held &= self.make(&of.kernel, of.reads(&region));
            let loads: Vec<Placed> = of.kernel.loads.iter().map(|load| self.placed(load)).collect();
            let arguments = of.arguments(&region, &loads, &goals, self.flag);
            held &= self.launch(&of.kernel, of.grid(&region), &arguments, Order::Reverse);
        }
        let found =
            work.goals.iter().zip(&outs).map(|(goal, &out)| (space.clone(), self.get(goal.dtype, out, space.size())));
        held.then(|| found.collect())
    }

    /// The results of a reduction, from nodes of so many cells.
    fn fold(&mut self, of: &FoldKernel, work: &FoldWork, space: &Shape, run: usize) -> Option<Vec<(Shape, Data)>> {
        let held = self.make(&of.kernel, Region::whole(space));
        let loads: Vec<Placed> = of.kernel.loads.iter().map(|load| self.placed(load)).collect();
        let kept = Shape::new(work.lattice.kept.iter().map(|&axis| space[axis]));
        let run = run.min(of.most_run);
        let nodes = Nodes { kept: Region::whole(&kept), superboxes: 0..work.lattice.superbox_count(), run };
        let count = of.nodes(&nodes);
        let dtypes: Vec<DType> = of.states.iter().flatten().copied().collect();
        let zeros: Vec<Data> = dtypes.iter().map(|&dtype| Data::zeros(dtype, count)).collect();
        let columns: Vec<u64> = zeros.iter().map(|data| self.put(data)).collect();
        let arguments = of.arguments(&nodes, &loads, &columns, self.flag);
        let held = held & self.launch(&of.kernel, of.grid(&nodes), &arguments, Order::Forward);
        let columns: Vec<Data> =
            dtypes.iter().zip(&columns).map(|(&d, &address)| self.get(d, address, count)).collect();
        let columns = self.joined((of, &nodes), columns, work.lattice.superbox_count());
        let states = states(work, 0, (&nodes.kept, &nodes.kept), &columns);
        let finished = work.goals.iter().zip(states).map(|(goal, state)| {
            let mut values = Data::with_capacity(goal.dtype, 0);
            (fold_loop(goal.op, goal.loop_index).finish)(&state, &goal.facts, &mut values);
            (kept.clone(), values)
        });
        held.then(|| finished.collect())
    }

    /// Nodes joined, all that belong to a task.
    fn joined(&mut self, (of, nodes): (&FoldKernel, &Nodes), mut columns: Vec<Data>, span: usize) -> Vec<Data> {
        for join in of.joins(nodes, span) {
            let ins: Vec<u64> = columns.iter().map(|column| self.put(column)).collect();
            let room = |column: &Data| self.memory.alloc((column.dtype().size() * join.leaves()) as u64).unwrap();
            let outs: Vec<u64> = columns.iter().map(room).collect();
            let kernel = of.joiner(&join);
            self.launch(kernel, join.grid(), &join.arguments(kernel, &ins, &outs), Order::Reverse);
            let kept = |(column, &out): (&Data, &u64)| self.get(column.dtype(), out, join.leaves());
            columns = columns.iter().zip(&outs).map(kept).collect();
        }
        columns
    }

    /// The results of all goals of a stage; nothing where a formula did not hold.
    fn stage(&mut self, stage: &Stage, kernels: &Kernels, cutting: usize) -> Option<Vec<(Shape, Data)>> {
        match (kernels, &stage.work) {
            (Kernels::Store(of), Work::Store(work)) => self.store(of, work, &stage.space, cutting),
            (Kernels::Folds(all), work) => {
                let folds = all.iter().zip(work.folds());
                let each: Option<Vec<_>> = folds.map(|(of, work)| self.fold(of, work, &stage.space, cutting)).collect();
                Some(each?.into_iter().flatten().collect())
            }
            _ => unreachable!("kernels are of their stage"),
        }
    }

    /// The outputs of a plan; nothing where a formula did not hold.
    fn plan(&mut self, plan: &Plan, cutting: usize) -> Result<Option<Vec<Data>>, Unfit> {
        let mut outputs: Vec<Option<Data>> = plan.outputs.iter().map(|_| None).collect();
        for stage in &plan.stages {
            let Some(results) = self.stage(stage, &kernels(stage)?, cutting) else { return Ok(None) };
            for (target, (shape, data)) in stage.targets().into_iter().zip(results) {
                if let Some(buffer) = target.buffer {
                    let address = self.put(&data);
                    self.buffers.insert(buffer, (address, shape));
                }
                target.outputs.iter().for_each(|&output| outputs[output] = Some(data.clone()));
            }
        }
        Ok(outputs.into_iter().collect())
    }
}

/// A space cut along its first axis.
fn cut(space: &Shape, parts: usize) -> Vec<Region> {
    let Some(&len) = space.first() else { return vec![Region::whole(space)] };
    let side = len.div_ceil(parts).max(1);
    let part = |start: usize| {
        let mut region = Region::whole(space);
        region.start[0] = start;
        region.len = region.len.with(0, side.min(len - start));
        region
    };
    (0..len).step_by(side).map(part).collect()
}

/// Compares a plan on the card with one on threads; whether all formulas held there.
pub(crate) fn compare_with(
    name: &str,
    plan: &Plan,
    sources: &BTreeMap<SourceId, (Shape, Data)>,
    cutting: usize,
) -> Result<bool, Unfit> {
    let Some(found) = Card::new(sources).plan(plan, cutting)? else { return Ok(false) };
    for (found, expected) in found.iter().zip(on_threads(plan, sources)) {
        if let Some(difference) = difference(found, &expected) {
            panic!("{name} ({cutting}): {difference}\n{plan}");
        }
    }
    Ok(true)
}

/// The same for sources of all sorts of numbers.
fn compare(name: &str, plan: &Plan, cutting: usize) -> Result<bool, Unfit> {
    compare_with(name, plan, &of_all_sorts(plan), cutting)
}

#[test]
fn mixtures_have_the_bits_of_threads() {
    for cutting in [1, 4, 32] {
        for (name, graph, nodes) in mixtures(10) {
            let plan = planned(&graph, &nodes, 2);
            assert_eq!(compare(name, &plan, cutting), Ok(true), "{name}");
        }
    }
}

#[test]
fn every_loop_has_the_bits_of_threads() {
    let (mut ran, mut beyond) = (0, vec![]);
    for (name, graph, node) in each_loop([37, 70]) {
        match compare(&name, &planned(&graph, &[node], 1), 2) {
            Ok(true) => ran += 1,
            Ok(false) => beyond.push(name),
            Err(unfit) => panic!("{name}: {unfit}"),
        }
    }
    assert!(ran > 600, "{ran}");
    // Large angles and far rests are left to the processor.
    assert!(beyond.len() < 40, "{beyond:?}");
}
