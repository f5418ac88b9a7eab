//! Reductions along rows: a warp makes a node, each of its threads being one of the virtual lanes that fold a cell.

use super::access::special;
use super::cell::Writer;
use super::element::Lane;
use super::text::{Class, Reg, Text};
use super::tile;
use super::unfit::Unfit;
use cleave_ops::fold::LANES;
use cleave_ops::op::Layout;

/// The kernel's body.
pub(super) fn body(writer: &mut Writer<'_>) -> Result<(), Unfit> {
    let node = writer.node(Layout::Rows);
    let text = &mut writer.text;
    let thread = special(text, "tid.x");
    let lane = text.make(Class::Word, "and.b32", format_args!("{thread}, {}", LANES - 1));
    let mine = writer.empty_states();
    let text = &mut writer.text;
    let (number, next, done) = (text.zero(Class::Word), text.label(), text.label());
    text.here(next);
    let over = text.make(Class::Truth, "setp.ge.u32", format_args!("{number}, {}", node.cells));
    text.jump_if(over, done);
    let at = text.make(Class::Word, "add.s32", format_args!("{}, {number}", node.first));
    let states = cell(writer, &node, at, lane)?;
    let text = &mut writer.text;
    let is_mine = text.make(Class::Truth, "setp.eq.u32", format_args!("{lane}, {number}"));
    for (mine, state) in mine.iter().flatten().zip(states.iter().flatten()) {
        let kept = text.pick(is_mine, *state, *mine);
        text.set(*mine, kept);
    }
    text.line(format_args!("add.s32 {number}, {number}, 1"));
    text.jump(next);
    text.here(done);
    join_cells(writer, &mine, lane, node.cells)?;
    let leads = writer.text.test("eq.u32", lane, 0);
    writer.keep(node.number, &mine, Some(leads));
    let end = writer.end;
    writer.text.here(end);
    Ok(())
}

/// The states of a cell, the same in all lanes. Few elements are taken by one lane: all do the same then.
fn cell(writer: &mut Writer<'_>, node: &super::cell::Node, at: Reg, lane: Reg) -> Result<Vec<Vec<Reg>>, Unfit> {
    let cell = writer.cell_at(node, at);
    tile::make(writer, &cell, lane)?;
    let text = &mut writer.text;
    let is_long = text.test("ge.u32", cell.count, LANES);
    let first = text.make(Class::Word, "selp.b32", format_args!("{lane}, 0, {is_long}"));
    let step = text.make(Class::Word, "selp.b32", format_args!("{LANES}, 1, {is_long}"));
    writer.states(&cell, Lane { first, step }, |writer, pass, values| {
        let alone = writer.text.label();
        writer.text.jump_unless(is_long, alone);
        let mut half = LANES / 2;
        while half > 0 {
            for (goal, value) in writer.goals.iter().zip(values) {
                let Some((of, value)) = goal.passes.get(pass).zip(*value) else { continue };
                let other = shuffled(&mut writer.text, "down", value, half);
                let joined = of.join.write(&mut writer.text, &[value, other])?[0];
                writer.text.set(value, joined);
            }
            half /= 2;
        }
        for value in values.iter().flatten() {
            let first = shuffled(&mut writer.text, "idx", *value, 0);
            writer.text.set(*value, first);
        }
        writer.text.here(alone);
        Ok(())
    })
}

/// The tree over the cells of a node, one in each lane; the first lane has its root in the end.
fn join_cells(writer: &mut Writer<'_>, mine: &[Vec<Reg>], lane: Reg, cells: Reg) -> Result<(), Unfit> {
    let mut apart = 1;
    while apart < LANES {
        let text = &mut writer.text;
        let partner = text.make(Class::Word, "add.s32", format_args!("{lane}, {apart}"));
        let has_partner = text.make(Class::Truth, "setp.lt.u32", format_args!("{partner}, {cells}"));
        let others: Vec<Vec<Reg>> = mine
            .iter()
            .map(|state| state.iter().map(|&value| shuffled(text, "down", value, apart)).collect())
            .collect();
        let joined = writer.combined(mine, &others)?;
        for (mine, joined) in mine.iter().flatten().zip(joined.iter().flatten()) {
            let kept = writer.text.pick(has_partner, *joined, *mine);
            writer.text.set(*mine, kept);
        }
        apart *= 2;
    }
    Ok(())
}

/// What another lane has in a register.
fn shuffled(text: &mut Text, mode: &str, value: Reg, by: usize) -> Reg {
    match value.class {
        Class::Word => word(text, mode, value, by),
        Class::Single => {
            let bits = text.make(Class::Word, "mov.b32", format_args!("{value}"));
            let other = word(text, mode, bits, by);
            text.make(Class::Single, "mov.b32", format_args!("{other}"))
        }
        Class::Long | Class::Double => {
            let (low, high) = (text.register(Class::Word), text.register(Class::Word));
            text.line(format_args!("mov.b64 {{{low}, {high}}}, {value}"));
            let [low, high] = [low, high].map(|half| word(text, mode, half, by));
            text.make(value.class, "mov.b64", format_args!("{{{low}, {high}}}"))
        }
        Class::Half => {
            let bits = text.make(Class::Word, "cvt.u32.u16", format_args!("{value}"));
            let other = word(text, mode, bits, by);
            text.make(Class::Half, "cvt.u16.u32", format_args!("{other}"))
        }
        Class::Truth => {
            let bits = text.make(Class::Word, "selp.b32", format_args!("1, 0, {value}"));
            let other = word(text, mode, bits, by);
            text.test("ne.u32", other, 0)
        }
    }
}

fn word(text: &mut Text, mode: &str, value: Reg, by: usize) -> Reg {
    text.make(Class::Word, &format!("shfl.sync.{mode}.b32"), format_args!("{value}, {by}, 31, 0xffffffff"))
}
