//! Lines of PTX, and the registers they use.

use cleave_ops::DType;
use std::fmt::{self, Write};

/// What a register holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    Truth,
    Half,
    Word,
    Long,
    Single,
    Double,
}

impl Class {
    const ALL: [Class; 6] = [Class::Truth, Class::Half, Class::Word, Class::Long, Class::Single, Class::Double];

    /// Of elements of a dtype: narrow integers stand in words, extended by their sign.
    pub(super) fn of(dtype: DType) -> Class {
        match dtype {
            DType::Bool => Class::Truth,
            DType::I8 | DType::U8 | DType::I16 | DType::U16 | DType::I32 | DType::U32 => Class::Word,
            DType::I64 | DType::U64 => Class::Long,
            DType::F16 => Class::Half,
            DType::F32 => Class::Single,
            DType::F64 => Class::Double,
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Class::Truth => "p",
            Class::Half => "h",
            Class::Word => "r",
            Class::Long => "rd",
            Class::Single => "f",
            Class::Double => "fd",
        }
    }

    /// The type of a copy.
    pub(super) fn plain(self) -> &'static str {
        match self {
            Class::Truth => "pred",
            Class::Half => "b16",
            Class::Word => "b32",
            Class::Long => "b64",
            Class::Single => "f32",
            Class::Double => "f64",
        }
    }
}

/// A register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reg {
    pub(super) class: Class,
    number: u32,
}

impl fmt::Display for Reg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}{}", self.class.prefix(), self.number)
    }
}

/// A place to jump to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Label(u32);

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "L{}", self.0)
    }
}

/// A kernel's body while it is written.
#[derive(Debug, Default)]
pub(super) struct Text {
    body: String,
    registers: [u32; 6],
    labels: u32,
    shared_bytes: usize,
}

impl Text {
    /// A register that nothing else uses.
    pub(super) fn register(&mut self, class: Class) -> Reg {
        let count = &mut self.registers[class as usize];
        *count += 1;
        Reg { class, number: *count - 1 }
    }

    /// One instruction.
    pub(super) fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing to a string never fails.
        let _ = writeln!(self.body, "    {line};");
    }

    /// An instruction that writes a fresh register; `operands` are what stands behind that.
    pub(super) fn make(&mut self, class: Class, instruction: &str, operands: fmt::Arguments<'_>) -> Reg {
        let result = self.register(class);
        self.line(format_args!("{instruction} {result}, {operands}"));
        result
    }

    /// Puts a value into a register that changes.
    pub(super) fn set(&mut self, variable: Reg, value: Reg) {
        self.line(format_args!("mov.{} {variable}, {value}", variable.class.plain()));
    }

    /// A fresh copy.
    pub(super) fn copy(&mut self, value: Reg) -> Reg {
        let copy = self.register(value.class);
        self.set(copy, value);
        copy
    }

    /// Zero, or false, in a register that may change.
    pub(super) fn zero(&mut self, class: Class) -> Reg {
        let zero = match class {
            Class::Single => "0f00000000",
            Class::Double => "0d0000000000000000",
            Class::Truth | Class::Half | Class::Word | Class::Long => "0",
        };
        self.make(class, &format!("mov.{}", class.plain()), format_args!("{zero}"))
    }

    /// A label that stands nowhere yet.
    pub(super) fn label(&mut self) -> Label {
        self.labels += 1;
        Label(self.labels - 1)
    }

    /// Puts a label here.
    pub(super) fn here(&mut self, label: Label) {
        let _ = writeln!(self.body, "{label}:");
    }

    /// Jumps where something holds.
    pub(super) fn jump_if(&mut self, truth: Reg, label: Label) {
        self.line(format_args!("@{truth} bra {label}"));
    }

    /// Jumps where something does not hold.
    pub(super) fn jump_unless(&mut self, truth: Reg, label: Label) {
        self.line(format_args!("@!{truth} bra {label}"));
    }

    /// Jumps.
    pub(super) fn jump(&mut self, label: Label) {
        self.line(format_args!("bra {label}"));
    }

    /// A test of words.
    pub(super) fn test(&mut self, test: &str, a: Reg, b: impl fmt::Display) -> Reg {
        self.make(Class::Truth, &format!("setp.{test}"), format_args!("{a}, {b}"))
    }

    /// One of two values.
    pub(super) fn pick(&mut self, truth: Reg, yes: Reg, no: Reg) -> Reg {
        if yes.class == Class::Truth {
            let taken = self.make(Class::Truth, "and.pred", format_args!("{truth}, {yes}"));
            let not = self.make(Class::Truth, "not.pred", format_args!("{truth}"));
            let other = self.make(Class::Truth, "and.pred", format_args!("{not}, {no}"));
            return self.make(Class::Truth, "or.pred", format_args!("{taken}, {other}"));
        }
        self.make(yes.class, &format!("selp.{}", yes.class.plain()), format_args!("{yes}, {no}, {truth}"))
    }

    /// The module of a kernel of so many parameters, and its name, which follows from all the rest.
    pub(super) fn module(&self, params: usize) -> (String, String) {
        let name = format!("cleave_{:016x}", hash(&self.body));
        let mut text = String::from(".version 7.0\n.target sm_75\n.address_size 64\n\n");
        let list: Vec<String> = (0..params).map(|number| format!("    .param .u64 {name}_p{number}")).collect();
        let _ = writeln!(text, ".visible .entry {name}(\n{}\n)\n{{", list.join(",\n"));
        for class in Class::ALL {
            let count = self.registers[class as usize];
            if count > 0 {
                let _ = writeln!(text, "    .reg .{} %{}<{count}>;", class.plain(), class.prefix());
            }
        }
        if self.shared_bytes > 0 {
            let _ = writeln!(text, "    .shared .align 16 .b8 tile[{}];", self.shared_bytes);
        }
        let _ = writeln!(text, "{}    ret;\n}}", self.body.replace(PARAM, &format!("{name}_p")));
        (name, text)
    }

    /// The address of so many bytes of shared memory; a kernel has them once.
    pub(super) fn share(&mut self, bytes: usize) -> Reg {
        self.shared_bytes = bytes;
        let address = self.register(Class::Word);
        self.line(format_args!("mov.u32 {address}, tile"));
        address
    }

    /// Reads a parameter.
    pub(super) fn param(&mut self, number: usize) -> Reg {
        self.make(Class::Long, "ld.param.u64", format_args!("[{PARAM}{number}]"))
    }
}

/// Stands for the name in front of a parameter's number until that is known.
const PARAM: &str = "?";

/// The same for equal texts on every machine (FNV-1a).
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
