//! Parts of blocks become whole blocks: inside a share, and where those of all shares meet. The order in which
//! parts are combined is that of the plan, so the bits are those of a run in one piece.

use crate::contract::{Segments, Sums};
use crate::fold::{self, rule};
use crate::ledger::Ledger;
use crate::share::Receiver;
use crate::tree::{Merger, Partial};
use cleave_ops::{Chunks, DType, Data, Region};
use cleave_plan::contract::sums_dtype;
use cleave_plan::stage::block_region;
use cleave_plan::{ContractWork, FoldWork, Plan, RunError, Stage, Work};
use std::sync::Arc;

/// What is known of a block that is not finished: a node of a reduction's tree, or the sums of a segment.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Which of the stage's reductions; 0 where there is one.
    pub fold: usize,
    /// The kept box of a reduction, or the block of a product.
    pub place: usize,
    /// How many levels the node is above the leaves; 0 for products.
    pub level: u32,
    /// The node's number on its level, or the segment.
    pub number: usize,
    /// For each goal its columns.
    pub columns: Vec<Vec<Data>>,
}

/// Takes parts of one stage in any order and hands over what they complete.
pub struct Joiner<'a> {
    number: usize,
    stage: &'a Stage,
    grids: Vec<Chunks>,
    ledger: Arc<Ledger>,
    waiting: Waiting<'a>,
}

/// Parts that wait for others.
enum Waiting<'a> {
    Nothing,
    /// Of each reduction.
    Nodes(Vec<Merger<'a>>),
    Sums(Segments),
}

impl Part {
    /// Bytes of all elements.
    pub fn nbytes(&self) -> u64 {
        self.columns.iter().flatten().map(|column| column.nbytes() as u64).sum()
    }
}

impl<'a> Joiner<'a> {
    /// For the parts of a stage, by its number.
    pub fn new(plan: &'a Plan, stage: usize) -> Self {
        Self::with_ledger(stage, &plan.stages[stage], Arc::new(Ledger::new(&Arc::default(), 0)))
    }

    pub(crate) fn with_ledger(number: usize, stage: &'a Stage, ledger: Arc<Ledger>) -> Self {
        let waiting = match &stage.work {
            Work::Fold(_) | Work::Joint(_) => Waiting::Nodes(stage.work.folds().iter().map(merger).collect()),
            Work::Contract(_) => Waiting::Sums(Segments::default()),
            Work::Store(_) => Waiting::Nothing,
        };
        Self { number, stage, grids: stage.grids(), ledger, waiting }
    }

    /// Adds a part. If that completes a block, it goes to `out`.
    pub fn add(&self, part: Part, out: &dyn Receiver) -> Result<(), RunError> {
        if !self.fits(&part) {
            return Err(RunError::WrongPart { stage: self.number, place: part.place });
        }
        let claim = self.ledger.claim(part.nbytes());
        match &self.stage.work {
            Work::Fold(_) | Work::Joint(_) => {
                let partial = Partial { states: part.columns, _claim: claim };
                self.states(part.fold, (part.place, part.level, part.number), partial, out)
            }
            Work::Contract(work) => match part.columns.into_iter().flatten().next() {
                Some(data) => self.sums(work, (part.place, part.number), Sums { data, _claim: claim }, out),
                None => Ok(()),
            },
            Work::Store(_) => Ok(()),
        }
    }

    /// Bytes of the parts that wait.
    pub fn held_bytes(&self) -> u64 {
        self.ledger.used()
    }

    /// The parts that still wait for others, in order; none is there afterwards.
    pub fn drain(&self) -> Vec<Part> {
        let mut parts: Vec<Part> = match &self.waiting {
            Waiting::Nothing => Vec::new(),
            Waiting::Nodes(mergers) => {
                let nodes =
                    |(fold, merger): (usize, &Merger<'_>)| merger.drain().into_iter().map(move |at| node(fold, at));
                mergers.iter().enumerate().flat_map(nodes).collect()
            }
            Waiting::Sums(segments) => segments.drain().into_iter().map(segment).collect(),
        };
        parts.sort_unstable_by_key(|part| (part.fold, part.place, part.level, part.number));
        parts
    }

    /// Adds the states of one of the reductions at a node, given as kept box, level and number.
    pub(crate) fn states(
        &self,
        fold: usize,
        node: (usize, u32, usize),
        partial: Partial,
        out: &dyn Receiver,
    ) -> Result<(), RunError> {
        let Waiting::Nodes(mergers) = &self.waiting else { return Ok(()) };
        let Some(whole) = mergers[fold].add_at(node, partial) else { return Ok(()) };
        let (before, work) = self.stage.work.folds().split_at(fold);
        let (work, first) = (&work[0], before.iter().map(|f| f.goals.len()).sum::<usize>());
        let kept = block_region(&work.boxes, node.0);
        for (number, (goal, state)) in work.goals.iter().zip(&whole.states).enumerate() {
            let mut block = fold::finish(goal, work, &kept, state);
            let _claim = self.ledger.claim(block.nbytes() as u64);
            out.block(first + number, node.0, &kept, &mut block)?;
        }
        Ok(())
    }

    /// Adds the sums of a block over a segment.
    pub(crate) fn sums(
        &self,
        work: &ContractWork,
        (block, segment): (usize, usize),
        sums: Sums,
        out: &dyn Receiver,
    ) -> Result<(), RunError> {
        let Waiting::Sums(segments) = &self.waiting else { return Ok(()) };
        match segments.add(work, block, segment, sums, &self.ledger) {
            Some(mut whole) => out.block(0, block, &block_region(&work.boxes, block), &mut whole.data),
            None => Ok(()),
        }
    }

    /// The number of the block that covers a region of the result.
    pub(crate) fn number(&self, region: &Region) -> usize {
        crate::memory::block_number(&self.grids[0], &region.start)
    }

    /// Whether a part is one this stage has: parts may come from elsewhere.
    fn fits(&self, part: &Part) -> bool {
        let of_one = |work: &FoldWork| part.level < usize::BITS && work.has_node(part.level, part.number);
        if let Some(work) = self.stage.work.folds().get(part.fold) {
            return part.place < work.boxes.count() && of_one(work) && are_states(work, part);
        }
        match &self.stage.work {
            Work::Contract(work) if part.place < work.boxes.count() && part.number < work.segments => {
                let len = block_region(&work.boxes, part.place).size();
                part.level == 0 && part.columns.len() == 1 && are(&part.columns[0], &[sums_dtype(work.dtype)], len)
            }
            Work::Fold(_) | Work::Joint(_) | Work::Contract(_) | Work::Store(_) => false,
        }
    }
}

fn are(columns: &[Data], dtypes: &[DType], len: usize) -> bool {
    columns.len() == dtypes.len() && columns.iter().zip(dtypes).all(|(c, d)| c.dtype() == *d && c.len() == len)
}

/// Whether a part has the columns that a reduction's goals have.
fn are_states(work: &FoldWork, part: &Part) -> bool {
    let len = block_region(&work.boxes, part.place).size();
    let wanted = work.goals.iter().map(|goal| rule(goal).state);
    part.columns.len() == work.goals.len()
        && part.columns.iter().zip(wanted).all(|(columns, dtypes)| are(columns, dtypes, len))
}

fn merger(work: &FoldWork) -> Merger<'_> {
    Merger::new(work, work.goals.iter().map(rule).collect())
}

fn node(fold: usize, ((place, level, number), partial): ((usize, u32, usize), Partial)) -> Part {
    Part { fold, place, level, number, columns: partial.states }
}

fn segment((place, number, sums): (usize, usize, Sums)) -> Part {
    Part { fold: 0, place, level: 0, number, columns: vec![vec![sums.data]] }
}
