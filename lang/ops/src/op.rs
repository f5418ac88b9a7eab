//! What an entry of the table holds.

use crate::args::Args;
use crate::chain::{Link, is_chained};
use crate::data::{Data, DataMut, DataRef, Element};
use crate::dtype::DType;
use crate::error::OpError;
use crate::fill::Fill;
use crate::infer::Operand;
use crate::loops::OPERAND;
use crate::scalar::Scalar;
use crate::shape::Shape;
use crate::trace::{FoldTrace, ScanTrace, Trace};
use crate::view::View;
use smallvec::SmallVec;
use std::fmt;
use std::hash::{Hash, Hasher};

/// One operation: everything known about it.
pub struct Op {
    /// The Array API's name, or NumPy's where that has none.
    pub name: &'static str,
    /// Other names it answers to.
    pub aliases: &'static [&'static str],
    /// Its operator, such as `+`.
    pub symbol: Option<&'static str>,
    /// Whether `x.name(…)` works too, the array being the first parameter.
    pub method: bool,
    /// The parameters, arrays first.
    pub params: &'static [Param],
    /// One line for completion and hover.
    pub summary: &'static str,
    /// More, for the reference page; may be empty.
    pub details: &'static str,
    /// Source lines with what they show; each is run by a test.
    pub examples: &'static [(&'static str, &'static str)],
    /// What sort of work it is.
    pub class: Class,
    /// The counterpart in NumPy and how to compare; `None` where there is none.
    pub numpy: Option<Numpy>,
}

/// One parameter.
pub struct Param {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub kind: ParamKind,
    /// Its default as it would be written; `None` where it must be given.
    pub default: Option<&'static str>,
    /// One line.
    pub doc: &'static str,
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// An array, or a scalar where the operation is elementwise.
    Array,
    /// A whole number.
    Int,
    /// Any number.
    Number,
    /// `True` or `False`.
    Bool,
    /// An axis, a tuple of axes, or None.
    Axes,
    /// A length or a tuple of lengths.
    Shape,
    /// A dtype or its name.
    DType,
    /// A chunk specification.
    Chunks,
    /// Text.
    Text,
    /// Anything.
    Any,
}

/// What sort of work an operation is; planning and backends know only this.
pub enum Class {
    /// Values made from an index.
    Fill(FillRule),
    /// Elementwise.
    Map(Map),
    /// A reduction over axes.
    Fold(Fold),
    /// Index arithmetic on one array.
    View(ViewRule),
    /// Running values along an axis.
    Scan(Scan),
    /// Sums of products over paired axes of two arrays.
    Contract(Contract),
}

/// What a creation gives: shape and dtype and rule. Chunks come from the call's `chunks`.
pub type FillRule = fn(&Args) -> Result<(Shape, DType, Fill), OpError>;
/// The view of a source of that shape.
pub type ViewRule = fn(&Args, &Shape) -> Result<View, OpError>;

/// An elementwise operation.
pub struct Map {
    /// The loops, in the order in which they are tried: the first to which all inputs cast safely is taken.
    pub loops: &'static [MapLoop],
    /// Integers and bools become this dtype before a loop is looked for, where the operation says so (`/`).
    pub ints_as: Option<DType>,
    /// Arithmetic an element, in additions; for cost estimates.
    pub weight: f32,
    /// The same where the last operand is everywhere one of these numbers.
    pub easy: &'static [(f64, f32)],
    /// Whether the first operand is a condition: cast to bool, whatever it is, and no part of promotion.
    pub condition: bool,
    /// How many of the last operands are numbers of a kind of their own, such as decimals: no part of promotion.
    pub apart: usize,
    /// Whether it refuses bools, although integers would hold them.
    pub no_bools: bool,
    /// What else can be wrong with operands whose loop was found.
    pub check: Option<OperandRule>,
    /// Another operation that shares work with this one on the same operand.
    pub twin: Option<Twin>,
    /// What it is as a step of a chain, in its loops of floats that chains are made of.
    pub link: Option<Link>,
}

/// Another elementwise operation, and the work of both at once.
pub struct Twin {
    /// The other one; it has loops for the same dtypes in the same order.
    pub op: &'static Op,
    /// Arithmetic an element of both together, in additions.
    pub weight: f32,
    /// What each pair of loops gives, to the bit: the results of the first operation, then those of the other.
    pub loops: &'static [TwinLoop],
}

/// Two loops over slices of equal length; each result has that length too.
pub type TwinLoop = fn(&[DataRef<'_>], DataMut<'_>, DataMut<'_>);

impl Map {
    /// What a loop is as a step of a chain, and the dtype of that, where it is one.
    pub fn link_of(&self, loop_index: usize) -> Option<(Link, DType)> {
        let MapLoop { inputs, output, .. } = &self.loops[loop_index];
        let is_one = is_chained(*output) && inputs.iter().all(|dtype| dtype == output);
        self.link.filter(|_| is_one).map(|link| (link, *output))
    }

    /// Arithmetic an element, in additions, where the last operand is everywhere that number.
    pub fn weight_with(&self, last: Option<Scalar>) -> f32 {
        let easy = last.and_then(|last| self.easy.iter().find(|(number, _)| *number == last.to_f64()));
        easy.map_or(self.weight, |(_, weight)| *weight)
    }
}

/// Refuses operands whose values are known to be wrong, such as an integer division by the scalar 0.
pub type OperandRule = fn(&'static Op, &[Operand], &MapLoop) -> Result<(), OpError>;

/// The same formula for one choice of dtypes.
pub struct MapLoop {
    /// The dtypes of the operands.
    pub inputs: &'static [DType],
    /// The dtype of the result.
    pub output: DType,
    /// Runs over slices of equal length; `out` has that length and the dtype `output`.
    pub run: fn(&[DataRef<'_>], DataMut<'_>),
    /// The same formula, written down step by step; `None` where it has no steps that every machine has.
    pub trace: Option<Trace>,
    /// The same formula with a sum behind it, where there is such a loop; [`MapLoop::sum_for`] finds it.
    pub sum: Option<SumLoop>,
}

/// A map whose results are added up at once and never written.
pub struct SumLoop {
    /// The dtype in which it adds.
    pub state: DType,
    /// Folds a cell of `kept * reduced` elements, as [`FoldLoop::take`] does with what [`MapLoop::run`] writes, to
    /// the same bits: `state` is resized to `kept` fresh sums.
    pub take: fn(operands: &[DataRef<'_>], kept: usize, reduced: usize, layout: Layout, state: &mut [Data]),
}

impl MapLoop {
    /// The loop that does the work of `run` and then of `fold.take`, if there is one.
    pub fn sum_for(&self, fold: &FoldLoop) -> Option<&SumLoop> {
        let is_sum = fold.gist == Some(Gist::Sum);
        let fits = |sum: &&SumLoop| is_sum && fold.input == self.output && *fold.state == [sum.state];
        self.sum.as_ref().filter(fits)
    }
}

/// A reduction: what to do with a cell, how to combine two, how to finish.
pub struct Fold {
    /// The loops by input dtype, found as a map's are.
    pub loops: &'static [FoldLoop],
    /// Whether it can be taken of no elements.
    pub has_identity: bool,
    /// Whether `take` reads `Cell::positions`.
    pub needs_positions: bool,
    /// Arithmetic an element, in additions.
    pub weight: f32,
    /// How results of parts make the result of all, where an elementwise operation does that.
    pub pairwise: Option<Pairwise>,
}

/// A reduction as elementwise work: elements are cast to the loop's state and combined two at a time.
#[derive(Clone, Copy)]
pub struct Pairwise {
    /// Combines two results; it is associative but for rounding.
    pub combine: &'static Op,
    /// What is done at the end with the result and the count of the elements; nothing for a sum.
    pub by_count: Option<&'static Op>,
}

/// The same reduction for one dtype.
pub struct FoldLoop {
    /// The dtype it reads.
    pub input: DType,
    /// The dtype it gives.
    pub output: DType,
    /// The dtypes of its state, one to three columns; a state for each kept element.
    pub state: &'static [DType],
    /// What its state is, where that is a single column that others may make too.
    pub gist: Option<Gist>,
    /// What its work gives of a simpler reduction of the same elements.
    pub within: Option<Within>,
    /// Folds a cell: writes `cell.kept` fresh states (columns are resized to `cell.states`).
    pub take: fn(&Cell<'_>, &mut [Data]),
    /// Combines states element by element: `left` becomes left-then-right; order matters for bits.
    pub combine: fn(left: &mut [Data], right: &[Data]),
    /// The state of no elements, `kept` times.
    pub identity: fn(kept: usize, state: &mut [Data]),
    /// What `take` and `combine` do, written down; `None` where that has no steps that every machine has.
    pub trace: Option<&'static FoldTrace>,
    /// Turns states into results.
    pub finish: fn(state: &[Data], facts: &FoldFacts, out: &mut Data),
}

/// What the one column of a state is, of elements that are each converted to its dtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gist {
    /// Their sum.
    Sum,
    /// The least; nan where there is one.
    Least,
    /// The greatest; nan where there is one.
    Greatest,
}

/// A simpler reduction inside another, to the bit.
pub enum Within {
    /// The first column of every state is this, if states are combined in the order of positions.
    Column(Gist),
    /// Their sum in float64, as the loop that takes a cell writes it too, behind its own state.
    Sum(fn(&Cell<'_>, &mut [Data], &mut [Data])),
}

impl FoldLoop {
    /// What this one gives of another reduction of the same elements.
    pub fn gives(&self, other: &FoldLoop) -> Option<&Within> {
        let fits = |within: &&Within| {
            let (gist, dtype) = match within {
                Within::Column(gist) => (*gist, self.state[0]),
                Within::Sum(_) => (Gist::Sum, DType::F64),
            };
            other.gist == Some(gist) && other.input == self.input && *other.state == [dtype]
        };
        self.within.as_ref().filter(fits)
    }
}

/// A cumulative operation: the running values of a reduction along an axis.
pub struct Scan {
    /// The reduction whose running values it gives; its totals of blocks are where later blocks begin.
    pub fold: &'static Op,
    /// The loops by input dtype, found as a reduction's are.
    pub loops: &'static [ScanLoop],
    /// Arithmetic an element, in additions.
    pub weight: f32,
}

/// The same running values for one dtype.
pub struct ScanLoop {
    /// The dtype it reads.
    pub input: DType,
    /// The dtype it gives, of totals too.
    pub output: DType,
    /// Writes running values of a block.
    pub run: fn(&ScanBlock<'_>, &mut Data),
    /// The same for one row of a block: goes on from the running values of the row before, and leaves its own;
    /// last is what is written.
    pub row: fn(&ScanRow<'_>, &mut Data, &mut Data),
    /// Both written down.
    pub trace: ScanTrace,
}

/// A row of independent elements of a block that is scanned across rows.
pub struct ScanRow<'a> {
    /// The elements.
    pub data: DataRef<'a>,
    /// Whether it is the block's first.
    pub is_first: bool,
    /// Totals of all that lies before the block.
    pub before: Option<DataRef<'a>>,
}

/// A block of `outer * len * inner` elements, row-major, scanned along the middle: in index order from the
/// block's first element on, after which each value is combined with where the block begins, if that is given.
pub struct ScanBlock<'a> {
    /// The elements.
    pub data: DataRef<'a>,
    /// Lengths of the axes before, of the axis scanned, and of those behind.
    pub lens: [usize; 3],
    /// `outer * inner` totals of all that lies before the block.
    pub before: Option<DataRef<'a>>,
}

/// A contraction.
pub struct Contract {
    /// The loops, found as a map's are; both operands have the loop's dtype.
    pub loops: &'static [ContractLoop],
    /// Arithmetic for each pair of elements that meet, in additions.
    pub weight: f32,
    /// Which axes go together, from the arguments and the shapes of the operands.
    pub rule: ContractRule,
}

/// Says which axes of the operands go together.
pub type ContractRule = fn(&Args, &Shape, &Shape) -> Result<Pairing, OpError>;

/// Axes of a left array beside the axes of a right one that they go with.
pub type AxisPairs = SmallVec<[(usize, usize); 2]>;

/// Which axes of two operands go together, once they are seen through views.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairing {
    /// How the left operand is seen.
    pub left: View,
    /// How the right operand is seen.
    pub right: View,
    /// Axes that stand side by side and stay in the result, first.
    pub batch: AxisPairs,
    /// Axes that products are added over.
    pub summed: AxisPairs,
}

/// The same contraction for one dtype.
pub struct ContractLoop {
    /// The dtype of both operands and of the result.
    pub dtype: DType,
    /// Adds a product of matrices to `out`, in the order of the shared index for each element.
    pub add: fn(&Product<'_>, &mut Data),
}

/// `left` (`rows` by `shared`) times `right` (`shared` by `columns`), all row-major and dense.
pub struct Product<'a> {
    /// The left matrix.
    pub left: DataRef<'a>,
    /// The right matrix.
    pub right: DataRef<'a>,
    /// Rows of the left one and of the result.
    pub rows: usize,
    /// Columns of the left one, rows of the right one.
    pub shared: usize,
    /// Columns of the right one and of the result.
    pub columns: usize,
}

/// The elements of one lattice cell of a reduction, as a matrix.
///
/// The order of floating-point work inside a cell is fixed: `Rows` folds each row with a fixed number of
/// virtual lanes over the row's index, then joins the lanes by a fixed tree; `Columns` goes row by row.
pub struct Cell<'a> {
    /// `kept * reduced` elements, and those between rows.
    pub data: DataRef<'a>,
    /// How many results.
    pub kept: usize,
    /// How many elements go into each.
    pub reduced: usize,
    /// Which index varies fastest.
    pub layout: Layout,
    /// The position of each reduced element in the whole reduced space, ascending; empty unless the fold needs them.
    pub positions: &'a [i64],
    /// Elements from one row to the next, where these are `Columns`: at least `kept`.
    pub row: usize,
    /// How many states the columns have of which this cell's are some.
    pub states: usize,
    /// The first of this cell's states.
    pub first: usize,
}

impl<'a> Cell<'a> {
    /// Elements without gaps, and all states of the columns.
    pub fn dense(data: DataRef<'a>, [kept, reduced]: [usize; 2], layout: Layout, positions: &'a [i64]) -> Self {
        Self { data, kept, reduced, layout, positions, row: kept, states: kept, first: 0 }
    }

    /// This cell's part of a column of states.
    pub(crate) fn part<'s, T: Element>(&self, column: &'s mut Data) -> &'s mut [T] {
        let all = T::of_mut(column).expect(OPERAND);
        all.resize(self.states, T::default());
        &mut all[self.first..self.first + self.kept]
    }
}

/// Which index of a cell varies fastest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layout {
    /// `kept` rows of `reduced` elements.
    Rows,
    /// `reduced` rows of `kept` elements.
    Columns,
}

/// What `finish` must know about the whole reduction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FoldFacts {
    /// How many elements went into each result.
    pub count: u64,
    /// Degrees of freedom taken off, for variances.
    pub ddof: f64,
}

/// The counterpart in NumPy.
pub struct Numpy {
    /// An expression that gives the function, such as `np.add`.
    pub function: &'static str,
    /// Random test inputs are drawn from here.
    pub range: (f64, f64),
    /// Allowed distance of floats in units in the last place of the result dtype.
    pub ulp: f64,
}

impl Op {
    /// The loop that does the work of this operation's loop and then of another's, if there is one.
    pub fn twin_loop(&self, other: &Op, loop_index: usize) -> Option<TwinLoop> {
        let Class::Map(map) = &self.class else { return None };
        map.twin.as_ref().filter(|twin| twin.op == other).map(|twin| twin.loops[loop_index])
    }

    /// Arithmetic an element, in additions; of a contraction, for each pair of elements that meet.
    pub fn weight(&self) -> f64 {
        f64::from(match &self.class {
            Class::Map(map) => map.weight,
            Class::Fold(fold) => fold.weight,
            Class::Scan(scan) => scan.weight,
            Class::Contract(contract) => contract.weight,
            Class::Fill(_) | Class::View(_) => 1.0,
        })
    }
}

impl fmt::Debug for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Names are unique in the table, so they stand for the entry.
impl PartialEq for Op {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Op {}

impl Hash for Op {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
