//! Syntax to ops. `names` resolves registers and memory, `modifiers` reads what follows an opcode, `arithmetic`,
//! `logic`, `moves`, `convert`, `access`, `control` and `lanes` decode one family of opcodes each.

mod access;
mod arithmetic;
mod control;
mod convert;
mod lanes;
mod logic;
mod modifiers;
mod moves;
mod names;

use std::collections::HashMap;

use crate::{
    error::{LoadError, LoadKind, Place},
    memory::Memory,
    op::{Action, Guard, Op, Slot, Special},
    parse::parse,
    scalar::PREDICATE,
    semantics::{Compute, of_one},
    syntax::{Entry, Instruction, Operand, Space, Statement, Variable},
};
use names::Names;
pub(crate) use names::{LOCAL_WINDOW, SHARED_WINDOW};

/// A module whose variables have their places in a device's memory.
pub struct Module {
    kernels: Vec<Kernel>,
    symbols: Vec<Symbol>,
}

/// A variable of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbol {
    /// Its name.
    pub name: String,
    /// Where it lives.
    pub address: u64,
    /// How long it is.
    pub bytes: u64,
}

/// A kernel that is ready to run.
pub struct Kernel {
    pub(crate) name: String,
    pub(crate) params: Vec<(u64, u64)>,
    pub(crate) most_threads: Option<u32>,
    pub(crate) shared_bytes: u64,
    pub(crate) local_bytes: u64,
    pub(crate) code: Vec<Op>,
    pub(crate) places: Vec<Place>,
    /// The name of each slot.
    pub(crate) slots: Vec<String>,
    pub(crate) constants: Vec<(Slot, u64)>,
    pub(crate) specials: Vec<(Slot, Special)>,
}

impl Module {
    /// Reads a module and gives its variables room.
    pub fn load(text: &str, memory: &mut Memory) -> Result<Self, LoadError> {
        let text = parse(text)?;
        let mut module = Self { kernels: Vec::new(), symbols: Vec::new() };
        for variable in text.variables.iter().filter(|v| v.space != Space::Shared) {
            module.symbols.push(place(variable, memory)?);
        }
        for entry in &text.kernels {
            module.kernels.push(kernel(entry, text.target, &text.variables, &module.symbols)?);
        }
        Ok(module)
    }

    /// The kernel of a name.
    pub fn kernel(&self, name: &str) -> Option<&Kernel> {
        self.kernels.iter().find(|k| k.name == name)
    }

    /// All kernels in the order of the text.
    pub fn kernels(&self) -> &[Kernel] {
        &self.kernels
    }

    /// All variables that have an address.
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }
}

impl Kernel {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where each parameter starts and how many bytes it takes.
    pub fn params(&self) -> &[(u64, u64)] {
        &self.params
    }

    /// Bytes of all parameters.
    pub fn param_bytes(&self) -> u64 {
        self.params.last().map_or(0, |(offset, bytes)| offset + bytes)
    }

    /// Bytes of shared memory that the text declares.
    pub fn shared_bytes(&self) -> u64 {
        self.shared_bytes
    }

    /// Bytes of memory that each thread has for itself.
    pub fn local_bytes(&self) -> u64 {
        self.local_bytes
    }

    /// The most threads of a block, if the text says so.
    pub fn most_threads(&self) -> Option<u32> {
        self.most_threads
    }

    /// How many slots a thread has, registers and constants together.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }
}

fn place(variable: &Variable, memory: &mut Memory) -> Result<Symbol, LoadError> {
    let start = variable.start.as_deref().unwrap_or_default();
    let bytes = if variable.open { start.len() as u64 } else { variable.bytes };
    let no_room = |_| LoadError { place: variable.place, kind: LoadKind::NoRoom { bytes } };
    let address = memory.alloc(bytes).map_err(no_room)?;
    let mut filled = start.to_vec();
    filled.resize(bytes as usize, 0);
    memory.write(address, &filled).map_err(no_room)?;
    if variable.space == Space::Constant {
        memory.seal(address);
    }
    Ok(Symbol { name: variable.name.clone(), address, bytes })
}

fn kernel(entry: &Entry, target: u32, variables: &[Variable], symbols: &[Symbol]) -> Result<Kernel, LoadError> {
    let mut decoder =
        Decoder { names: Names::new(), target, code: Vec::new(), places: Vec::new(), branches: Vec::new() };
    let own = entry.body.iter().filter_map(|statement| match statement {
        Statement::Variable(variable) => Some(variable),
        _ => None,
    });
    decoder.names.add_variables(&variables.iter().chain(own).collect::<Vec<_>>(), symbols)?;
    let params = decoder.names.add_params(&entry.params)?;
    for statement in &entry.body {
        decoder.statement(statement)?;
    }
    // A body that ends without a return returns all the same.
    decoder.push(entry.place, Action::Exit);
    decoder.link()?;
    let Decoder { names, code, places, .. } = decoder;
    Ok(Kernel {
        name: entry.name.clone(),
        params,
        most_threads: entry.most_threads,
        shared_bytes: names.shared_bytes,
        local_bytes: names.local_bytes,
        code,
        places,
        constants: names.constants.into_iter().map(|(value, slot)| (slot, value)).collect(),
        specials: names.specials.into_iter().map(|(special, slot)| (slot, special)).collect(),
        slots: names.slots,
    })
}

pub(crate) struct Decoder {
    pub(crate) names: Names,
    pub(crate) target: u32,
    code: Vec<Op>,
    places: Vec<Place>,
    /// Branches whose targets wait for the labels.
    branches: Vec<(usize, Place, String)>,
}

type Family = fn(&mut Decoder, &Instruction) -> Result<(), LoadError>;

/// The family of each opcode.
const OPCODES: &[(&[&str], Family)] = &[
    (&["add", "sub", "mul", "div", "rem", "min", "max", "mad", "fma", "sad"], arithmetic::decode),
    (&["neg", "abs", "sqrt", "rcp", "copysign", "testp", "addc", "subc"], arithmetic::decode),
    (&["and", "or", "xor", "not", "cnot", "shl", "shr", "shf", "popc", "clz", "brev"], logic::decode),
    (&["bfind", "bfe", "bfi", "prmt", "lop3"], logic::decode),
    (&["mov", "selp", "slct", "setp", "set", "cvta"], moves::decode),
    (&["cvt"], convert::decode),
    (&["ld", "ldu", "st", "atom", "red", "prefetch", "prefetchu"], access::decode),
    (&["bra", "ret", "exit", "trap", "bar", "barrier", "membar", "fence", "nanosleep"], control::decode),
    (&["shfl", "vote", "activemask", "match", "redux"], lanes::decode),
];

impl Decoder {
    fn statement(&mut self, statement: &Statement) -> Result<(), LoadError> {
        match statement {
            Statement::Open => self.names.open(),
            Statement::Close => self.names.close(),
            Statement::Registers { place, kind, name, count } => {
                self.names.add_registers(*place, *kind, name, *count)?;
            }
            Statement::Variable(_) => {}
            Statement::Label { place, name } => self.names.add_label(*place, name, self.code.len())?,
            Statement::Instruction(instruction) => self.instruction(instruction)?,
        }
        Ok(())
    }

    fn instruction(&mut self, instruction: &Instruction) -> Result<(), LoadError> {
        let known = OPCODES.iter().find(|(names, _)| names.contains(&instruction.opcode.as_str()));
        let Some((_, family)) = known else {
            let kind = LoadKind::UnknownInstruction(instruction.opcode.clone());
            return Err(LoadError { place: instruction.place, kind });
        };
        let start = self.code.len();
        family(self, instruction)?;
        if let Some(guard) = &instruction.guard {
            let slot = self.source(instruction.place, &Operand::Name(guard.name.clone()), PREDICATE)?;
            self.guard(start, instruction.place, Guard { slot, negated: guard.negated });
        }
        Ok(())
    }

    /// Guards the ops of an instruction; several of them share a copy, for one of them may change the predicate.
    fn guard(&mut self, start: usize, place: Place, mut guard: Guard) {
        let mut first = start;
        if self.code.len() - start > 1 {
            let copy = self.names.hidden();
            let action =
                Action::Compute { to: copy, from: [guard.slot, 0, 0, 0], arity: 1, run: of_one(|a| a), divides: false };
            self.code.insert(start, Op { guard: None, action });
            self.places.insert(start, place);
            guard.slot = copy;
            first += 1;
        }
        for op in &mut self.code[first..] {
            op.guard = Some(guard);
        }
    }

    pub(crate) fn push(&mut self, place: Place, action: Action) {
        self.code.push(Op { guard: None, action });
        self.places.push(place);
    }

    pub(crate) fn compute(&mut self, place: Place, to: Slot, from: &[Slot], run: Compute) {
        let mut slots = [0; 4];
        slots[..from.len()].copy_from_slice(from);
        self.push(place, Action::Compute { to, from: slots, arity: from.len(), run, divides: false });
    }

    fn branch(&mut self, place: Place, label: &str, uniform: bool) {
        self.branches.push((self.code.len(), place, label.into()));
        self.push(place, Action::Branch { target: 0, uniform });
    }

    fn link(&mut self) -> Result<(), LoadError> {
        let labels: &HashMap<String, usize> = &self.names.labels;
        for (at, place, label) in &self.branches {
            let Some(&goal) = labels.get(label) else {
                return Err(LoadError { place: *place, kind: LoadKind::UnknownName(label.clone()) });
            };
            if let Action::Branch { target, .. } = &mut self.code[*at].action {
                *target = goal;
            }
        }
        Ok(())
    }
}
