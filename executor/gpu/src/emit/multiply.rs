//! Products of packed panels: a block of threads makes a tile of sums, each thread some rows and columns of it, from
//! slices of both panels that stand in shared memory while the next ones are on their way.
//!
//! Each sum of a panel is one chain of fused multiply-adds in index order from nothing, and is then added to the sum
//! that stands in memory: the order of the plan.

use super::access::{long, special, word};
use super::form::{DEPTH, Form, SIDE, VECTOR};
use super::slice::{Slice, listed};
use super::text::{Class, Label, Reg, Text};

/// Rows of tiles that are made together, so that they find the same columns in the device's cache.
const BAND: usize = 8;
/// The parameters, 8 bytes each.
pub(super) const PARAMS: usize = 19;

/// The body of a kernel that adds products of panels to sums.
pub(super) fn body(form: Form) -> Text {
    let mut text = Text::default();
    let given = Given::read(&mut text);
    let end = text.label();
    let tile = Tile::find(&mut text, form, &given);
    let panels = Panels::of(&mut text, &given, &tile, end);
    let thread = Thread::of(&mut text, form);
    let [left_bytes, right_bytes] = form.slices();
    let left = Slice::of(&mut text, form, (&given, &tile, &thread), (0, 0));
    let right = Slice::of(&mut text, form, (&given, &tile, &thread), (1, left_bytes));
    let sums = thread.sums(&mut text, form);
    let out = Out::of(&mut text, form, &given, &tile, &thread);
    let mut writer = Writer { text, form, given, thread, slices: [left, right], sums, out };
    writer.panels(&panels, left_bytes + right_bytes);
    writer.text.here(end);
    writer.text
}

/// The parameters.
pub(super) struct Given {
    pub(super) operands: [Reg; 2],
    out: Reg,
    /// Bytes from one shared index to the next.
    pub(super) pitches: [Reg; 2],
    rows: Reg,
    columns: Reg,
    pub(super) shared: Reg,
    panel: Reg,
    batches: Reg,
    segments: Reg,
    panels: Reg,
    from: Reg,
    to: Reg,
    first: Reg,
    last: Reg,
    tile: Reg,
    down: Reg,
    across: Reg,
}

impl Given {
    fn read(text: &mut Text) -> Self {
        let all: [Reg; PARAMS] = std::array::from_fn(|number| text.param(number));
        let [l, r, out, lp, rp, rows, columns, shared, panel, batches, segments, panels, rest @ ..] = all;
        let [from, to, first, last, tile, down, across] = rest;
        let (operands, pitches) = ([l, r], [lp, rp]);
        #[rustfmt::skip]
        let given = Self {
            operands, out, pitches, rows, columns, shared, panel, batches, segments, panels, from, to, first, last, tile,
            down, across,
        };
        given
    }
}

/// Which tile of which matrix a block makes.
pub(super) struct Tile {
    /// Its first row and column.
    pub(super) first: [Reg; 2],
    pub(super) batch: Reg,
    segment: Reg,
}

impl Tile {
    fn find(text: &mut Text, form: Form, given: &Given) -> Self {
        let [first, down, across, batches] =
            [given.tile, given.down, given.across, given.batches].map(|r| word(text, r));
        let block = special(text, "ctaid.x");
        let mut words = |instruction: &str, a: Reg, b: &dyn std::fmt::Display| {
            text.make(Class::Word, instruction, format_args!("{a}, {b}"))
        };
        let number = words("add.s32", first, &block);
        let each = words("mul.lo.s32", down, &across);
        let (matrix, within) = (words("div.u32", number, &each), words("rem.u32", number, &each));
        let strip = words("mul.lo.s32", across, &BAND);
        let group = words("div.u32", within, &strip);
        let above = words("mul.lo.s32", group, &BAND);
        let left = words("sub.s32", down, &above);
        let tall = words("min.u32", left, &BAND);
        let inside = words("rem.u32", within, &strip);
        let (column, row) = (words("div.u32", inside, &tall), words("rem.u32", inside, &tall));
        let row = words("add.s32", row, &above);
        let (segment, batch) = (words("div.u32", matrix, &batches), words("rem.u32", matrix, &batches));
        let [tall, wide] = form.tile();
        let row = text.make(Class::Long, "mul.wide.u32", format_args!("{row}, {tall}"));
        let column = text.make(Class::Long, "mul.wide.u32", format_args!("{column}, {wide}"));
        let (batch, segment) = (long(text, batch), long(text, segment));
        Self { first: [row, column], batch, segment }
    }
}

/// The panels that a block goes through: those of its segment that are in memory and wanted.
struct Panels {
    /// Changes.
    now: Reg,
    end: Reg,
}

impl Panels {
    fn of(text: &mut Text, given: &Given, tile: &Tile, end: Label) -> Self {
        let mut longs = |instruction: &str, a: Reg, b: &dyn std::fmt::Display| {
            text.make(Class::Long, instruction, format_args!("{a}, {b}"))
        };
        let before = longs("mul.lo.s64", tile.segment, &given.panels);
        let behind = longs("add.s64", before, &given.panels);
        let (start, edge) = (longs("div.u64", before, &given.segments), longs("div.u64", behind, &given.segments));
        let from = longs("add.s64", start, &given.from);
        let to = longs("add.s64", start, &given.to);
        let from = longs("max.u64", from, &given.first);
        let to = longs("min.u64", to, &edge);
        let to = longs("min.u64", to, &given.last);
        let is_none = text.test("ge.u64", from, to);
        text.jump_if(is_none, end);
        Self { now: text.copy(from), end: to }
    }
}

/// Where a thread stands in its block.
pub(super) struct Thread {
    pub(super) number: Reg,
    /// Its row and column of threads.
    at: [Reg; 2],
    /// Where shared memory begins.
    pub(super) shared: Reg,
}

impl Thread {
    fn of(text: &mut Text, form: Form) -> Self {
        let shared = text.share(2 * form.slices().iter().sum::<usize>());
        let number = special(text, "tid.x");
        let row = text.make(Class::Word, "shr.u32", format_args!("{number}, {}", SIDE.ilog2()));
        let column = text.make(Class::Word, "and.b32", format_args!("{number}, {}", SIDE - 1));
        Self { number, at: [row, column], shared }
    }

    /// The sums of a panel, row after row.
    fn sums(&self, text: &mut Text, form: Form) -> Vec<Vec<Reg>> {
        let [tall, wide] = form.of_thread();
        (0..tall).map(|_| (0..wide).map(|_| text.register(form.class())).collect()).collect()
    }
}

/// Where a thread's sums stand in memory.
struct Out {
    /// The address of its first.
    base: Reg,
    /// Bytes of a row.
    pitch: Reg,
    /// How many rows and columns there are from its first on, as words; none or fewer behind the edge.
    left: [Reg; 2],
}

impl Out {
    fn of(text: &mut Text, form: Form, given: &Given, tile: &Tile, thread: &Thread) -> Self {
        let first = [0, 1].map(|side| {
            let inside = text.make(Class::Long, "mul.wide.u32", format_args!("{}, {}", thread.at[side], form.lanes()));
            text.make(Class::Long, "add.s64", format_args!("{}, {inside}", tile.first[side]))
        });
        let pitch = text.make(Class::Long, "mul.lo.s64", format_args!("{}, {}", given.columns, form.size()));
        let matrix =
            text.make(Class::Long, "mad.lo.s64", format_args!("{}, {}, {}", tile.segment, given.batches, tile.batch));
        let row = text.make(Class::Long, "mad.lo.s64", format_args!("{matrix}, {}, {}", given.rows, first[0]));
        let base = text.make(Class::Long, "mad.lo.s64", format_args!("{row}, {pitch}, {}", given.out));
        let base = text.make(Class::Long, "mad.lo.s64", format_args!("{}, {}, {base}", first[1], form.size()));
        let [lens, firsts] = [[given.rows, given.columns], first].map(|both| both.map(|long| word(text, long)));
        let left = |side: usize| (lens[side], firsts[side]);
        let left = [left(0), left(1)].map(|(len, at)| text.make(Class::Word, "sub.s32", format_args!("{len}, {at}")));
        Self { base, pitch, left }
    }
}

/// The kernel while it is written.
struct Writer {
    text: Text,
    form: Form,
    given: Given,
    thread: Thread,
    slices: [Slice; 2],
    sums: Vec<Vec<Reg>>,
    out: Out,
}

/// The place of a row or column in a tile, besides that of the thread: threads' vectors stand side by side.
fn place(form: Form, number: usize) -> usize {
    number / form.lanes() * SIDE * form.lanes() + number % form.lanes()
}

impl Writer {
    /// Panel after panel; `bytes` of shared memory hold a slice of each side.
    fn panels(&mut self, panels: &Panels, bytes: usize) {
        let text = &mut self.text;
        let next = text.label();
        text.here(next);
        let slot = text.make(Class::Long, "sub.s64", format_args!("{}, {}", panels.now, self.given.first));
        let before = text.make(Class::Long, "mul.lo.s64", format_args!("{slot}, {}", self.given.panel));
        let behind = text.make(Class::Long, "sub.s64", format_args!("{}, {before}", self.given.shared));
        let len = text.make(Class::Long, "min.u64", format_args!("{behind}, {}", self.given.panel));
        let len = word(text, len);
        self.slices.iter().for_each(|slice| slice.begin(text, before));
        for sum in self.sums.iter().flatten() {
            text.line(format_args!("mov.{} {sum}, {}", self.form.plain(), self.form.zero()));
        }
        self.steps(len, bytes);
        self.add();
        let text = &mut self.text;
        text.line(format_args!("add.s64 {}, {}, 1", panels.now, panels.now));
        let is_left = text.test("lt.u64", panels.now, panels.end);
        text.jump_if(is_left, next);
    }

    /// Slice after slice of a panel of that length.
    fn steps(&mut self, len: Reg, bytes: usize) {
        let (text, form) = (&mut self.text, self.form);
        let (now, turn) = (text.zero(Class::Word), text.zero(Class::Word));
        self.slices.iter().for_each(|slice| slice.load(text, form, [now, len]));
        // Nobody reads the slices of the panel before any more.
        text.line(format_args!("bar.sync 0"));
        self.slices.iter().for_each(|slice| slice.put(text, form, turn));
        text.line(format_args!("bar.sync 0"));
        let [next, compute, done] = std::array::from_fn(|_| text.label());
        text.here(next);
        text.line(format_args!("add.s32 {now}, {now}, {DEPTH}"));
        let is_last = text.test("ge.u32", now, len);
        text.jump_if(is_last, compute);
        self.slices.iter().for_each(|slice| slice.load(text, form, [now, len]));
        text.here(compute);
        self.multiply(turn);
        let text = &mut self.text;
        text.jump_if(is_last, done);
        // What was read last is read until the barrier: the other slices are free.
        text.line(format_args!("xor.b32 {turn}, {turn}, {bytes}"));
        self.slices.iter().for_each(|slice| slice.put(text, form, turn));
        text.line(format_args!("bar.sync 0"));
        text.jump(next);
        text.here(done);
    }

    /// Adds the products of the slices that stand so many bytes on.
    fn multiply(&mut self, turn: Reg) {
        let (text, form) = (&mut self.text, self.form);
        let at = text.make(Class::Word, "add.s32", format_args!("{}, {turn}", self.thread.shared));
        let base =
            |text: &mut Text, along: Reg| text.make(Class::Word, "mad.lo.s32", format_args!("{along}, {VECTOR}, {at}"));
        let bases = self.thread.at.map(|along| base(text, along));
        for index in 0..DEPTH {
            let [rows, columns] = [0, 1].map(|side| {
                let slice = &self.slices[side];
                let first = slice.offset + index * slice.len * form.size();
                read(text, form, (bases[side], first), form.of_thread()[side])
            });
            for (&row, sums) in rows.iter().zip(&self.sums) {
                for (&column, &sum) in columns.iter().zip(sums) {
                    form.fuse(text, sum, [row, column]);
                }
            }
        }
    }

    /// Adds the sums of a panel to those in memory.
    fn add(&mut self) {
        let (text, form) = (&mut self.text, self.form);
        let (ty, Out { base, pitch, left }) = (form.plain(), &self.out);
        for (number, sums) in self.sums.iter().enumerate() {
            let (down, behind) = (place(form, number), text.label());
            let holds = text.test("gt.s32", left[0], down);
            text.jump_unless(holds, behind);
            let address = text.make(Class::Long, "mad.lo.s64", format_args!("{pitch}, {down}, {base}"));
            let known: Vec<(Reg, usize, Reg)> = (0..sums.len())
                .map(|number| {
                    let across = place(form, number);
                    let holds = text.test("gt.s32", left[1], across);
                    // A register that is only written where something holds would be kept from the beginning on.
                    let (known, at) = (text.zero(form.class()), across * form.size());
                    text.line(format_args!("@{holds} ld.global.{ty} {known}, [{address}+{at}]"));
                    (known, at, holds)
                })
                .collect();
            for (&sum, (known, at, holds)) in sums.iter().zip(known) {
                text.line(format_args!("@{holds} {} {known}, {known}, {sum}", form.plus()));
                text.line(format_args!("@{holds} st.global.{ty} [{address}+{at}], {known}"));
            }
            text.here(behind);
        }
    }
}

/// A thread's rows or columns of a slice at one shared index.
fn read(text: &mut Text, form: Form, (base, first): (Reg, usize), len: usize) -> Vec<Reg> {
    let mut found = vec![];
    for vector in 0..len / form.lanes() {
        let values: Vec<Reg> = (0..form.lanes()).map(|_| text.register(form.class())).collect();
        let at = first + vector * SIDE * VECTOR;
        text.line(format_args!("ld.shared.v{}.{} {}, [{base}+{at}]", values.len(), form.plain(), listed(&values)));
        found.extend(values);
    }
    found
}

/// The body of a kernel that adds the sums of all segments, one after the other, to those of the first: a thread an
/// element. Its parameters: where the sums of the first segment begin, elements of a segment, segments.
pub(super) fn segments(form: Form) -> Text {
    let mut text = Text::default();
    let [base, len, count] = std::array::from_fn(|number| text.param(number));
    let end = text.label();
    let [block, threads, thread] = ["ctaid.x", "ntid.x", "tid.x"].map(|name| special(&mut text, name));
    let before = text.make(Class::Long, "mul.wide.u32", format_args!("{block}, {threads}"));
    let thread = long(&mut text, thread);
    let index = text.make(Class::Long, "add.s64", format_args!("{before}, {thread}"));
    let is_behind = text.test("ge.u64", index, len);
    text.jump_if(is_behind, end);
    let (ty, size) = (form.plain(), form.size());
    let first = text.make(Class::Long, "mad.lo.s64", format_args!("{index}, {size}, {base}"));
    let (sum, at, number) = (text.register(form.class()), text.copy(first), text.zero(Class::Long));
    text.line(format_args!("ld.global.{ty} {sum}, [{first}]"));
    let (next, done) = (text.label(), text.label());
    text.here(next);
    text.line(format_args!("add.s64 {number}, {number}, 1"));
    let is_over = text.test("ge.u64", number, count);
    text.jump_if(is_over, done);
    text.line(format_args!("mad.lo.s64 {at}, {len}, {size}, {at}"));
    let more = text.make(form.class(), &format!("ld.global.{ty}"), format_args!("[{at}]"));
    text.line(format_args!("{} {sum}, {sum}, {more}", form.plus()));
    text.jump(next);
    text.here(done);
    text.line(format_args!("st.global.{ty} [{first}], {sum}"));
    text.here(end);
    text
}
