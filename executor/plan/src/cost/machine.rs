//! The rates of a machine, in seconds and bytes a second; measured once, or taken from here. Planning weighs with
//! them what is kept, put aside or computed again, prediction tells with them what a plan costs.

use cleave_ops::fill::Law;
use cleave_ops::{DType, Kind};

/// What a machine does in a second. The default is a server core of the 2020s.
#[derive(Clone, Debug, PartialEq)]
pub struct Machine {
    /// An addition of two `float64` in tiles that lie in the first cache, on one thread.
    pub add_s: f64,
    /// A unit of weight of a costly elementwise operation on one thread.
    pub heavy_s: f64,
    /// Taking one `float64` into a sum, on one thread.
    pub fold_s: f64,
    /// Taking one `float64` into one of many sums side by side, on one thread.
    pub column_s: f64,
    /// One element of a range, on one thread.
    pub fill_s: f64,
    /// One uniform draw, on one thread.
    pub uniform_s: f64,
    /// One normal draw, on one thread.
    pub normal_s: f64,
    /// One multiplication and addition of a matrix product of `float64`, on one thread.
    pub product_s: f64,
    /// Beginning a step on a tile.
    pub step_s: f64,
    /// Beginning and ending a task.
    pub task_s: f64,
    /// Beginning a stage on all threads and waiting for the last.
    pub stage_s: f64,
    /// What a run costs besides.
    pub run_s: f64,
    /// How many threads were measured together.
    pub threads: usize,
    /// How much faster they were than one.
    pub faster: f64,
    /// Bytes a second that one thread reads from memory.
    pub read_bps: f64,
    /// Bytes a second that all threads read from memory together.
    pub read_all_bps: f64,
    /// Bytes a second that one thread copies into memory it has not touched before.
    pub touch_bps: f64,
    /// Bytes a second read from files.
    pub disk_read_bps: f64,
    /// Bytes a second written to files.
    pub disk_write_bps: f64,
    /// Decoded bytes a second that one thread unpacks.
    pub decode_bps: f64,
    /// Bytes a second that one thread packs.
    pub encode_bps: f64,
    /// Opening a stored block.
    pub block_s: f64,
    /// How surely the rates are known: 1 measured at length, more where they are a guess.
    pub doubt: f64,
}

impl Default for Machine {
    fn default() -> Self {
        Self {
            add_s: 0.16e-9,
            heavy_s: 0.12e-9,
            fold_s: 0.1e-9,
            column_s: 0.25e-9,
            fill_s: 1.0e-9,
            uniform_s: 0.8e-9,
            normal_s: 3.0e-9,
            product_s: 0.04e-9,
            step_s: 25e-9,
            task_s: 2.5e-6,
            stage_s: 20e-6,
            run_s: 30e-6,
            threads: 1,
            faster: 1.0,
            read_bps: 11e9,
            read_all_bps: 20e9,
            touch_bps: 2.8e9,
            disk_read_bps: 2.0e9,
            disk_write_bps: 0.8e9,
            decode_bps: 0.9e9,
            encode_bps: 0.3e9,
            block_s: 60e-6,
            doubt: 1.6,
        }
    }
}

/// One rate, of this machine's processor or of something else: its name in files, what it is, and how it is reached.
pub struct Rate<T = Machine> {
    /// Its name in files.
    pub name: &'static str,
    /// What a table calls it.
    pub words: &'static str,
    /// Its unit.
    pub unit: Unit,
    /// Reads it.
    pub of: fn(&T) -> f64,
    /// Writes it.
    pub set: fn(&mut T, f64),
}

/// What a rate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Seconds for one.
    Seconds,
    /// Bytes a second.
    BytesASecond,
    /// A plain number.
    Number,
}

macro_rules! rate {
    ($field:ident, $unit:ident, $words:literal) => {
        Rate {
            name: stringify!($field),
            words: $words,
            unit: Unit::$unit,
            of: |m| m.$field,
            set: |m, value| m.$field = value,
        }
    };
}

pub(super) use rate;

/// Every rate that is measured.
pub const RATES: [Rate; 20] = [
    rate!(add_s, Seconds, "addition in the first cache, one thread"),
    rate!(heavy_s, Seconds, "unit of weight of costly functions, one thread"),
    rate!(fold_s, Seconds, "element of a sum, one thread"),
    rate!(column_s, Seconds, "element of sums side by side, one thread"),
    rate!(fill_s, Seconds, "element of a range, one thread"),
    rate!(uniform_s, Seconds, "uniform draw, one thread"),
    rate!(normal_s, Seconds, "normal draw, one thread"),
    rate!(product_s, Seconds, "multiply-add of a matrix product, one thread"),
    rate!(step_s, Seconds, "step of a tile"),
    rate!(task_s, Seconds, "task"),
    rate!(stage_s, Seconds, "stage"),
    rate!(faster, Number, "all threads against one"),
    rate!(read_bps, BytesASecond, "memory read, one thread"),
    rate!(read_all_bps, BytesASecond, "memory read, all threads"),
    rate!(touch_bps, BytesASecond, "new memory written, one thread"),
    rate!(disk_read_bps, BytesASecond, "file read"),
    rate!(disk_write_bps, BytesASecond, "file written"),
    rate!(decode_bps, BytesASecond, "unpacked (zstd), one thread"),
    rate!(encode_bps, BytesASecond, "packed (zstd), one thread"),
    rate!(block_s, Seconds, "stored block opened"),
];

/// Moving an element of a product into a panel, a tile at a time, or out of the sums, against adding two.
const PACK: f64 = 9.0;
/// A product of whole numbers against adding two `float64`: what takes a step, and what takes eight bytes.
const WHOLE_PRODUCT: (f64, f64) = (0.3, 0.7);
/// Draws that need a division more, against uniform ones.
const INTEGERS: f64 = 1.4;
/// Bytes on disk for a byte put aside.
pub(crate) const SPILL_PACKED: f64 = 0.7;

impl Machine {
    /// Seconds to write new memory, and to read memory, by so many threads.
    pub fn memory_s(&self, written: f64, read: f64, threads: usize) -> f64 {
        written / (self.touch_bps * self.speedup(threads)) + read / self.read_bps_of(threads)
    }

    /// Seconds to pack and write, or to read and unpack, that many bytes.
    pub fn disk_s(&self, bytes: f64) -> f64 {
        let packed = bytes * SPILL_PACKED;
        bytes / self.decode_bps + (packed / self.disk_write_bps + packed / self.disk_read_bps) / 2.0
    }

    /// Seconds of one multiplication and addition of a matrix product of a dtype, on one thread.
    pub fn product_s_of(&self, dtype: DType) -> f64 {
        match (dtype, dtype.kind()) {
            (DType::F64, _) => self.product_s,
            (_, Kind::Float) => self.product_s / 2.0,
            _ => self.add_s * (WHOLE_PRODUCT.0 + WHOLE_PRODUCT.1 * dtype.size() as f64 / 8.0),
        }
    }

    /// Seconds to move an element of a product into a panel, or out of the sums, on one thread.
    pub fn pack_s(&self) -> f64 {
        PACK * self.add_s
    }

    /// Seconds of a draw, on one thread.
    pub fn draw_s(&self, law: &Law) -> f64 {
        match law {
            Law::Uniform { .. } => self.uniform_s,
            Law::Integers { .. } => self.uniform_s * INTEGERS,
            Law::Normal { .. } => self.normal_s,
        }
    }

    /// How much faster than one so many threads are.
    pub fn speedup(&self, threads: usize) -> f64 {
        let (n, threads) = (self.threads as f64, threads.max(1) as f64);
        let each = if n > 1.0 { ((self.faster - 1.0) / (n - 1.0)).clamp(0.05, 1.0) } else { 0.95 };
        1.0 + (threads - 1.0) * each
    }

    /// Bytes a second that so many threads read from memory together.
    pub fn read_bps_of(&self, threads: usize) -> f64 {
        (self.read_bps * threads.max(1) as f64).min(self.read_all_bps.max(self.read_bps))
    }

    /// These rates on a machine whose arithmetic takes `factor` times as long.
    pub fn slowed(&self, factor: f64) -> Machine {
        let mut slower = self.clone();
        for rate in RATES.iter().filter(|r| r.unit == Unit::Seconds) {
            (rate.set)(&mut slower, (rate.of)(self) * factor);
        }
        for rate in RATES.iter().filter(|r| matches!(r.name, "decode_bps" | "encode_bps")) {
            (rate.set)(&mut slower, (rate.of)(self) / factor);
        }
        slower
    }
}
