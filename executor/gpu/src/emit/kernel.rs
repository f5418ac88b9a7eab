//! What is emitted: text, and what must be known to launch it.

use super::join::JoinKernels;
use super::recipe::{Load, Seen};
use cleave_graph::SCAN_LEN;
use cleave_ops::op::Layout;
use cleave_ops::{DType, Region, Shape};
use cleave_plan::locals::image;
use cleave_plan::{Lattice, Origin};
use smallvec::SmallVec;
use std::sync::Arc;

/// Threads of a block.
pub(super) const THREADS: u32 = 256;
/// The same where each warp keeps a cell in shared memory: two of them take the 32 KiB that every card has.
pub(super) const TILE_THREADS: u32 = 64;
/// The same where each goes along a block of running values: few blocks of many threads would leave processors idle.
const SCAN_THREADS: u32 = 64;
/// Threads that go together. Where there are rows each takes one, several a block: neighbours above and below, and
/// columns read as rows, are in the nearest cache then.
const WARP: u32 = 32;

/// A kernel's text and its parameters.
#[derive(Clone, Debug)]
pub struct Kernel {
    /// The entry's name: equal names are equal texts.
    pub name: String,
    /// The module.
    pub text: String,
    /// What to give, in order, 8 bytes each.
    pub params: Vec<Param>,
    /// The arrays it reads.
    pub loads: Vec<Load>,
    /// What is made before it, each perhaps from earlier ones; [`Origin::Local`] is the number here. All kernels of a
    /// stage have the same.
    pub made: Arc<[StoreKernel]>,
    /// Whether an element may be one for which the formula does not hold; the word at [`Param::Flag`] is 1 then, and
    /// what the launch gave is of no use.
    pub may_fail: bool,
}

/// The meaning of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Param {
    /// The address of a word that becomes 1 where a formula does not hold.
    Flag,
    /// The first index on an axis of the space.
    Start(usize),
    /// How many indices on an axis of the space.
    Len(usize),
    /// The address of the element of a load that index 0 of the space reads, or of the array's first, were it there.
    Base(usize),
    /// Bytes from one element of a load to the next along an axis of the space, or of the array where it is read at
    /// computed places.
    Step {
        /// The load.
        load: usize,
        /// The axis.
        axis: usize,
    },
    /// The address where a goal's element of index 0 of the space would stand, or the first of a column of states.
    Out(usize),
    /// Bytes from one element of a goal to the next along an axis of the space.
    OutStep {
        /// The goal.
        goal: usize,
        /// The axis.
        axis: usize,
    },
    /// The first superbox, and how many.
    FirstSuperbox,
    /// How many superboxes.
    Superboxes,
    /// Nodes of a superbox.
    Groups,
    /// Cells of a node: a power of two.
    Run,
    /// The first of a column of nodes that are joined.
    In(usize),
    /// How many segments nodes are joined to.
    Segments,
    /// How many kept indices.
    Kept,
    /// What is left of a segment.
    Parts,
    /// Superboxes of a task.
    Span,
    /// Elements from one node to the next (0), and from one kept index to the next (1).
    Apart(usize),
}

/// Where an array's elements are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The address of its first element.
    pub address: u64,
    /// The index of that element.
    pub start: SmallVec<[usize; 4]>,
    /// Elements from one to the next on each axis.
    pub strides: SmallVec<[usize; 4]>,
}

/// Blocks of a launch and threads of a block, both on two axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Blocks.
    pub blocks: [u32; 2],
    /// Threads of one.
    pub threads: [u32; 2],
}

/// A kernel that makes any box of a stage's space.
#[derive(Clone, Debug)]
pub struct StoreKernel {
    /// The kernel.
    pub kernel: Kernel,
    /// The dtypes of the stage's goals.
    pub goals: Vec<DType>,
    /// Elements that a thread makes in a row.
    pub unroll: u32,
    /// The axis along which there are running values: a thread goes along one block of theirs.
    pub along: Option<usize>,
}

/// A kernel that makes nodes of a reduction's tree: for each kept index of a box and each superbox of a range `groups`
/// nodes, each the state of `run` cells (the last of fewer).
#[derive(Clone, Debug)]
pub struct FoldKernel {
    /// The kernel.
    pub kernel: Kernel,
    /// The lattice of the reduction.
    pub lattice: Lattice,
    /// How nodes are laid out: as `Rows` they stand by kept index, superbox, group; as `Columns` by superbox, group, kept
    /// index.
    pub layout: Layout,
    /// The most cells of a node.
    pub most_run: usize,
    /// The dtypes of the columns of each goal, one buffer each.
    pub states: Vec<SmallVec<[DType; 3]>>,
    /// Threads of a block.
    pub threads: u32,
    /// What joins nodes.
    pub joins: JoinKernels,
}

impl Placed {
    /// An array that lies row-major from an address on, from that index on.
    pub fn dense(address: u64, start: &[usize], lens: &Shape) -> Self {
        Self { address, start: SmallVec::from_slice(start), strides: lens.strides().iter().copied().collect() }
    }

    fn base(&self, size: usize, at: impl Fn(usize) -> i64) -> u64 {
        let apart = |axis: usize| (at(axis) - self.start[axis] as i64).wrapping_mul(self.strides[axis] as i64);
        let elements = (0..self.strides.len()).map(apart).fold(0_i64, i64::wrapping_add);
        self.address.wrapping_add((elements * size as i64) as u64)
    }
}

/// Bytes from one element of a load to the next along an axis of the space.
fn load_step(load: &Load, placed: &Placed, axis: usize) -> u64 {
    let elements: i64 = match &load.seen {
        Seen::Anywhere => placed.strides[axis] as i64,
        Seen::Through(view) => {
            let steps = view.source.iter().zip(&placed.strides);
            steps.map(|(source, &stride)| source.step_on(axis) * stride as i64).sum()
        }
    };
    (elements * load.dtype.size() as i64) as u64
}

impl Load {
    /// The part of the array that is read for a region of the space.
    pub fn wanted(&self, region: &Region) -> Region {
        match &self.seen {
            Seen::Through(view) => image(view, region),
            Seen::Anywhere => Region::whole(&self.shape),
        }
    }
}

/// The part of each value made before some kernels that these need, each for a region of its space; `has` says what is
/// there already.
pub fn needs<'k>(
    made: &[StoreKernel],
    readers: impl IntoIterator<Item = (&'k Kernel, Region)>,
    has: impl Fn(usize, &Region) -> bool,
) -> Vec<Option<Region>> {
    let mut needs: Vec<Option<Region>> = vec![None; made.len()];
    let note = |needs: &mut Vec<Option<Region>>, kernel: &Kernel, region: &Region| {
        for load in &kernel.loads {
            if let Origin::Local(number) = load.origin {
                let part = load.wanted(region);
                let need = &mut needs[number as usize];
                *need = Some(need.take().map_or_else(|| part.clone(), |known| known.hull(&part)));
            }
        }
    };
    readers.into_iter().for_each(|(kernel, region)| note(&mut needs, kernel, &region));
    for (number, kernel) in made.iter().enumerate().rev() {
        needs[number] = needs[number].take().filter(|region| !has(number, region));
        if let Some(region) = needs[number].clone() {
            note(&mut needs, &kernel.kernel, &kernel.reads(&region));
        }
    }
    needs
}

impl Kernel {
    /// The value of a parameter that says where a load is.
    fn load_argument(&self, param: Param, loads: &[Placed]) -> Option<u64> {
        match param {
            Param::Base(number) => {
                let load = &self.loads[number];
                let first = |axis: usize| match &load.seen {
                    Seen::Anywhere => 0,
                    Seen::Through(view) => view.source[axis].start,
                };
                Some(loads[number].base(load.dtype.size(), first))
            }
            Param::Step { load, axis } => Some(load_step(&self.loads[load], &loads[load], axis)),
            _ => None,
        }
    }
}

impl StoreKernel {
    /// The region for which something is read where one is made: running values need all before them in their block.
    pub fn reads(&self, region: &Region) -> Region {
        let mut reads = region.clone();
        if let Some(axis) = self.along {
            let before = region.start[axis] % SCAN_LEN;
            reads.start[axis] -= before;
            reads.len = region.len.with(axis, region.len[axis] + before);
        }
        reads
    }

    /// The launch that makes a box, no length of which is 0.
    pub fn grid(&self, region: &Region) -> Grid {
        if let Some(axis) = self.along {
            let reads = self.reads(region).len;
            let lines = reads.with(axis, reads[axis].div_ceil(SCAN_LEN)).size();
            return Grid { blocks: [lines.div_ceil(SCAN_THREADS as usize) as u32, 1], threads: [SCAN_THREADS, 1] };
        }
        let lens = &region.len;
        let columns = lens.last().copied().unwrap_or(1).div_ceil(self.unroll as usize);
        let rows = lens.size() / lens.last().copied().unwrap_or(1).max(1);
        let tall = (rows.min((THREADS / WARP) as usize) as u32).next_power_of_two();
        let wide = (columns.min((THREADS / tall) as usize) as u32).next_power_of_two();
        let tall = (THREADS / wide).min((rows.min(THREADS as usize) as u32).next_power_of_two());
        let blocks = [columns.div_ceil(wide as usize) as u32, rows.div_ceil(tall as usize).min(MOST_ROWS) as u32];
        Grid { blocks, threads: [wide, tall] }
    }

    /// The parameters of a launch: where loads and goals stand, and the flag.
    pub fn arguments(&self, region: &Region, loads: &[Placed], goals: &[Placed], flag: u64) -> Vec<u64> {
        let of = |&param: &Param| match param {
            Param::Flag => flag,
            Param::Start(axis) => region.start[axis] as u64,
            Param::Len(axis) => region.len[axis] as u64,
            Param::Out(goal) => goals[goal].base(self.goals[goal].size(), |_| 0),
            Param::OutStep { goal, axis } => (goals[goal].strides[axis] * self.goals[goal].size()) as u64,
            other => self.kernel.load_argument(other, loads).unwrap_or(0),
        };
        self.kernel.params.iter().map(of).collect()
    }
}

/// Rows of blocks of a launch, which go on with the next rows.
const MOST_ROWS: usize = 65_535;

/// Which nodes a launch makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nodes {
    /// The kept indices, on the lattice's kept axes.
    pub kept: Region,
    /// The superboxes.
    pub superboxes: std::ops::Range<usize>,
    /// Cells of a node: a power of two, at most [`FoldKernel::most_run`].
    pub run: usize,
}

impl FoldKernel {
    /// What makes nodes, and what joins them.
    pub(super) fn all(&self) -> [&Kernel; 3] {
        [&self.kernel, &self.joins.superbox, &self.joins.task]
    }

    /// Nodes of each superbox.
    pub fn groups(&self, run: usize) -> usize {
        self.lattice.superbox.size().div_ceil(run)
    }

    /// Nodes of a superbox that have cells; those behind are not written.
    pub fn groups_of(&self, superbox: usize, run: usize) -> usize {
        self.lattice.superbox_cells(superbox).size().div_ceil(run)
    }

    /// All nodes of a launch, those without cells included: so many elements each column of states has.
    pub fn nodes(&self, nodes: &Nodes) -> usize {
        nodes.kept.size() * nodes.superboxes.len() * self.groups(nodes.run)
    }

    /// Where a node stands in its column.
    pub fn place(&self, nodes: &Nodes, kept: usize, superbox: usize, group: usize) -> usize {
        let (superboxes, groups) = (nodes.superboxes.len(), self.groups(nodes.run));
        let within = (superbox - nodes.superboxes.start) * groups + group;
        match self.layout {
            Layout::Rows => kept * superboxes * groups + within,
            Layout::Columns => within * nodes.kept.size() + kept,
        }
    }

    /// The launch that makes nodes, of which there are fewer than 2^31.
    pub fn grid(&self, nodes: &Nodes) -> Grid {
        let lanes = if self.layout == Layout::Rows { cleave_ops::fold::LANES } else { 1 };
        let blocks = (self.nodes(nodes) * lanes).div_ceil(self.threads as usize);
        Grid { blocks: [blocks as u32, 1], threads: [self.threads, 1] }
    }

    /// The parameters of a launch: where loads stand, the addresses of the columns of states of all goals, and the flag.
    pub fn arguments(&self, nodes: &Nodes, loads: &[Placed], columns: &[u64], flag: u64) -> Vec<u64> {
        let of = |&param: &Param| match param {
            Param::Flag => flag,
            Param::Start(axis) => nodes.kept.start[self.kept(axis)] as u64,
            Param::Len(axis) => nodes.kept.len[self.kept(axis)] as u64,
            Param::Out(column) => columns[column],
            Param::FirstSuperbox => nodes.superboxes.start as u64,
            Param::Superboxes => nodes.superboxes.len() as u64,
            Param::Groups => self.groups(nodes.run) as u64,
            Param::Run => nodes.run as u64,
            other => self.kernel.load_argument(other, loads).unwrap_or(0),
        };
        self.kernel.params.iter().map(of).collect()
    }

    fn kept(&self, axis: usize) -> usize {
        self.lattice.kept.iter().position(|&kept| kept == axis).unwrap_or(0)
    }
}
