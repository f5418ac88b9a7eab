//! What a card does in a second, measured with kernels written for it: its memory, its arithmetic, copies, launches.

use crate::detect;
use crate::device::{Device, Gemm, Memory};
use crate::emit::{Grid, Kernel, Param};
use crate::error::GpuError;
use crate::ring::Ring;
use cleave_ops::DType;
use cleave_plan::cost::CardRates;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A measurement is long enough that what is around it does not count.
const LONG: Duration = Duration::from_millis(2);
/// Threads of a block.
const THREADS: u32 = 256;
/// Bytes that a thread copies.
const THREAD_BYTES: usize = 16;
/// Bytes in which memory and copies are counted, and the most that are in use: more than caches hold.
const UNIT: usize = 64 << 10;
const MOST_UNITS: usize = (256 << 20) / UNIT;
/// Part of a card's free memory that is used to measure it.
const PART: u64 = 8;
/// Units of the longest copy between this machine's memory and the card's.
const MOST_COPIED: usize = (64 << 20) / UNIT;
/// Blocks of a multiprocessor in which arithmetic is measured, and operations of a thread in one round.
const BLOCKS_EACH: u32 = 8;
const OPERATIONS: usize = 32;
/// Each measurement is done so often, and the best counts: what else the machine does only takes time.
const TIMES: usize = 3;

/// Measures a card, in about a tenth of a second besides taking it into use.
pub fn measure(ordinal: usize) -> Result<CardRates, GpuError> {
    let began = Instant::now();
    let mut device = Device::open(ordinal)?;
    let open_s = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let kernels = [nothing(), copying(), computing()];
    device.compile(&kernels)?;
    let compile_s = began.elapsed().as_secs_f64() / kernels.len() as f64;
    let [nothing, copying, computing] = &kernels;
    let launch_s = launched(&device, nothing)?;
    let units = (device.free_bytes()? / PART / UNIT as u64).clamp(1, MOST_UNITS as u64) as usize;
    let memory_bps = 2.0 / moved(&device, copying, units)?;
    let processors = detect::ready(ordinal)?.processors.max(1) as u32;
    let op_s = computed(&device, computing, processors * BLOCKS_EACH)?;
    let (up_s, down_s) = copied(&mut device, units.min(MOST_COPIED))?;
    device.trim()?;
    let (up_bps, down_bps) = (1.0 / up_s, 1.0 / down_s);
    Ok(CardRates { op_s, memory_bps, up_bps, down_bps, launch_s, compile_s, open_s, doubt: 1.0 })
}

/// Operations a second of cuBLAS, a multiplication and an addition being two, for matrices of so many rows and columns of
/// `float64` and of `float32`; where it is found.
pub fn measure_products(ordinal: usize, side: usize) -> Result<Option<[f64; 2]>, GpuError> {
    let mut device = Device::open(ordinal)?;
    if device.library().is_err() {
        return Ok(None);
    }
    let rate = |dtype: DType| {
        let matrix = || device.zeros(side * side * dtype.size());
        let all = [matrix()?, matrix()?, matrix()?];
        let places = [0, 1, 2].map(|number| all[number].address());
        let (lens, apart) = ([side; 3], [side * side; 3]);
        let gemm = Gemm { dtype, lens, places, pitches: [side; 3], apart, matrices: 1 };
        let each_s = each(1 << 8, |many| {
            (0..many).try_for_each(|_| device.multiply(&gemm))?;
            device.wait()
        })?;
        Ok::<_, GpuError>(2.0 * (side as f64).powi(3) / each_s)
    };
    Ok(Some([rate(DType::F64)?, rate(DType::F32)?]))
}

/// Seconds of a kernel that is started and waited for.
fn launched(device: &Device, kernel: &Kernel) -> Result<f64, GpuError> {
    let grid = Grid { blocks: [1, 1], threads: [1, 1] };
    each(1 << 12, |many| {
        (0..many).try_for_each(|_| {
            device.launch(kernel, grid, &[])?;
            device.wait()
        })
    })
}

/// Seconds for a byte that is copied within the card's memory.
fn moved(device: &Device, kernel: &Kernel, most: usize) -> Result<f64, GpuError> {
    let (from, to) = (device.zeros(most * UNIT)?, device.room(most * UNIT)?);
    let units_s = each(64 * most, |units| {
        let threads = units.min(most) * UNIT / THREAD_BYTES;
        let grid = Grid { blocks: [(threads as u32).div_ceil(THREADS), 1], threads: [THREADS, 1] };
        (0..units.div_ceil(most)).try_for_each(|_| device.launch(kernel, grid, &[from.address(), to.address()]))?;
        device.wait()
    })?;
    Ok(units_s / UNIT as f64)
}

/// Seconds of an operation on `float64`, all multiprocessors together.
fn computed(device: &Device, kernel: &Kernel, blocks: u32) -> Result<f64, GpuError> {
    let threads = (blocks * THREADS) as usize;
    let out = device.room(threads * size_of::<f64>())?;
    let grid = Grid { blocks: [blocks, 1], threads: [THREADS, 1] };
    let round_s = each(1 << 20, |rounds| {
        device.launch(kernel, grid, &[out.address(), rounds as u64])?;
        device.wait()
    })?;
    Ok(round_s / (threads * OPERATIONS) as f64)
}

/// Seconds for a byte that is copied to the card, and for one that comes back.
fn copied(device: &mut Device, most: usize) -> Result<(f64, f64), GpuError> {
    let mut bytes = vec![1_u8; most * UNIT];
    let memory = device.room_to_send(most * UNIT)?;
    let mut ring = std::mem::take(&mut device.ring);
    let up_s = each(most, |units| sent(device, &mut ring, &memory, &bytes[..units * UNIT]));
    device.ring = ring;
    // Whatever happened, the memory must not be given back before what was sent is there.
    device.arrived()?;
    let up_s = up_s?;
    let down_s = each(most, |units| {
        device.fetch((&memory, 0), &mut bytes[..units * UNIT], &|to, from| to.copy_from_slice(from))
    })?;
    Ok((up_s / UNIT as f64, down_s / UNIT as f64))
}

/// Sends bytes to the card as arrays go there, and waits for them.
fn sent(device: &Device, ring: &mut Ring, memory: &Memory, bytes: &[u8]) -> Result<(), GpuError> {
    let slot_bytes = ring.fit(device, bytes.len())?;
    for (number, part) in bytes.chunks(slot_bytes).enumerate() {
        let slot = ring.turn();
        slot.bytes()?[..part.len()].copy_from_slice(part);
        device.send(slot, part.len(), (memory, number * slot_bytes))?;
    }
    device.arrived()?;
    device.wait()
}

/// Seconds of one of many: as many as take long enough, or the most.
fn each(most: usize, mut work: impl FnMut(usize) -> Result<(), GpuError>) -> Result<f64, GpuError> {
    let mut many = 1;
    let mut timed = |many: usize| {
        let began = Instant::now();
        work(many).map(|()| began.elapsed())
    };
    let mut took = timed(many)?;
    while took < LONG && many < most {
        many = (many * 2).min(most);
        took = timed(many)?;
    }
    for _ in 1..TIMES {
        took = took.min(timed(many)?);
    }
    Ok(took.as_secs_f64().max(1e-9) / many as f64)
}

fn written(name: &str, params: &[&str], body: &str) -> Kernel {
    let params_text: Vec<String> = params.iter().map(|param| format!("    .param .u64 {name}_{param}")).collect();
    let text = format!(
        ".version 7.0\n.target sm_75\n.address_size 64\n\n.visible .entry {name}(\n{}\n)\n{{\n{}    ret;\n}}\n",
        params_text.join(",\n"),
        body.replace("NAME", name)
    );
    let params = vec![Param::Flag; params.len()];
    Kernel { name: name.to_owned(), text, params, loads: vec![], made: Arc::default(), may_fail: false }
}

fn nothing() -> Kernel {
    written("cleave_rate_nothing", &[], "")
}

/// The number of the thread, in `%r3`.
const PLACE: &str = "\
    mov.u32 %r0, %ctaid.x;
    mov.u32 %r1, %ntid.x;
    mov.u32 %r2, %tid.x;
    mad.lo.s32 %r3, %r0, %r1, %r2;
";

/// Each thread copies 16 bytes.
fn copying() -> Kernel {
    let body = format!(
        "    .reg .b32 %r<4>;
    .reg .b64 %rd<7>;
    ld.param.u64 %rd0, [NAME_from];
    ld.param.u64 %rd1, [NAME_to];
{PLACE}    mul.wide.u32 %rd2, %r3, 16;
    add.s64 %rd3, %rd0, %rd2;
    add.s64 %rd4, %rd1, %rd2;
    ld.global.v2.b64 {{%rd5, %rd6}}, [%rd3];
    st.global.v2.b64 [%rd4], {{%rd5, %rd6}};
"
    );
    written("cleave_rate_copy", &["from", "to"], &body)
}

/// Each thread goes so many rounds of multiplications and additions, in chains that do not wait for each other.
fn computing() -> Kernel {
    const CHAINS: usize = 8;
    let start: String = (0..CHAINS).map(|n| format!("    cvt.rn.f64.u32 %fd{n}, %r{n};\n")).collect();
    let round: String =
        (0..OPERATIONS).map(|n| format!("    fma.rn.f64 %fd{0}, %fd{0}, %fd8, %fd8;\n", n % CHAINS)).collect();
    let sums: String = (1..CHAINS).map(|n| format!("    add.rn.f64 %fd0, %fd0, %fd{n};\n")).collect();
    let body = format!(
        "    .reg .pred %p<1>;
    .reg .b32 %r<8>;
    .reg .b64 %rd<4>;
    .reg .f64 %fd<9>;
    ld.param.u64 %rd0, [NAME_out];
    ld.param.u64 %rd1, [NAME_rounds];
{PLACE}    mov.u32 %r4, 4;
    mov.u32 %r5, 5;
    mov.u32 %r6, 6;
    mov.u32 %r7, 7;
    mov.f64 %fd8, 0d3FE0000000000000;
{start}NAME_round:
{round}    add.s64 %rd1, %rd1, -1;
    setp.gt.s64 %p0, %rd1, 0;
    @%p0 bra NAME_round;
{sums}    mul.wide.u32 %rd2, %r3, 8;
    add.s64 %rd3, %rd0, %rd2;
    st.global.f64 [%rd3], %fd0;
"
    );
    written("cleave_rate_compute", &["out", "rounds"], &body)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use cleave_plan::cost::card::CARD_RATES;

    #[test]
    fn a_card_is_measured() {
        cleave_gpu_driver::load().unwrap();
        let rates = measure(0).unwrap();
        for rate in &CARD_RATES {
            let value = (rate.of)(&rates);
            assert!(value.is_finite() && value > 0.0, "{}: {value}", rate.name);
        }
        assert_eq!(rates.doubt, 1.0);
        assert!(matches!(measure(7), Err(GpuError::Absent(_))));
    }

    #[test]
    fn what_takes_long_is_not_done_often() {
        let mut most = 0;
        let each_s = each(1 << 20, |many| {
            most = many.max(most);
            std::thread::sleep(LONG);
            Ok(())
        });
        assert!(most == 1 && each_s.unwrap() >= LONG.as_secs_f64());
    }
}
