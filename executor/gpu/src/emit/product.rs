//! Products of matrices: kernels that pack the operands, one that multiplies what is packed, and one that makes of
//! finished sums what is wanted of them.
//!
//! An operand is packed as a matrix for each batch index: shared indices one behind the other, each with all its rows
//! (or columns) side by side, filled up to whole vectors. Packed elements have the dtype of the sums.

use super::form::{Form, THREADS, VECTOR};
use super::kernel::{Grid, Kernel, StoreKernel};
use super::made::Places;
use super::multiply::{PARAMS, body, segments};
use super::recipe::Recipe;
use super::store::written;
use super::text::Text;
use super::unfit::Unfit;
use cleave_ops::DType;
use cleave_plan::contract::Operand;
use cleave_plan::{ContractWork, Stage};
use std::ops::Range;
use std::sync::Arc;

/// The kernels of a contraction.
#[derive(Clone, Debug)]
pub struct ProductKernels {
    /// Pack the left and the right operand; their one goal is what is packed.
    pub operands: [StoreKernel; 2],
    /// Multiplies.
    pub product: ProductKernel,
    /// Makes the stage's goals of finished sums, its load of local 0.
    pub finish: StoreKernel,
}

/// A kernel that multiplies packed operands.
#[derive(Clone, Debug)]
pub struct ProductKernel {
    /// Adds products of panels to sums.
    pub kernel: Kernel,
    /// Adds the sums of all segments, where there are several.
    pub segments: Option<Kernel>,
    /// The dtype of packed elements and of sums.
    pub dtype: DType,
    /// Rows and columns of a tile, which one block of threads makes.
    pub tile: [usize; 2],
}

/// Packed operands, and the sums that are made of them: for each segment a matrix for each batch index, row-major,
/// zeros in the beginning.
#[derive(Clone, Debug)]
pub struct Factors {
    /// Where both operands begin.
    pub operands: [u64; 2],
    /// Where the sums begin.
    pub sums: u64,
    /// Rows and columns.
    pub lens: [usize; 2],
    /// Shared indices of each packed matrix.
    pub shared: usize,
    /// Shared indices of a panel; the last one in memory may have fewer.
    pub panel: usize,
    /// Matrices of each operand.
    pub batches: usize,
    /// Parts of the shared side that are summed by themselves.
    pub segments: usize,
    /// Panels of the whole shared side.
    pub panels: usize,
    /// Those that are packed.
    pub packed: Range<usize>,
}

/// What one launch does of a product.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// Panels of each segment, counted from its first.
    pub panels: Range<usize>,
    /// Tiles of all sums.
    pub tiles: Range<usize>,
}

/// The dtype in which elements are multiplied and summed: integers wrap the same in wider ones.
pub(crate) fn lane(dtype: DType) -> DType {
    match dtype {
        DType::F16 | DType::F32 => DType::F32,
        DType::F64 => DType::F64,
        DType::I64 | DType::U64 => DType::I64,
        DType::Bool | DType::I8 | DType::U8 | DType::I16 | DType::U16 | DType::I32 | DType::U32 => DType::I32,
    }
}

/// The kernels of a stage that multiplies.
pub(super) fn kernels(stage: &Stage, work: &ContractWork) -> Result<ProductKernels, Unfit> {
    let operands = [operand(&work.left, work.dtype)?, operand(&work.right, work.dtype)?];
    Ok(ProductKernels { operands, product: ProductKernel::of(work), finish: finish(stage, work)? })
}

/// Packs an operand.
fn operand(operand: &Operand, dtype: DType) -> Result<StoreKernel, Unfit> {
    let program = &operand.program;
    if program.space.is_empty_array() {
        return Err(Unfit::Empty);
    }
    let mut recipe = Recipe::of(program, &program.locals, &Places::default(), None)?;
    let element = recipe.slot(program.results[0])?;
    let packed = recipe.tape.convert(element, lane(dtype));
    written(recipe, &[packed], program.space.ndim())
}

/// What is made of finished sums: the product itself where no program goes on with it.
fn finish(stage: &Stage, work: &ContractWork) -> Result<StoreKernel, Unfit> {
    if stage.program.steps.is_empty() {
        let (recipe, product) = Recipe::of_product(&stage.space, work.dtype);
        return written(recipe, &[product], stage.space.ndim());
    }
    let recipe = Recipe::of(&stage.program, &stage.program.locals, &Places::default(), None)?;
    let goals = work.goals.iter().map(|goal| recipe.slot(goal.slot)).collect::<Result<Vec<_>, _>>()?;
    written(recipe, &goals, stage.space.ndim())
}

impl ProductKernel {
    fn of(work: &ContractWork) -> Self {
        let form = Form { dtype: lane(work.dtype), is_truth: work.dtype == DType::Bool };
        let several = (work.segments > 1).then(|| plain(&segments(form), SEGMENT_PARAMS));
        Self { kernel: plain(&body(form), PARAMS), segments: several, dtype: form.dtype, tile: form.tile() }
    }

    /// Elements from one shared index to the next of an operand with so many rows or columns.
    pub fn pitch(&self, len: usize) -> usize {
        len.next_multiple_of(VECTOR / self.dtype.size())
    }

    /// Rows of tiles, columns of tiles, and matrices of sums.
    pub fn tiles(&self, factors: &Factors) -> [usize; 3] {
        let [down, across] = [0, 1].map(|side| factors.lens[side].div_ceil(self.tile[side]));
        [down, across, factors.batches * factors.segments]
    }

    /// The launch of so many tiles.
    pub fn grid(&self, tiles: usize) -> Grid {
        Grid { blocks: [tiles as u32, 1], threads: [THREADS as u32, 1] }
    }

    /// The parameters of a launch.
    pub fn arguments(&self, of: &Factors, turn: &Turn) -> Vec<u64> {
        let pitch = |side: usize| (self.pitch(of.lens[side]) * self.dtype.size()) as u64;
        let [down, across, _] = self.tiles(of);
        let numbers = [of.lens[0], of.lens[1], of.shared, of.panel, of.batches, of.segments, of.panels];
        let which =
            [turn.panels.start, turn.panels.end, of.packed.start, of.packed.end, turn.tiles.start, down, across];
        let places = [of.operands[0], of.operands[1], of.sums, pitch(0), pitch(1)];
        places.into_iter().chain(numbers.into_iter().chain(which).map(|number| number as u64)).collect()
    }

    /// The launch that adds the sums of all segments, of so many elements each.
    pub fn joining(&self, of: &Factors) -> (Grid, Vec<u64>) {
        let len = of.batches * of.lens[0] * of.lens[1];
        let blocks = len.div_ceil(THREADS) as u32;
        (Grid { blocks: [blocks, 1], threads: [THREADS as u32, 1] }, vec![of.sums, len as u64, of.segments as u64])
    }
}

const SEGMENT_PARAMS: usize = 3;

/// A kernel that reads no arrays of the stage.
fn plain(text: &Text, params: usize) -> Kernel {
    let (name, text) = text.module(params);
    Kernel { name, text, params: vec![], loads: vec![], made: Arc::default(), may_fail: false }
}

impl ProductKernels {
    /// All kernels: those of both operands first.
    pub(super) fn all(&self) -> Vec<&Kernel> {
        let [left, right] = &self.operands;
        let product = [Some(&self.product.kernel), self.product.segments.as_ref(), Some(&self.finish.kernel)];
        [Some(&left.kernel), Some(&right.kernel)].into_iter().chain(product).flatten().collect()
    }
}
