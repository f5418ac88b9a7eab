//! What the lanes of a warp tell each other: only when all that are named have come.

use crate::{
    decode::Kernel,
    error::FaultKind,
    execute::Flow,
    op::{Action, Change, Shuffle, ShuffleMode, Slot, Vote},
    semantics::Lanes,
    warp::{Trouble, Warp, each, mask_of},
};

/// The lanes that each lane names, if they agree and are all here; `None` if some may still come.
fn members(warp: &Warp, kernel: &Kernel, slot: Slot, lanes: u32) -> Result<Option<Lanes>, Trouble> {
    let masks = *warp.settled(kernel, slot, lanes)?;
    let mut complete = true;
    for lane in each(lanes) {
        let named = masks[lane] as u32;
        let gone = named & !warp.live != 0 || named >> lane & 1 == 0;
        let disagree = each(named & lanes).any(|other| masks[other] != masks[lane]);
        if gone || disagree {
            let kind = FaultKind::MissingLanes { members: named, present: lanes & warp.live };
            return Err(Trouble { lane: lane as u32, kind });
        }
        complete &= named & !lanes == 0;
    }
    Ok(complete.then_some(masks))
}

/// The lanes that an action waits for.
pub(crate) fn named(warp: &Warp, kernel: &Kernel, action: &Action, lanes: u32) -> Option<u32> {
    let masks = warp.read(kernel, members_slot(action)?, lanes).ok()?;
    Some(each(lanes).fold(0, |all, lane| all | masks[lane] as u32))
}

fn members_slot(action: &Action) -> Option<Slot> {
    match action {
        Action::Shuffle(shuffle) => Some(shuffle.members),
        Action::Vote { members, .. }
        | Action::Match { members, .. }
        | Action::Fold { members, .. }
        | Action::WarpBarrier { members } => Some(*members),
        _ => None,
    }
}

pub(crate) fn exchange(warp: &mut Warp, kernel: &Kernel, action: &Action, lanes: u32) -> Result<Flow, Trouble> {
    let Some(slot) = members_slot(action) else {
        return Ok(Flow::Next);
    };
    let Some(members) = members(warp, kernel, slot, lanes)? else {
        return Ok(Flow::Wait { lanes });
    };
    match action {
        Action::Shuffle(op) => shuffle(warp, kernel, op, &members, lanes)?,
        Action::Vote { to, from, negated, kind, .. } => {
            let yes = mask_of(warp.settled(kernel, *from, lanes)?);
            let yes = if *negated { !yes } else { yes };
            let result = per_lane(lanes, |lane| vote(*kind, yes, members[lane] as u32));
            warp.write(*to, &result, lanes, 0);
        }
        Action::Match { to, from, all, .. } => matching(warp, kernel, [*to, *from], *all, &members, lanes)?,
        Action::WarpBarrier { .. } => warp.epoch += 1,
        Action::Fold { to, from, change, .. } => fold(warp, kernel, [*to, *from], change, &members, lanes)?,
        _ => {}
    }
    Ok(Flow::Next)
}

fn per_lane(lanes: u32, f: impl Fn(usize) -> u64) -> Lanes {
    let mut result = [0; 32];
    each(lanes).for_each(|lane| result[lane] = f(lane));
    result
}

fn vote(kind: Vote, yes: u32, members: u32) -> u64 {
    let (all, any) = (yes & members == members, yes & members != 0);
    match kind {
        Vote::All => all.into(),
        Vote::Any => any.into(),
        Vote::Uniform => (all || !any).into(),
        Vote::Ballot => (yes & members).into(),
    }
}

/// The lane that a shuffle reads, and whether it was in range.
fn source(mode: ShuffleMode, lane: i64, by: i64, clamp: i64) -> (usize, bool) {
    let (segment, last) = (clamp >> 8 & 31, clamp & 31);
    let most = (lane & segment) | (last & !segment);
    let (from, in_range) = match mode {
        ShuffleMode::Up => (lane - by, lane - by >= most),
        ShuffleMode::Down => (lane + by, lane + by <= most),
        ShuffleMode::Butterfly => (lane ^ by, lane ^ by <= most),
        ShuffleMode::Index => {
            let from = (lane & segment) | (by & !segment);
            (from, from <= most)
        }
    };
    (if in_range { from } else { lane } as usize, in_range)
}

fn shuffle(warp: &mut Warp, kernel: &Kernel, op: &Shuffle, members: &Lanes, lanes: u32) -> Result<(), Trouble> {
    let from = *warp.read(kernel, op.from, lanes)?;
    let (by, clamp) = (*warp.settled(kernel, op.lane, lanes)?, *warp.settled(kernel, op.clamp, lanes)?);
    let sources: [(usize, bool); 32] =
        std::array::from_fn(|lane| source(op.mode, lane as i64, by[lane] as i64 & 31, clamp[lane] as i64));
    let was_open = warp.open(op.from);
    let open = each(lanes).fold(0, |open, lane| {
        let source = sources[lane].0;
        let missing = members[lane] >> source & 1 == 0 || was_open >> source & 1 == 1;
        open | u32::from(missing) << lane
    });
    warp.write(op.to, &per_lane(lanes, |lane| from[sources[lane].0]), lanes, open);
    if let Some(slot) = op.in_range {
        warp.write(slot, &per_lane(lanes, |lane| sources[lane].1.into()), lanes, 0);
    }
    Ok(())
}

fn matching(
    warp: &mut Warp,
    kernel: &Kernel,
    [to, from]: [Slot; 2],
    all: Option<Slot>,
    members: &Lanes,
    lanes: u32,
) -> Result<(), Trouble> {
    let values = *warp.settled(kernel, from, lanes)?;
    let same = |lane: usize| {
        each(members[lane] as u32).filter(|other| values[*other] == values[lane]).fold(0u64, |m, other| m | 1 << other)
    };
    let whole = |lane: usize| same(lane) == members[lane];
    let result = per_lane(lanes, |lane| if all.is_some() && !whole(lane) { 0 } else { same(lane) });
    let agreed = per_lane(lanes, |lane| whole(lane).into());
    warp.write(to, &result, lanes, 0);
    if let Some(slot) = all {
        warp.write(slot, &agreed, lanes, 0);
    }
    Ok(())
}

fn fold(
    warp: &mut Warp,
    kernel: &Kernel,
    [to, from]: [Slot; 2],
    change: &Change,
    members: &Lanes,
    lanes: u32,
) -> Result<(), Trouble> {
    let values = *warp.settled(kernel, from, lanes)?;
    let folded = |lane: usize| {
        each(members[lane] as u32).map(|other| values[other]).reduce(|a, b| change(a, b, 0)).unwrap_or_default()
    };
    let result = per_lane(lanes, folded);
    warp.write(to, &result, lanes, 0);
    Ok(())
}
