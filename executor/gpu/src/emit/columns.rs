//! Reductions along columns, and of short rows: a thread makes a node, going through each cell element by element.

use super::cell::Writer;
use super::element::Lane;
use super::text::{Class, Reg};
use super::unfit::Unfit;
use cleave_ops::op::Layout;

/// A state of each goal.
pub(super) type States = Vec<Vec<Reg>>;

/// The kernel's body, for nodes of at most so many cells, a power of two.
pub(super) fn body(writer: &mut Writer<'_>, most_run: usize) -> Result<(), Unfit> {
    let node = writer.node(Layout::Columns);
    let levels = most_run.ilog2() as usize + 1;
    let places: Vec<States> = (0..levels).map(|_| writer.empty_states()).collect();
    let text = &mut writer.text;
    let (number, next, done) = (text.zero(Class::Word), text.label(), text.label());
    text.here(next);
    let over = text.test("ge.u32", number, node.cells);
    text.jump_if(over, done);
    let at = text.make(Class::Word, "add.s32", format_args!("{}, {number}", node.first));
    let cell = writer.cell_at(&node, at);
    let text = &mut writer.text;
    let lane = Lane { first: text.zero(Class::Word), step: text.make(Class::Word, "mov.b32", format_args!("1")) };
    let leaf = writer.states(&cell, lane, |_, _, _| Ok(()))?;
    push(writer, &places, number, leaf)?;
    writer.text.line(format_args!("add.s32 {number}, {number}, 1"));
    writer.text.jump(next);
    writer.text.here(done);
    let root = root(writer, &places, node.cells)?;
    writer.keep(node.number, &root, None);
    let end = writer.end;
    writer.text.here(end);
    Ok(())
}

/// Adds the next leaf to a binary counter: place `k` holds a subtree of `2^k` leaves where that bit of the leaves' number
/// is set.
pub(super) fn push(writer: &mut Writer<'_>, places: &[States], number: Reg, leaf: States) -> Result<(), Unfit> {
    let settled = writer.text.label();
    let mut carry = leaf;
    for (level, place) in places.iter().enumerate() {
        let is_full = bit(writer, number, level);
        let full = writer.text.label();
        writer.text.jump_if(is_full, full);
        place.iter().flatten().zip(carry.iter().flatten()).for_each(|(place, carry)| writer.text.set(*place, *carry));
        writer.text.jump(settled);
        writer.text.here(full);
        carry = writer.combined(place, &carry)?;
    }
    writer.text.here(settled);
    Ok(())
}

/// The root over so many leaves; a right child that is missing changes nothing.
pub(super) fn root(writer: &mut Writer<'_>, places: &[States], leaves: Reg) -> Result<States, Unfit> {
    let root = writer.empty_states();
    for (level, place) in places.iter().enumerate() {
        let (is_full, skip) = (bit(writer, leaves, level), writer.text.label());
        writer.text.jump_unless(is_full, skip);
        let joined = writer.combined(place, &root)?;
        let text = &mut writer.text;
        let below = text.make(Class::Word, "and.b32", format_args!("{leaves}, {}", (1_u32 << level) - 1));
        let has_right = text.test("ne.u32", below, 0);
        let pairs = place.iter().flatten().zip(joined.iter().flatten()).zip(root.iter().flatten());
        for ((place, joined), root) in pairs {
            let value = writer.text.pick(has_right, *joined, *place);
            writer.text.set(*root, value);
        }
        writer.text.here(skip);
    }
    Ok(root)
}

fn bit(writer: &mut Writer<'_>, word: Reg, level: usize) -> Reg {
    let text = &mut writer.text;
    let bit = text.make(Class::Word, "and.b32", format_args!("{word}, {}", 1_u32 << level));
    text.test("ne.u32", bit, 0)
}
