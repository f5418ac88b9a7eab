//! Blocks and grids: which warp runs when, and when a barrier lets them go.

use crate::{
    decode::Kernel,
    error::{Fault, FaultKind, Place},
    execute::{Machine, Stop, Stuck, run},
    memory::Memory,
    shared::Shared,
    warp::{Seat, Trouble, Warp},
};

const MOST_THREADS: u32 = 1024;
const MOST_PER_AXIS: [u32; 3] = [1024, 1024, 64];
const MOST_BLOCKS: [u32; 3] = [i32::MAX as u32, 65535, 65535];
/// Shared memory that a text may declare.
const MOST_DECLARED: u64 = 48 << 10;
/// Shared memory that a block may have in all.
const MOST_SHARED: u64 = 227 << 10;

/// The order in which blocks and warps run; results that depend on it are wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The first one first.
    #[default]
    Forward,
    /// The last one first.
    Reverse,
}

/// How a kernel is to run.
#[derive(Clone, Debug)]
pub struct Launch<'l> {
    /// Blocks along x, y and z.
    pub grid: [u32; 3],
    /// Threads of a block along x, y and z.
    pub block: [u32; 3],
    /// Bytes of shared memory besides those that the text declares.
    pub shared_bytes: u32,
    /// All parameters, each where [`Kernel::params`] says.
    pub params: &'l [u8],
    /// Which block and warp comes first.
    pub order: Order,
    /// Instructions of warps after which the kernel is taken for one that never ends.
    pub budget: u64,
}

/// What a launch did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Instructions of warps.
    pub instructions: u64,
    /// Bytes that threads read from global memory.
    pub loaded_bytes: u64,
    /// Bytes that threads wrote to global memory.
    pub stored_bytes: u64,
}

impl Launch<'_> {
    /// A launch of so many blocks of so many threads, in the usual order.
    pub fn new(grid: u32, block: u32, params: &[u8]) -> Launch<'_> {
        let order = Order::Forward;
        Launch { grid: [grid, 1, 1], block: [block, 1, 1], shared_bytes: 0, params, order, budget: 1 << 32 }
    }

    /// Whether a kernel can be launched so.
    pub fn check(&self, kernel: &Kernel) -> Result<(), Fault> {
        check(kernel, self)
    }
}

/// Runs a kernel to its end or to its first fault; what it wrote until then stays.
pub fn launch(kernel: &Kernel, launch: &Launch, memory: &mut Memory) -> Result<Stats, Fault> {
    let mut stats = Stats::default();
    let result = check(kernel, launch).and_then(|()| grid(kernel, launch, memory, &mut stats));
    memory.end_launch();
    result.map(|()| stats)
}

fn check(kernel: &Kernel, launch: &Launch) -> Result<(), Fault> {
    let within = |sizes: [u32; 3], most: [u32; 3]| (0..3).all(|axis| (1..=most[axis]).contains(&sizes[axis]));
    let shared = kernel.shared_bytes + u64::from(launch.shared_bytes);
    let why = if !within(launch.grid, MOST_BLOCKS) {
        "the grid is empty or too large"
    } else if !within(launch.block, MOST_PER_AXIS) {
        "the block is empty or too large"
    } else if launch.block.iter().product::<u32>() > kernel.most_threads.unwrap_or(MOST_THREADS).min(MOST_THREADS) {
        "the block has too many threads"
    } else if kernel.shared_bytes > MOST_DECLARED || shared > MOST_SHARED {
        "too much shared memory"
    } else if launch.params.len() as u64 != kernel.param_bytes() {
        "the parameters do not fit the kernel"
    } else {
        return Ok(());
    };
    let (kernel, kind) = (kernel.name.clone(), FaultKind::BadLaunch(why));
    Err(Fault { kernel, place: Place::default(), block: [0; 3], thread: [0; 3], kind })
}

fn grid(kernel: &Kernel, launch: &Launch, memory: &mut Memory, stats: &mut Stats) -> Result<(), Fault> {
    let threads: u32 = launch.block.iter().product();
    let mut warps: Vec<Warp> = (0..threads.div_ceil(32)).map(|_| Warp::new(kernel)).collect();
    let [x, y, z] = launch.grid.map(u64::from);
    let mut budget = launch.budget;
    for at in 0..x * y * z {
        let at = if launch.order == Order::Forward { at } else { x * y * z - 1 - at };
        let place = [at % x, at / x % y, at / x / y].map(|axis| axis as u32);
        budget = block(kernel, launch, memory, stats, &mut warps, place, budget)?;
    }
    Ok(())
}

/// Where a warp stands between two turns.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Runs,
    Waits { at: usize, id: u32, threads: Option<u32> },
    Done,
}

fn block(
    kernel: &Kernel,
    launch: &Launch,
    memory: &mut Memory,
    stats: &mut Stats,
    warps: &mut [Warp],
    place: [u32; 3],
    budget: u64,
) -> Result<u64, Fault> {
    let total = kernel.shared_bytes + u64::from(launch.shared_bytes);
    let mut shared = Shared::new(total as usize);
    seat(kernel, launch, warps, place, total as u32);
    let mut states = vec![State::Runs; warps.len()];
    let mut machine = Machine { kernel, memory, shared: &mut shared, params: launch.params, stats, budget };
    loop {
        turn(warps, &mut states, &mut machine, launch.order)?;
        if states.iter().all(|state| *state == State::Done) {
            return Ok(machine.budget);
        }
        release(warps, &mut states, kernel)?;
        machine.shared.barrier();
    }
}

fn seat(kernel: &Kernel, launch: &Launch, warps: &mut [Warp], block: [u32; 3], total_shared: u32) {
    let (grid, threads, dynamic_shared) = (launch.grid, launch.block, launch.shared_bytes);
    for (warp, at) in warps.iter_mut().zip(0..) {
        warp.start(kernel, Seat { block, grid, threads, warp: at, dynamic_shared, total_shared });
    }
}

/// Runs each warp that can run until it cannot.
fn turn(warps: &mut [Warp], states: &mut [State], machine: &mut Machine, order: Order) -> Result<(), Fault> {
    let count = warps.len();
    for at in 0..count {
        let at = if order == Order::Forward { at } else { count - 1 - at };
        if states[at] != State::Runs {
            continue;
        }
        states[at] = match run(&mut warps[at], machine) {
            Ok(Stop::Finished) => State::Done,
            Ok(Stop::Barrier { at, id, threads }) => State::Waits { at, id, threads },
            Err(stuck) => return Err(fault(&warps[at], machine.kernel, stuck)),
        };
    }
    Ok(())
}

/// Lets warps go whose barrier all of its threads reached.
fn release(warps: &[Warp], states: &mut [State], kernel: &Kernel) -> Result<(), Fault> {
    let waiting = states.to_vec();
    let mut free = false;
    for (warp, state) in warps.iter().zip(states.iter_mut()) {
        if let State::Waits { id, threads, .. } = *state
            && arrived(warps, &waiting, id) == threads.unwrap_or(warp.seat.count())
        {
            *state = State::Runs;
            free = true;
        }
    }
    if free { Ok(()) } else { Err(nobody_goes(warps, states, kernel)) }
}

fn arrived(warps: &[Warp], states: &[State], barrier: u32) -> u32 {
    let here = |state: &State| matches!(state, State::Waits { id, .. } if *id == barrier);
    warps.iter().zip(states).filter(|(_, state)| here(state)).map(|(warp, _)| warp.all.count_ones()).sum()
}

fn nobody_goes(warps: &[Warp], states: &[State], kernel: &Kernel) -> Fault {
    let waiting = warps.iter().zip(states).find_map(|(warp, state)| match *state {
        State::Waits { at, id, threads } => Some((warp, at, id, threads)),
        _ => None,
    });
    let (warp, at, id, threads) = waiting.expect("a block that is not done has a warp that waits");
    let expected = threads.unwrap_or(warp.seat.count());
    let kind = FaultKind::DivergentBarrier { arrived: arrived(warps, states, id), expected };
    fault(warp, kernel, Stuck { at, trouble: Trouble { lane: 0, kind } })
}

fn fault(warp: &Warp, kernel: &Kernel, Stuck { at, trouble }: Stuck) -> Fault {
    Fault {
        kernel: kernel.name.clone(),
        place: kernel.places[at],
        block: warp.seat.block,
        thread: warp.seat.thread(trouble.lane),
        kind: trouble.kind,
    }
}
