//! The fixed order in which states are combined: a binary segment tree over the number of what they hold.

use crate::ledger::Claim;
use cleave_ops::{Data, FoldLoop};
use cleave_plan::FoldWork;
use rustc_hash::FxHashMap;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The state of one reduction for some kept elements: its columns.
pub(crate) type State = Vec<Data>;

/// The tree over states that come in order, as a binary counter: place `k` holds a subtree of `2^k` leaves.
pub(crate) struct Counter {
    rule: &'static FoldLoop,
    places: Vec<Option<State>>,
    free: Vec<State>,
}

impl Counter {
    pub(crate) fn new(rule: &'static FoldLoop) -> Self {
        Self { rule, places: Vec::new(), free: Vec::new() }
    }

    /// A state to write into; what it holds is of no use.
    pub(crate) fn fresh(&mut self) -> State {
        self.free.pop().unwrap_or_else(|| empty_state(self.rule))
    }

    /// Adds the next leaf.
    pub(crate) fn push(&mut self, leaf: State) {
        let mut carry = leaf;
        for place in &mut self.places {
            match place.take() {
                None => {
                    *place = Some(carry);
                    return;
                }
                Some(mut left) => {
                    (self.rule.combine)(&mut left, &carry);
                    self.free.push(std::mem::replace(&mut carry, left));
                }
            }
        }
        self.places.push(Some(carry));
    }

    /// The root; the counter is empty again. A right child that is missing changes nothing.
    pub(crate) fn finish(&mut self) -> Option<State> {
        let mut root: Option<State> = None;
        for place in &mut self.places {
            root = match (place.take(), root) {
                (Some(mut left), Some(right)) => {
                    (self.rule.combine)(&mut left, &right);
                    self.free.push(right);
                    Some(left)
                }
                (left, right) => left.or(right),
            };
        }
        root
    }

    /// Swaps the states that wait for use with others, so that many trees share them.
    pub(crate) fn trade(&mut self, free: &mut Vec<State>) {
        std::mem::swap(&mut self.free, free);
    }

    /// The states that wait for use.
    pub(crate) fn free(&mut self) -> &mut Vec<State> {
        &mut self.free
    }

    /// Changes places with another tree of the same rule; the states that wait for use stay.
    pub(crate) fn exchange(&mut self, other: &mut Counter) {
        std::mem::swap(&mut self.places, &mut other.places);
    }

    /// Takes back a state that is no longer needed.
    pub(crate) fn recycle(&mut self, state: State) {
        self.free.push(state);
    }
}

/// The tree over leaves that come in any order, as far as neighbours are there.
#[derive(Default)]
pub(crate) struct Grove {
    /// By level above the leaves, and number on that level.
    nodes: FxHashMap<(u32, usize), State>,
}

impl Grove {
    /// Adds a leaf; states that are no longer needed go to `free`.
    pub(crate) fn add(&mut self, leaf: usize, state: State, rule: &FoldLoop, free: &mut Vec<State>) {
        let ((mut level, mut number), mut state) = ((0, leaf), state);
        while let Some(mut other) = self.nodes.remove(&(level, number ^ 1)) {
            if number.is_multiple_of(2) {
                std::mem::swap(&mut state, &mut other);
            }
            (rule.combine)(&mut other, &state);
            free.push(std::mem::replace(&mut state, other));
            (level, number) = (level + 1, number / 2);
        }
        self.nodes.insert((level, number), state);
    }

    /// The nodes that have no neighbour.
    pub(crate) fn places(&self) -> Vec<(u32, usize)> {
        self.nodes.keys().copied().collect()
    }

    /// Takes the state of a node out.
    pub(crate) fn take(&mut self, place: (u32, usize)) -> Option<State> {
        self.nodes.remove(&place)
    }
}

/// A state of no kept elements.
pub(crate) fn empty_state(rule: &FoldLoop) -> State {
    rule.state.iter().map(|&dtype| Data::with_capacity(dtype, 0)).collect()
}

/// What a task made for one kept box: a state for each goal.
pub(crate) struct Partial {
    pub(crate) states: Vec<State>,
    pub(crate) _claim: Claim,
}

/// The place of a part: kept box, level above the leaves, and number on that level.
pub(crate) type Node = (usize, u32, usize);

/// The tree over what tasks leave for each kept box, whose parts come in any order from many threads: neighbours are
/// combined as soon as both are there.
pub(crate) struct Merger<'a> {
    work: &'a FoldWork,
    rules: Vec<&'static FoldLoop>,
    /// Guards the parts that wait.
    waiting: Mutex<HashMap<Node, Partial>>,
}

impl<'a> Merger<'a> {
    pub(crate) fn new(work: &'a FoldWork, rules: Vec<&'static FoldLoop>) -> Self {
        Self { work, rules, waiting: Mutex::default() }
    }

    /// Adds the part at a node; gives the whole once it is complete.
    pub(crate) fn add_at(&self, node: Node, part: Partial) -> Option<Partial> {
        let ((kept_box, mut level, mut number), mut part) = (node, part);
        while !self.work.is_root(level) {
            if self.work.has_node(level, number ^ 1) {
                let sibling = self.pair(kept_box, level, number, part)?;
                part = self.combine(sibling);
            }
            (level, number) = (level + 1, number / 2);
        }
        Some(part)
    }

    /// All parts that still wait, with their places.
    pub(crate) fn drain(&self) -> Vec<(Node, Partial)> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).drain().collect()
    }

    /// Both children, left first, if the other one is there; otherwise this one waits.
    fn pair(&self, kept_box: usize, level: u32, number: usize, part: Partial) -> Option<(Partial, Partial)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(other) = waiting.remove(&(kept_box, level, number ^ 1)) else {
            waiting.insert((kept_box, level, number), part);
            return None;
        };
        Some(if number.is_multiple_of(2) { (part, other) } else { (other, part) })
    }

    fn combine(&self, (mut left, right): (Partial, Partial)) -> Partial {
        for ((rule, left), right) in self.rules.iter().zip(&mut left.states).zip(&right.states) {
            (rule.combine)(left, right);
        }
        left
    }
}
