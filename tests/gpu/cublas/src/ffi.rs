//! The exported calls: a handle is the stream that it multiplies on.
#![expect(unsafe_code, reason = "calls of a library of C")]
#![allow(non_snake_case, reason = "the names are the vendor's")]

use crate::driver::{Refused, read, wait, write};
use std::collections::HashMap;
use std::ffi::{c_int, c_longlong};
use std::ops::{AddAssign, Mul};
use std::sync::{LazyLock, Mutex, PoisonError};

/// What calls give.
const SUCCESS: c_int = 0;
const INVALID_VALUE: c_int = 7;
const EXECUTION_FAILED: c_int = 13;

/// Streams by handle.
static STREAMS: LazyLock<Mutex<HashMap<usize, usize>>> = LazyLock::new(Mutex::default);
/// How often each call was made.
static CALLS: LazyLock<Mutex<HashMap<&'static str, u64>>> = LazyLock::new(Mutex::default);

fn lock<T>(of: &'static LazyLock<Mutex<T>>) -> std::sync::MutexGuard<'static, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does a call by its name, unless it is one that is to fail.
fn call(name: &'static str, body: impl FnOnce() -> c_int) -> c_int {
    let count = {
        let mut calls = lock(&CALLS);
        let count = calls.entry(name).or_default();
        *count += 1;
        *count
    };
    let settings = std::env::var("CLEAVE_GPU_DRIVER").unwrap_or_default();
    let wanted = format!("fail={name}:{count}:");
    let failure = settings.split([' ', ',']).find_map(|word| word.strip_prefix(&wanted)?.parse().ok());
    failure.unwrap_or_else(body)
}

#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn cublasCreate_v2(handle: *mut usize) -> c_int {
    call("cublasCreate_v2", || {
        let mut streams = lock(&STREAMS);
        let number = streams.keys().max().unwrap_or(&0) + 1;
        streams.insert(number, 0);
        // SAFETY: the caller's pointer.
        unsafe { handle.write(number) };
        SUCCESS
    })
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cublasDestroy_v2(handle: usize) -> c_int {
    call("cublasDestroy_v2", || lock(&STREAMS).remove(&handle).map_or(INVALID_VALUE, |_| SUCCESS))
}

#[unsafe(no_mangle)]
pub(crate) extern "C" fn cublasSetStream_v2(handle: usize, stream: usize) -> c_int {
    call("cublasSetStream_v2", || {
        lock(&STREAMS).get_mut(&handle).map_or(INVALID_VALUE, |known| {
            *known = stream;
            SUCCESS
        })
    })
}

/// Matrices in memory, column by column.
#[derive(Clone, Copy)]
struct Matrices {
    address: u64,
    /// Elements from one column to the next, and from one matrix to the next.
    pitch: usize,
    apart: i64,
}

impl Matrices {
    fn of<T>(address: *const T, pitch: c_int, apart: c_longlong) -> Self {
        Self { address: address as u64, pitch: pitch as usize, apart }
    }

    /// Where a matrix begins, and the elements up to its last, of so many rows and columns.
    fn part<T>(self, number: usize, [rows, columns]: [usize; 2]) -> (u64, usize) {
        let address = self.address.wrapping_add((self.apart * number as i64 * size_of::<T>() as i64) as u64);
        (address, self.pitch * (columns - 1) + rows)
    }
}

/// What is multiplied: `out = alpha · a · b + beta · out`, `a` and `b` perhaps turned.
struct Product<T> {
    lens: [usize; 3],
    turned: [bool; 2],
    factors: [T; 2],
    operands: [Matrices; 2],
    out: Matrices,
}

impl<T: Copy + Default + AddAssign + Mul<Output = T>> Product<T> {
    fn one(&self, number: usize) -> Result<(), Refused> {
        let [m, n, k] = self.lens;
        let shape = |side: usize, lens: [usize; 2]| if self.turned[side] { [lens[1], lens[0]] } else { lens };
        let [left, right] = [shape(0, [m, k]), shape(1, [k, n])];
        let (address, len) = self.operands[0].part::<T>(number, left);
        let a: Vec<T> = read(address, len)?;
        let (address, len) = self.operands[1].part::<T>(number, right);
        let b: Vec<T> = read(address, len)?;
        let (address, len) = self.out.part::<T>(number, [m, n]);
        let mut c: Vec<T> = read(address, len)?;
        let at = |side: usize, row: usize, column: usize| {
            let pitch = self.operands[side].pitch;
            if self.turned[side] { row * pitch + column } else { column * pitch + row }
        };
        for (column, row) in (0..n).flat_map(|column| (0..m).map(move |row| (column, row))) {
            let mut sum = T::default();
            for index in (0..k).rev() {
                sum += a[at(0, row, index)] * b[at(1, index, column)];
            }
            let out = &mut c[column * self.out.pitch + row];
            let mut whole = self.factors[0] * sum;
            whole += self.factors[1] * *out;
            *out = whole;
        }
        write(address, &c)
    }

    fn all(&self, handle: usize, count: c_int) -> c_int {
        let Some(stream) = lock(&STREAMS).get(&handle).copied() else { return INVALID_VALUE };
        let done = || {
            wait(stream)?;
            (0..count as usize).try_for_each(|number| self.one(number))
        };
        done().map_or(EXECUTION_FAILED, |()| SUCCESS)
    }
}

macro_rules! gemm {
    ($name:ident, $float:ty) => {
        #[unsafe(no_mangle)]
        pub(crate) unsafe extern "C" fn $name(
            handle: usize,
            turn_a: c_int,
            turn_b: c_int,
            m: c_int,
            n: c_int,
            k: c_int,
            alpha: *const $float,
            a: *const $float,
            a_pitch: c_int,
            a_apart: c_longlong,
            b: *const $float,
            b_pitch: c_int,
            b_apart: c_longlong,
            beta: *const $float,
            c: *mut $float,
            c_pitch: c_int,
            c_apart: c_longlong,
            count: c_int,
        ) -> c_int {
            call(stringify!($name), || {
                let is_short = |pitch: c_int, least: c_int| pitch < least.max(1);
                let [a_rows, b_rows] = [if turn_a == 0 { m } else { k }, if turn_b == 0 { k } else { n }];
                let is_wrong = [m, n, k, count].into_iter().any(|len| len < 1);
                if is_wrong || is_short(a_pitch, a_rows) || is_short(b_pitch, b_rows) || is_short(c_pitch, m) {
                    return INVALID_VALUE;
                }
                let product = Product {
                    lens: [m as usize, n as usize, k as usize],
                    turned: [turn_a != 0, turn_b != 0],
                    // SAFETY: the caller's pointers, to memory of the host.
                    factors: unsafe { [*alpha, *beta] },
                    operands: [Matrices::of(a, a_pitch, a_apart), Matrices::of(b, b_pitch, b_apart)],
                    out: Matrices::of(c, c_pitch, c_apart),
                };
                product.all(handle, count)
            })
        }
    };
}

gemm!(cublasSgemmStridedBatched, f32);
gemm!(cublasDgemmStridedBatched, f64);
