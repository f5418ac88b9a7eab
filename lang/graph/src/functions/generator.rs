//! Random generators: the same numbers for any chunking, order, thread count and slice.

use super::create::{chunks_arg, dtype_arg, shape_arg};
use super::{Bound, Found, FunctionEntry, PLAIN, Param, Receiver, need, only, rest, with};
use crate::build::{self, Draw};
use crate::interp::{Eval, Machine};
use crate::value::{Generator, Value};
use cleave_ops::fill::Law;
use cleave_ops::{DType, Kind, Scalar};

const GENERATOR: &[Found] = &[Found::Method(Receiver::Generator)];
const RANDOM: &[Found] = &[Found::Module("random")];
const DTYPE: Param = only("dtype", "float64");
const CHUNKS: Param = only("chunks", "'auto'");
const SIZE: Param = with("size", "None");

pub(super) static ENTRIES: &[FunctionEntry] = &[
    FunctionEntry {
        name: "default_rng",
        aliases: &["RandomState"],
        found: &[Found::Everywhere, RANDOM[0]],
        params: &[with("seed", "None")],
        summary: "A random generator; equal seeds give equal numbers.",
        examples: &[("default_rng(1).random(3).shape", "(3,)")],
        run: default_rng,
        ..PLAIN
    },
    FunctionEntry {
        name: "seed",
        found: RANDOM,
        params: &[need("seed")],
        summary: "Starts the module's own generator anew.",
        run: seed,
        ..PLAIN
    },
    FunctionEntry {
        name: "random",
        found: GENERATOR,
        params: &[need("rng"), SIZE, DTYPE, CHUNKS],
        summary: "Uniform numbers in [0, 1).",
        run: |m, b| {
            let g = own(m, b);
            uniform(m, b, g, [None, None, Some(1), Some(2), Some(3)])
        },
        ..PLAIN
    },
    FunctionEntry {
        name: "random",
        aliases: &["random_sample"],
        found: RANDOM,
        params: &[SIZE, DTYPE, CHUNKS],
        summary: "Uniform numbers in [0, 1).",
        run: |m, b| {
            let g = shared(m);
            uniform(m, b, g, [None, None, Some(0), Some(1), Some(2)])
        },
        ..PLAIN
    },
    FunctionEntry {
        name: "uniform",
        found: GENERATOR,
        params: &[need("rng"), with("low", "0.0"), with("high", "1.0"), SIZE, DTYPE, CHUNKS],
        summary: "Uniform numbers in [low, high).",
        run: |m, b| {
            let g = own(m, b);
            uniform(m, b, g, [Some(1), Some(2), Some(3), Some(4), Some(5)])
        },
        ..PLAIN
    },
    FunctionEntry {
        name: "uniform",
        found: RANDOM,
        params: &[with("low", "0.0"), with("high", "1.0"), SIZE, DTYPE, CHUNKS],
        summary: "Uniform numbers in [low, high).",
        run: |m, b| {
            let g = shared(m);
            uniform(m, b, g, [Some(0), Some(1), Some(2), Some(3), Some(4)])
        },
        ..PLAIN
    },
    FunctionEntry {
        name: "normal",
        found: GENERATOR,
        params: &[need("rng"), with("loc", "0.0"), with("scale", "1.0"), SIZE, DTYPE, CHUNKS],
        summary: "Gaussian numbers.",
        run: |m, b| {
            let g = own(m, b);
            normal(m, b, g, [Some(1), Some(2), Some(3), Some(4), Some(5)])
        },
        ..PLAIN
    },
    FunctionEntry {
        name: "normal",
        found: RANDOM,
        params: &[with("loc", "0.0"), with("scale", "1.0"), SIZE, DTYPE, CHUNKS],
        summary: "Gaussian numbers.",
        run: |m, b| {
            let g = shared(m);
            normal(m, b, g, [Some(0), Some(1), Some(2), Some(3), Some(4)])
        },
        ..PLAIN
    },
    FunctionEntry {
        name: "standard_normal",
        found: GENERATOR,
        params: &[need("rng"), SIZE, DTYPE, CHUNKS],
        summary: "Gaussian numbers with mean 0 and deviation 1.",
        run: |m, b| {
            let g = own(m, b);
            normal(m, b, g, [None, None, Some(1), Some(2), Some(3)])
        },
        ..PLAIN
    },
    FunctionEntry {
        name: "standard_normal",
        found: RANDOM,
        params: &[SIZE, DTYPE, CHUNKS],
        summary: "Gaussian numbers with mean 0 and deviation 1.",
        run: |m, b| {
            let g = shared(m);
            normal(m, b, g, [None, None, Some(0), Some(1), Some(2)])
        },
        ..PLAIN
    },
    FunctionEntry {
        name: "integers",
        found: GENERATOR,
        params: &[
            need("rng"),
            need("low"),
            with("high", "None"),
            SIZE,
            with("dtype", "int64"),
            with("endpoint", "False"),
            CHUNKS,
        ],
        summary: "Whole numbers in [low, high), or in [0, low).",
        run: |m, b| {
            let g = own(m, b);
            integers(m, b, g, 1)
        },
        ..PLAIN
    },
    FunctionEntry {
        name: "integers",
        aliases: &["randint"],
        found: RANDOM,
        params: &[need("low"), with("high", "None"), SIZE, with("dtype", "int64"), with("endpoint", "False"), CHUNKS],
        summary: "Whole numbers in [low, high), or in [0, low).",
        run: |m, b| {
            let g = shared(m);
            integers(m, b, g, 0)
        },
        ..PLAIN
    },
    FunctionEntry {
        name: "rand",
        found: RANDOM,
        params: &[rest("lengths"), CHUNKS],
        summary: "Uniform numbers in [0, 1) in a shape given by lengths.",
        run: |m, b| {
            let g = shared(m);
            lengths(m, b, g, uniform)
        },
        ..PLAIN
    },
    FunctionEntry {
        name: "randn",
        found: RANDOM,
        params: &[rest("lengths"), CHUNKS],
        summary: "Gaussian numbers in a shape given by lengths.",
        run: |m, b| {
            let g = shared(m);
            lengths(m, b, g, normal)
        },
        ..PLAIN
    },
];

/// Where a call's arguments stand: two parameters of the law, size, dtype, chunks.
type Slots = [Option<usize>; 5];

fn seed_of(m: &mut Machine<'_>, b: &Bound) -> Eval<u64> {
    let given = m.int_arg(b, 0, 0)?;
    if b.given(0).is_none() {
        return Ok(m.host.clock().0.to_bits() ^ m.host.clock().1.to_bits().rotate_left(32));
    }
    u64::try_from(given).map_err(|_| m.error("bad-argument", "a seed is 0 or more", b.span_of(0)))
}

fn default_rng(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    if let Value::Generator(_) = b.value(0) {
        return Ok(b.value(0));
    }
    let seed = seed_of(m, b)?;
    Ok(Value::Generator(m.state.scope.generator(seed)))
}

fn seed(m: &mut Machine<'_>, b: &mut Bound) -> Eval {
    let seed = seed_of(m, b)?;
    let generator = m.state.scope.generator(seed);
    m.state.scope.shared = Some(generator);
    Ok(Value::None)
}

fn own(m: &mut Machine<'_>, b: &Bound) -> Generator {
    match b.value(0) {
        Value::Generator(generator) => generator,
        _ => shared(m),
    }
}

/// The generator of `numpy.random` itself; without a seed it starts from the clock.
fn shared(m: &mut Machine<'_>) -> Generator {
    if let Some(generator) = m.state.scope.shared {
        return generator;
    }
    let (epoch, steady) = m.host.clock();
    let generator = m.state.scope.generator(epoch.to_bits() ^ steady.to_bits().rotate_left(32));
    m.state.scope.shared = Some(generator);
    generator
}

fn number(m: &mut Machine<'_>, b: &Bound, slot: Option<usize>, default: f64) -> Eval<f64> {
    slot.map_or(Ok(default), |slot| m.real_arg(b, slot, default))
}

fn uniform(m: &mut Machine<'_>, b: &mut Bound, g: Generator, slots: Slots) -> Eval {
    let (low, high) = (number(m, b, slots[0], 0.0)?, number(m, b, slots[1], 1.0)?);
    draw(m, b, g, (Law::Uniform { low: Scalar::Float(low), high: Scalar::Float(high) }, slots))
}

fn normal(m: &mut Machine<'_>, b: &mut Bound, g: Generator, slots: Slots) -> Eval {
    let (mean, std) = (number(m, b, slots[0], 0.0)?, number(m, b, slots[1], 1.0)?);
    if std < 0.0 {
        return Err(m.error("bad-argument", "`scale` must be 0 or more", slots[1].map_or(b.span, |s| b.span_of(s))));
    }
    draw(m, b, g, (Law::Normal { mean: Scalar::Float(mean), std: Scalar::Float(std) }, slots))
}

fn draw(m: &mut Machine<'_>, b: &mut Bound, g: Generator, (law, slots): (Law, Slots)) -> Eval {
    let dtype = slots[3].map_or(Ok(None), |slot| dtype_arg(m, b, slot))?.unwrap_or(DType::F64);
    if dtype.kind() != Kind::Float {
        let span = slots[3].map_or(b.span, |s| b.span_of(s));
        return Err(m
            .error("dtype-mismatch", format!("`{}` does not draw {dtype}", b.entry.name), span)
            .help("draw floats, or use `integers`"));
    }
    place(m, b, g, (law, dtype, slots[2], slots[4]))
}

fn place(
    m: &mut Machine<'_>,
    b: &Bound,
    generator: Generator,
    (law, dtype, size, chunks): (Law, DType, Option<usize>, Option<usize>),
) -> Eval {
    let shape = size.map_or(Ok(cleave_ops::Shape::default()), |slot| shape_arg(m, b, slot))?;
    let chunks = match chunks {
        Some(slot) => chunks_arg(m, b, slot)?,
        None => cleave_ops::Arg::Str("auto".into()),
    };
    let (draw, options) = (m.state.scope.draw(generator), m.options());
    let draw = Draw { seed: generator.seed, draw, law };
    let made = build::random(&mut m.state.graph, draw, (shape, dtype), &chunks, &options);
    let value = made.map(Value::Array).map_err(|e| m.op_error(&e, b.span, &[]))?;
    Ok(if generator.on_card { m.on_card(value) } else { value })
}

fn integers(m: &mut Machine<'_>, b: &mut Bound, g: Generator, first: usize) -> Eval {
    let given = m.int_arg(b, first, 0)?;
    let (low, high) = match b.given(first + 1) {
        Some(_) => (given, m.int_arg(b, first + 1, 0)?),
        None => (0, given),
    };
    let high = i128::from(high) + i128::from(m.bool_arg(b, first + 4, false)?);
    if high <= i128::from(low) {
        return Err(m.error("bad-argument", format!("there is no whole number in [{low}, {high})"), b.span));
    }
    let dtype = dtype_arg(m, b, first + 3)?.unwrap_or(DType::I64);
    if dtype.kind() != Kind::Int || !dtype.holds(low.into()) || !dtype.holds(high - 1) {
        return Err(m.error("dtype-mismatch", format!("{dtype} does not hold all of [{low}, {high})"), b.span));
    }
    let law = Law::Integers { low: Scalar::Int(low.into()), high: Scalar::Int(high) };
    place(m, b, g, (law, dtype, Some(first + 2), Some(first + 5)))
}

fn lengths(
    m: &mut Machine<'_>,
    b: &mut Bound,
    g: Generator,
    law: fn(&mut Machine<'_>, &mut Bound, Generator, Slots) -> Eval,
) -> Eval {
    let lens = Value::tuple(b.rest.iter().map(|given| given.value.clone()).collect::<Vec<_>>());
    b.slots[0] = Some(crate::interp::Given::new(lens, b.span));
    law(m, b, g, [None, None, Some(0), None, Some(1)])
}
