//! Normal draws of a cell, made two at a time: both numbers of a block share most of their work, and several passes
//! over a cell share all of it. They wait in shared memory, of which each warp has its own part.

use super::access::special;
use super::cell::Writer;
use super::element::CellAt;
use super::kernel::TILE_THREADS;
use super::steps::inline;
use super::text::{Class, Reg, Text};
use super::unfit::Unfit;
use cleave_ops::fold::LANES;
use cleave_ops::trace::Tape;
use cleave_ops::{DType, Fill, Law, Shape, View};
use cleave_plan::Lattice;
use cleave_plan::lattice::TILE_LEN;

/// Pairs that a lane makes at once: shared memory leaves room for few warps, so that each has to have more to do.
const AT_ONCE: usize = 2;

/// A normal draw whose elements stand in a cell in the order of their stream.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draw {
    fill: Fill,
    pub(super) dtype: DType,
    /// The place in the stream of index 0 of the space.
    start: i64,
    /// What one step on each axis of the space adds to it.
    steps: Vec<i64>,
}

impl Draw {
    /// A fill seen from the space, if it is one.
    pub(super) fn of(fill: &Fill, (dtype, shape): (DType, &Shape), seen: &View, lattice: &Lattice) -> Option<Self> {
        let is_normal = matches!(fill, Fill::Random { law: Law::Normal { .. }, .. });
        if !is_normal || !matches!(dtype, DType::F32 | DType::F64) {
            return None;
        }
        let strides = shape.strides();
        let along = |axis: usize| {
            let steps = seen.source.iter().zip(&strides);
            steps.map(|(source, &stride)| source.step_on(axis) * stride as i64).sum()
        };
        let start = seen.source.iter().zip(&strides).map(|(source, &stride)| source.start * stride as i64).sum();
        let steps: Vec<i64> = (0..seen.shape.ndim()).map(along).collect();
        let mut dense = 1;
        for (&axis, &len) in lattice.reduced.iter().zip(lattice.cell.iter()).rev().filter(|(_, len)| **len > 1) {
            if steps[axis] != dense {
                return None;
            }
            dense *= len as i64;
        }
        Some(Self { fill: fill.clone(), dtype, start, steps })
    }
}

/// Where a warp's part of shared memory begins.
pub(super) fn base(text: &mut Text, draw: &Draw) -> Reg {
    let bytes = draw.dtype.size() * TILE_LEN;
    let tile = text.share(bytes * TILE_THREADS as usize / LANES);
    let thread = special(text, "tid.x");
    let warp = text.make(Class::Word, "shr.u32", format_args!("{thread}, {}", LANES.ilog2()));
    let before = text.make(Class::Word, "mul.lo.s32", format_args!("{warp}, {bytes}"));
    text.make(Class::Word, "add.s32", format_args!("{tile}, {before}"))
}

/// The address of an element of a cell.
fn address(text: &mut Text, draw: &Draw, base: Reg, place: Reg) -> Reg {
    let far = text.make(Class::Word, "mul.lo.s32", format_args!("{place}, {}", draw.dtype.size()));
    text.make(Class::Word, "add.s32", format_args!("{base}, {far}"))
}

/// Reads an element of the cell.
pub(super) fn drawn(text: &mut Text, draw: &Draw, base: Reg, place: Reg) -> Reg {
    let (class, address) = (Class::of(draw.dtype), address(text, draw, base, place));
    text.make(class, &format!("ld.shared.{}", class.plain()), format_args!("[{address}]"))
}

/// Makes all elements of a cell, a pair a lane at a time.
pub(super) fn make(writer: &mut Writer<'_>, cell: &CellAt, lane: Reg) -> Result<(), Unfit> {
    let Some((draw, base)) = writer.recipe.draw.as_ref().zip(writer.tile) else { return Ok(()) };
    let text = &mut writer.text;
    let first = cell.first.iter().zip(&draw.steps).filter(|(_, step)| **step != 0);
    let start = text.make(Class::Long, "mov.b64", format_args!("{}", draw.start));
    let flat = first.fold(start, |flat, (index, step)| {
        text.make(Class::Long, "mad.lo.s64", format_args!("{index}, {step}, {flat}"))
    });
    let block = text.make(Class::Long, "shr.u64", format_args!("{flat}, 1"));
    let low = text.make(Class::Word, "cvt.u32.u64", format_args!("{flat}"));
    let odd = text.make(Class::Word, "and.b32", format_args!("{low}, 1"));
    let ends = text.make(Class::Word, "add.s32", format_args!("{}, {odd}", cell.count));
    let ends = text.make(Class::Word, "add.s32", format_args!("{ends}, 1"));
    let pairs = text.make(Class::Word, "shr.u32", format_args!("{ends}, 1"));
    // Nobody reads the cell before any more, and all is written before it is read.
    text.line(format_args!("bar.warp.sync 0xffffffff"));
    let number = text.copy(lane);
    for many in [AT_ONCE, 1] {
        let (next, done) = (text.label(), text.label());
        text.here(next);
        let mut numbers = vec![number];
        for times in 1..many {
            numbers.push(text.make(Class::Word, "add.s32", format_args!("{number}, {}", times * LANES)));
        }
        let inside = text.test("lt.u32", numbers[many - 1], pairs);
        text.jump_unless(inside, done);
        numbers.iter().try_for_each(|&number| pair(text, draw, base, (block, number, odd, cell.count)))?;
        text.line(format_args!("add.s32 {number}, {number}, {}", many * LANES));
        text.jump(next);
        text.here(done);
    }
    text.line(format_args!("bar.warp.sync 0xffffffff"));
    Ok(())
}

/// Makes one pair, and keeps what of it lies in the cell.
fn pair(
    text: &mut Text,
    draw: &Draw,
    base: Reg,
    (first, number, odd, count): (Reg, Reg, Reg, Reg),
) -> Result<(), Unfit> {
    let mut tape = Tape::default();
    let input = tape.input(0, DType::U64);
    let both = tape.normal_pair(&draw.fill, draw.dtype, input).ok_or(Unfit::Step)?;
    if !tape.beyond().is_empty() {
        return Err(Unfit::Step);
    }
    let number_long = text.make(Class::Long, "cvt.u64.u32", format_args!("{number}"));
    let block = text.make(Class::Long, "add.s64", format_args!("{first}, {number_long}"));
    let values = inline(text, &tape, &[block], &both)?;
    let twice = text.make(Class::Word, "shl.b32", format_args!("{number}, 1"));
    let even = text.make(Class::Word, "sub.s32", format_args!("{twice}, {odd}"));
    let next = text.make(Class::Word, "add.s32", format_args!("{even}, 1"));
    for (place, value) in [even, next].into_iter().zip(values) {
        // Without sign: what lies before the cell is far behind its end.
        let inside = text.test("lt.u32", place, count);
        let address = address(text, draw, base, place);
        text.line(format_args!("@{inside} st.shared.{} [{address}], {value}", value.class.plain()));
    }
    Ok(())
}
