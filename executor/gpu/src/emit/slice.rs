//! Slices of panels on their way to shared memory, from which all threads of a block read them.

use super::access::long;
use super::form::{DEPTH, Form, THREADS, VECTOR};
use super::multiply::{Given, Thread, Tile};
use super::text::{Class, Reg, Text};

/// A slice of a panel on its way to shared memory.
pub(super) struct Slice {
    /// Elements of a slice at one shared index.
    pub(super) len: usize,
    /// Where the slice begins in shared memory.
    pub(super) offset: usize,
    /// Where what the thread loads stands at the first shared index in memory.
    origin: Reg,
    pitch: Reg,
    /// The first shared index of a slice that the thread loads, as a word and as 64 bits.
    row: [Reg; 2],
    /// Where it goes.
    goal: Reg,
    /// What is being loaded.
    values: Vec<Vec<Reg>>,
    /// Where the thread's next vector stands; changes.
    at: Reg,
    /// Where a vector stands that is there, whatever the panel's length; changes.
    start: Reg,
}

impl Slice {
    pub(super) fn of(
        text: &mut Text,
        form: Form,
        (given, tile, thread): (&Given, &Tile, &Thread),
        (side, offset): (usize, usize),
    ) -> Self {
        let (len, pitch) = (form.tile()[side], given.pitches[side]);
        let vectors = len / form.lanes();
        let row = text.make(Class::Word, "shr.u32", format_args!("{}, {}", thread.number, vectors.ilog2()));
        let vector = text.make(Class::Word, "and.b32", format_args!("{}, {}", thread.number, vectors - 1));
        let before = text.make(Class::Long, "mul.lo.s64", format_args!("{}, {}", tile.first[side], form.size()));
        let inside = text.make(Class::Long, "mul.wide.u32", format_args!("{vector}, {VECTOR}"));
        let column = text.make(Class::Long, "add.s64", format_args!("{before}, {inside}"));
        let edge = text.make(Class::Long, "add.s64", format_args!("{pitch}, -{VECTOR}"));
        let column = text.make(Class::Long, "min.u64", format_args!("{column}, {edge}"));
        let matrix = text.make(Class::Long, "mul.lo.s64", format_args!("{}, {pitch}", given.shared));
        let base = text.make(Class::Long, "add.s64", format_args!("{}, {column}", given.operands[side]));
        let origin = text.make(Class::Long, "mad.lo.s64", format_args!("{}, {matrix}, {base}", tile.batch));
        let down = text.make(Class::Word, "mul.lo.s32", format_args!("{row}, {}", len * form.size()));
        let goal = text.make(Class::Word, "mad.lo.s32", format_args!("{vector}, {VECTOR}, {down}"));
        let goal = text.make(Class::Word, "add.s32", format_args!("{goal}, {}", thread.shared));
        let passes = DEPTH * vectors / THREADS;
        let vector = |text: &mut Text| (0..form.lanes()).map(|_| text.register(form.class())).collect();
        let values = (0..passes).map(|_| vector(text)).collect();
        let (at, start, wide) = (text.register(Class::Long), text.register(Class::Long), long(text, row));
        Self { len, offset, origin, pitch, row: [row, wide], goal, values, at, start }
    }

    /// Shared indices between a thread's vectors.
    fn apart(&self) -> usize {
        DEPTH / self.values.len()
    }

    /// Begins with a panel that starts at so many shared indices.
    pub(super) fn begin(&self, text: &mut Text, before: Reg) {
        let Self { origin, pitch, at, start, row, .. } = self;
        text.line(format_args!("mad.lo.s64 {start}, {before}, {pitch}, {origin}"));
        text.line(format_args!("mad.lo.s64 {at}, {}, {pitch}, {start}", row[1]));
    }

    /// Loads the slice that begins at a shared index of a panel so long; zeros behind its end.
    pub(super) fn load(&self, text: &mut Text, form: Form, [first, len]: [Reg; 2]) {
        let mine = text.make(Class::Word, "add.s32", format_args!("{first}, {}", self.row[0]));
        for (pass, values) in self.values.iter().enumerate() {
            let apart = pass * self.apart();
            let index = text.make(Class::Word, "add.s32", format_args!("{mine}, {apart}"));
            let holds = text.test("lt.u32", index, len);
            let address = text.make(Class::Long, "mad.lo.s64", format_args!("{}, {apart}, {}", self.pitch, self.at));
            let address = text.make(Class::Long, "selp.b64", format_args!("{address}, {}, {holds}", self.start));
            let (list, ty) = (listed(values), form.plain());
            text.line(format_args!("ld.global.nc.v{}.{ty} {list}, [{address}]", values.len()));
            for value in values {
                text.line(format_args!("selp.{ty} {value}, {value}, {}, {holds}", form.zero()));
            }
        }
        text.line(format_args!("mad.lo.s64 {}, {}, {DEPTH}, {}", self.at, self.pitch, self.at));
    }

    /// Puts what was loaded into shared memory, so many bytes on.
    pub(super) fn put(&self, text: &mut Text, form: Form, turn: Reg) {
        let goal = text.make(Class::Word, "add.s32", format_args!("{}, {turn}", self.goal));
        for (pass, values) in self.values.iter().enumerate() {
            let at = self.offset + pass * self.apart() * self.len * form.size();
            let (list, ty) = (listed(values), form.plain());
            text.line(format_args!("st.shared.v{}.{ty} [{goal}+{at}], {list}", values.len()));
        }
    }
}

/// Registers as a vector.
pub(super) fn listed(regs: &[Reg]) -> String {
    let names: Vec<String> = regs.iter().map(Reg::to_string).collect();
    format!("{{{}}}", names.join(", "))
}
