//! One instruction of a group of lanes, and a warp up to its next barrier.

use crate::{
    access,
    decode::Kernel,
    error::FaultKind,
    exchange,
    launch::Stats,
    memory::Memory,
    op::{Action, Op, Slot},
    semantics::Lanes,
    shared::Shared,
    warp::{Group, Trouble, Warp, mask_of},
};

/// All that a warp touches besides its registers.
pub(crate) struct Machine<'m> {
    pub(crate) kernel: &'m Kernel,
    pub(crate) memory: &'m mut Memory,
    pub(crate) shared: &'m mut Shared,
    pub(crate) params: &'m [u8],
    pub(crate) stats: &'m mut Stats,
    pub(crate) budget: u64,
}

/// What becomes of the lanes after an instruction.
pub(crate) enum Flow {
    Next,
    /// These lanes go on elsewhere.
    Jump {
        target: usize,
        lanes: u32,
    },
    /// These lanes are done.
    Leave {
        lanes: u32,
    },
    /// These lanes wait for others at this instruction.
    Wait {
        lanes: u32,
    },
    Barrier {
        id: u32,
        threads: Option<u32>,
    },
}

/// Why a warp stopped.
pub(crate) enum Stop {
    Finished,
    Barrier { at: usize, id: u32, threads: Option<u32> },
}

/// A trouble and the instruction that met it.
pub(crate) struct Stuck {
    pub(crate) at: usize,
    pub(crate) trouble: Trouble,
}

/// Runs a warp until it ends or waits for other warps.
pub(crate) fn run(warp: &mut Warp, machine: &mut Machine) -> Result<Stop, Stuck> {
    loop {
        let Some(at) = warp.groups.iter().position(|group| !group.waits) else {
            return nobody_runs(warp, machine);
        };
        let group = warp.groups.remove(at);
        if let Some(stop) = run_group(warp, machine, group)? {
            return Ok(stop);
        }
    }
}

fn nobody_runs(warp: &mut Warp, machine: &mut Machine) -> Result<Stop, Stuck> {
    let Some(group) = warp.groups.first().copied() else {
        return Ok(Stop::Finished);
    };
    let op = &machine.kernel.code[group.next];
    let members = exchange::named(warp, machine.kernel, &op.action, group.lanes);
    let kind = FaultKind::MissingLanes { members: members.unwrap_or(warp.all), present: group.lanes };
    Err(Stuck { at: group.next, trouble: Trouble { lane: group.lanes.trailing_zeros(), kind } })
}

/// Runs a group until it stops, parts, or must let another group run.
fn run_group(warp: &mut Warp, machine: &mut Machine, mut group: Group) -> Result<Option<Stop>, Stuck> {
    loop {
        let at = group.next;
        match step(warp, machine, group).map_err(|trouble| Stuck { at, trouble })? {
            Flow::Next => group.next += 1,
            Flow::Jump { target, lanes } if lanes == group.lanes => group.next = target,
            Flow::Jump { target, lanes } => {
                warp.join(Group { next: target, lanes, waits: false });
                group = Group { next: at + 1, lanes: group.lanes & !lanes, waits: false };
            }
            Flow::Leave { lanes } => {
                warp.live &= !lanes;
                group = Group { next: at + 1, lanes: group.lanes & !lanes, waits: false };
            }
            Flow::Wait { lanes } => {
                warp.join(Group { next: at, lanes, waits: true });
                group = Group { next: at + 1, lanes: group.lanes & !lanes, waits: false };
            }
            Flow::Barrier { id, threads } => {
                warp.join(Group { next: at + 1, ..group });
                return Ok(Some(Stop::Barrier { at, id, threads }));
            }
        }
        let others = &warp.groups;
        if group.lanes == 0 || others.iter().any(|o| o.next == group.next || !o.waits && o.next < group.next) {
            warp.join(group);
            return Ok(None);
        }
    }
}

fn step(warp: &mut Warp, machine: &mut Machine, group: Group) -> Result<Flow, Trouble> {
    let kernel = machine.kernel;
    let Op { guard, action } = &kernel.code[group.next];
    if machine.budget == 0 {
        return Trouble::at(group.lanes, FaultKind::Budget);
    }
    machine.budget -= 1;
    machine.stats.instructions += 1;
    let lanes = warp.passed(kernel, *guard, group.lanes)?;
    if lanes == 0 {
        return Ok(Flow::Next);
    }
    match action {
        Action::Compute { .. } => compute(warp, kernel, action, lanes)?,
        Action::Select { to, yes, no, by } => select(warp, kernel, *to, [*yes, *no, *by], lanes)?,
        Action::Load(access, goals) => access::load(warp, machine, access, goals, lanes)?,
        Action::Store(access, sources) => access::store(warp, machine, access, sources, lanes)?,
        Action::Atomic { access, to, from, change } => {
            access::atomic(warp, machine, access, *to, *from, change, lanes)?;
        }
        Action::Branch { uniform: true, .. } if lanes != group.lanes => {
            return Trouble::at(lanes, FaultKind::DivergentBranch);
        }
        Action::Branch { target, .. } => return Ok(Flow::Jump { target: *target, lanes }),
        Action::Exit => return Ok(Flow::Leave { lanes }),
        Action::Trap => return Trouble::at(lanes, FaultKind::Trap),
        Action::Barrier { id, threads } => return barrier(warp, kernel, *id, *threads, lanes),
        Action::Active { to } => warp.write(*to, &[lanes.into(); 32], lanes, 0),
        Action::Shuffle(_)
        | Action::Vote { .. }
        | Action::Match { .. }
        | Action::Fold { .. }
        | Action::WarpBarrier { .. } => return exchange::exchange(warp, kernel, action, lanes),
    }
    Ok(Flow::Next)
}

fn compute(warp: &mut Warp, kernel: &Kernel, action: &Action, lanes: u32) -> Result<(), Trouble> {
    let Action::Compute { to, from, arity, run, divides } = action else {
        return Ok(());
    };
    let mut open = from[..*arity].iter().fold(0, |open, slot| open | warp.open(*slot));
    let read = |slot: Slot| warp.read(kernel, slot, lanes);
    // Slots behind the last operand are the zero, which is always there.
    let [a, b, c, d] = [read(from[0])?, read(from[1])?, read(from[2])?, read(from[3])?];
    let result = run([a, b, c, d]);
    if *divides {
        open |= zeros(b);
    }
    warp.write(*to, &result, lanes, open);
    Ok(())
}

fn zeros(register: &Lanes) -> u32 {
    register.iter().enumerate().fold(0, |mask, (lane, value)| mask | u32::from(*value == 0) << lane)
}

fn select(warp: &mut Warp, kernel: &Kernel, to: Slot, [yes, no, by]: [Slot; 3], lanes: u32) -> Result<(), Trouble> {
    let chosen = mask_of(warp.read(kernel, by, lanes)?);
    let open = warp.open(by) | warp.open(yes) & chosen | warp.open(no) & !chosen;
    let (a, b) = (warp.read(kernel, yes, lanes & chosen)?, warp.read(kernel, no, lanes & !chosen)?);
    let result = std::array::from_fn(|lane| if chosen >> lane & 1 == 1 { a[lane] } else { b[lane] });
    warp.write(to, &result, lanes, open);
    Ok(())
}

fn barrier(warp: &Warp, kernel: &Kernel, id: Slot, threads: Option<Slot>, lanes: u32) -> Result<Flow, Trouble> {
    if lanes != warp.all {
        let kind = FaultKind::DivergentBarrier { arrived: lanes.count_ones(), expected: warp.all.count_ones() };
        return Trouble::at(lanes, kind);
    }
    let first = lanes.trailing_zeros() as usize;
    let id = warp.settled(kernel, id, lanes)?[first] as u32;
    let threads = match threads {
        Some(slot) => Some(warp.settled(kernel, slot, lanes)?[first] as u32),
        None => None,
    };
    Ok(Flow::Barrier { id, threads })
}
