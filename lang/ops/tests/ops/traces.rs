//! Formulas as data give what the loops give, to the bit.

use cleave_ops::data::Element;
use cleave_ops::op::{Class, MapLoop};
use cleave_ops::trace::Tape;
use cleave_ops::{DType, Data, DataRef, Kind, Op, Scalar, table};
use std::collections::BTreeSet;

/// Numbers without rhyme or reason, the same every time.
pub(crate) struct Noise(pub(crate) u64);

impl Noise {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) ^ (mixed >> 31)
    }
}

const EDGES: [f64; 22] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -1.5,
    2.0,
    3.0,
    2.5,
    1e-320,
    -1e-310,
    1e-7,
    255.0,
    65504.0,
    1e30,
    -1e300,
    1e9,
    4e9,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
    0.1,
];

fn value(dtype: DType, noise: &mut Noise) -> Scalar {
    let word = noise.next();
    match (dtype.kind(), word % 5) {
        (Kind::Bool, _) => Scalar::Bool(word & 8 == 0),
        (Kind::Int, 0..3) => Scalar::Int(i128::from((word >> 8) as i64 % 12)),
        (Kind::Int, _) => Scalar::Int(i128::from((word >> (word >> 58)) as i64)),
        (Kind::Float, 0 | 1) => Scalar::Float(EDGES[(word >> 8) as usize % EDGES.len()]),
        (Kind::Float, 2 | 3) => Scalar::Float(((word >> 11) as f64 / 9e15 - 0.5) * 40.0),
        (Kind::Float, _) => Scalar::Float(f64::from_bits(word)),
    }
}

pub(crate) fn column(dtype: DType, len: usize, noise: &mut Noise) -> Data {
    let mut data = Data::zeros(dtype, len);
    cleave_ops::each_dtype!(Data, &mut data, v => v.iter_mut().for_each(|x| *x = Element::from_scalar(value(dtype, noise))));
    data
}

pub(crate) fn bits(data: DataRef<'_>, i: usize) -> u64 {
    match data {
        DataRef::Bool(v) => v[i].into(),
        DataRef::I8(v) => (v[i] as u8).into(),
        DataRef::U8(v) => v[i].into(),
        DataRef::I16(v) => (v[i] as u16).into(),
        DataRef::U16(v) => v[i].into(),
        DataRef::I32(v) => (v[i] as u32).into(),
        DataRef::U32(v) => v[i].into(),
        DataRef::I64(v) => v[i] as u64,
        DataRef::U64(v) => v[i],
        DataRef::F16(v) => v[i].to_bits().into(),
        DataRef::F32(v) => v[i].to_bits().into(),
        DataRef::F64(v) => v[i].to_bits(),
    }
}

pub(crate) fn is_nan(dtype: DType, bits: u64) -> bool {
    match dtype {
        DType::F16 => bits & 0x7fff > 0x7c00,
        DType::F32 => f32::from_bits(bits as u32).is_nan(),
        DType::F64 => f64::from_bits(bits).is_nan(),
        _ => false,
    }
}

/// Compares a loop with its formula; how many elements the formula holds for, or nothing if there is none.
fn compare(op: &Op, of: &MapLoop, apart: Option<i64>, noise: &mut Noise) -> Option<usize> {
    const LEN: usize = 400;
    let mut columns: Vec<Data> = of.inputs.iter().map(|&dtype| column(dtype, LEN, noise)).collect();
    let mut tape = Tape::default();
    let mut operands: Vec<_> = of.inputs.iter().enumerate().map(|(n, &dtype)| tape.input(n, dtype)).collect();
    if let (Some(number), Some(last)) = (apart, operands.last_mut()) {
        *last = tape.constant(DType::I64, Scalar::Int(number.into()));
        *columns.last_mut().expect("an operand") = Data::I64(vec![number; LEN]);
    }
    let result = tape.map(of, &operands)?;
    assert_eq!(tape.dtype(result), of.output, "{}", op.name);
    let inputs: Vec<DataRef<'_>> = columns.iter().map(Data::as_ref).collect();
    let mut out = Data::zeros(of.output, LEN);
    (of.run)(&inputs, out.as_mut());
    let mut held = 0;
    for i in 0..LEN {
        let given: Vec<u64> = inputs.iter().map(|x| bits(*x, i)).collect();
        let (found, expected) = (tape.run(&given), bits(out.as_ref(), i));
        if tape.beyond().iter().any(|mask| found[mask.index()] != 0) {
            continue;
        }
        held += 1;
        let found = found[result.index()];
        let both_nan = is_nan(of.output, found) && is_nan(of.output, expected);
        let operands: Vec<Scalar> = columns.iter().map(|c| c.get(i)).collect();
        assert!(found == expected || both_nan, "{} of {operands:?}: {found:#x}, not {expected:#x}", op.name);
    }
    Some(held)
}

#[test]
fn formulas_give_what_loops_give() {
    let (mut noise, mut without, mut count) = (Noise(1), BTreeSet::new(), 0);
    for op in table::all() {
        let Class::Map(map) = &op.class else { continue };
        for of in map.loops {
            let apart = (map.apart > 0).then(|| (noise.next() % 5) as i64 - 2);
            match compare(op, of, apart, &mut noise) {
                Some(held) => assert!(held > 100, "{} of {:?} holds for {held} only", op.name, of.inputs),
                None => drop(without.insert((op.name, of.inputs[0].kind() == Kind::Float))),
            }
            count += 1;
        }
    }
    assert!(count > 500, "{count}");
    assert_eq!(without, BTreeSet::new());
}

#[test]
fn a_formula_is_written_once() {
    let find = |name: &str, dtype: DType| {
        let op = table::find(name).expect("an operation");
        let Class::Map(map) = &op.class else { panic!("{name} is elementwise") };
        map.loops.iter().find(|of| of.inputs[0] == dtype).expect("a loop")
    };
    let mut tape = Tape::default();
    let x = tape.input(0, DType::F64);
    let sin = tape.map(find("sin", DType::F64), &[x]).expect("a formula");
    let (len, beyond) = (tape.steps().len(), tape.beyond().len());
    assert_eq!(tape.map(find("sin", DType::F64), &[x]), Some(sin));
    assert_eq!((tape.steps().len(), tape.beyond().len()), (len, beyond));
    // The cosine of the same angle is made of the same steps but for the last.
    tape.map(find("cos", DType::F64), &[x]).expect("a formula");
    assert!(tape.steps().len() < len + len / 2, "{} after {len}", tape.steps().len());
    let two = tape.constant(DType::F64, Scalar::Float(2.0));
    let root = tape.map(find("sqrt", DType::F64), &[two]).expect("a formula");
    assert_eq!(tape.known(root), Some(Scalar::Float(2_f64.sqrt())));
}
