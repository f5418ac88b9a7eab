//! Parameters, addresses, and elements in memory.

use super::kernel::Param;
use super::recipe::Load;
use super::text::{Class, Reg, Text};
use super::unfit::Unfit;
use cleave_ops::DType;
use cleave_ops::trace::Var;

/// A kernel takes 4 KiB of parameters.
const MOST_PARAMS: usize = 512;

/// A kernel's parameters, each in a register.
pub(super) struct Params {
    pub(super) list: Vec<Param>,
    regs: Vec<Reg>,
}

impl Params {
    /// Reads all of them.
    pub(super) fn read(text: &mut Text, list: Vec<Param>) -> Result<Self, Unfit> {
        if list.len() > MOST_PARAMS {
            return Err(Unfit::Operands(list.len()));
        }
        let regs = (0..list.len()).map(|number| text.param(number)).collect();
        Ok(Self { list, regs })
    }

    /// The register of one that the kernel has.
    pub(super) fn of(&self, param: Param) -> Reg {
        let place = self.list.iter().position(|known| *known == param).expect("a kernel lists what it reads");
        self.regs[place]
    }

    /// Goes along some axes from an address on.
    pub(super) fn along(&self, text: &mut Text, from: Reg, axes: impl Iterator<Item = (Reg, Param)>) -> Reg {
        axes.fold(from, |address, (index, step)| {
            let step = self.of(step);
            text.make(Class::Long, "mad.lo.s64", format_args!("{index}, {step}, {address}"))
        })
    }
}

/// The parameters that say where loads are, in a space of so many axes.
pub(super) fn load_params(loads: &[Load], axes: usize) -> impl Iterator<Item = Param> + '_ {
    loads.iter().enumerate().flat_map(move |(number, load)| {
        let steps = load.stepped(axes).into_iter().map(move |axis| Param::Step { load: number, axis });
        std::iter::once(Param::Base(number)).chain(steps)
    })
}

/// Reads an element.
pub(super) fn load(text: &mut Text, dtype: DType, address: Reg) -> Reg {
    let class = Class::of(dtype);
    let ty = match dtype {
        DType::Bool => {
            let byte = text.make(Class::Word, "ld.global.nc.u8", format_args!("[{address}]"));
            return text.test("ne.u32", byte, 0);
        }
        DType::I8 => "s8",
        DType::U8 => "u8",
        DType::I16 => "s16",
        DType::U16 => "u16",
        _ => class.plain(),
    };
    text.make(class, &format!("ld.global.nc.{ty}"), format_args!("[{address}]"))
}

/// Reads an element at an index that was computed.
pub(super) fn gathered(
    text: &mut Text,
    params: &Params,
    (of, number): (&Load, usize),
    index: &[Var],
    regs: &[Option<Reg>],
) -> Reg {
    let at = |var: &Var| regs[var.index()].expect("an index stands before what it is of");
    let axes = index.iter().enumerate().map(|(axis, var)| (at(var), Param::Step { load: number, axis }));
    let base = params.of(Param::Base(number));
    let address = params.along(text, base, axes);
    load(text, of.dtype, address)
}

/// Writes an element where something holds, or anyhow.
pub(super) fn store(text: &mut Text, dtype: DType, address: Reg, value: Reg, holds: Option<Reg>) {
    let value = match dtype {
        DType::Bool => text.make(Class::Word, "selp.b32", format_args!("1, 0, {value}")),
        _ => value,
    };
    let ty = match dtype.size() {
        1 => "u8",
        2 if dtype != DType::F16 => "u16",
        _ => value.class.plain(),
    };
    match holds {
        Some(holds) => text.line(format_args!("@{holds} st.global.{ty} [{address}], {value}")),
        None => text.line(format_args!("st.global.{ty} [{address}], {value}")),
    }
}

/// A special register as a word.
pub(super) fn special(text: &mut Text, name: &str) -> Reg {
    text.make(Class::Word, "mov.u32", format_args!("%{name}"))
}

/// A word as 64 bits, without sign.
pub(super) fn long(text: &mut Text, word: Reg) -> Reg {
    text.make(Class::Long, "cvt.u64.u32", format_args!("{word}"))
}

/// The lower half of 64 bits.
pub(super) fn word(text: &mut Text, long: Reg) -> Reg {
    text.make(Class::Word, "cvt.u32.u64", format_args!("{long}"))
}
