//! Steps in one loop have the bits of their own loops.

use cleave_ops::chain::{CHAIN_REACH, ChainOperand, ChainStep, Link, run_chain};
use cleave_ops::data::Element;
use cleave_ops::lane::Float;
use cleave_ops::op::{Class, MapLoop};
use cleave_ops::{DType, Data, table};

const LENS: [usize; 8] = [0, 1, 7, 31, 32, 65, 100, 2050];

/// Elements of all sorts.
fn elements<T: Float + Element>(len: usize, seed: usize) -> Data {
    let odd = [0.0, -0.0, 1.0, -3.5, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 5e-324, 1e308, 1e-38, 0.1];
    let value = |i: usize| match (i * 7 + seed * 13) % 29 {
        place if place < odd.len() => odd[place],
        place => ((i * 31 + seed) % 1000) as f64 / 7.0 - place as f64,
    };
    T::wrap((0..len).map(|i| T::near(value(i))).collect())
}

/// The bits, with one nan for all.
fn bits(data: &Data) -> Vec<u64> {
    let value = |i: usize| Some(data.get(i).to_f64()).filter(|v| !v.is_nan()).unwrap_or(f64::NAN);
    (0..data.len()).map(|i| value(i).to_bits()).collect()
}

fn done<T: Float + Element>(rule: &MapLoop, inputs: &[&Data]) -> Data {
    let mut out = Data::zeros(T::DTYPE, inputs[0].len());
    (rule.run)(&inputs.iter().map(|data| data.as_ref()).collect::<Vec<_>>(), out.as_mut());
    out
}

fn chained<T: Float + Element>(steps: &[ChainStep], operands: &[&Data]) -> Data {
    let mut out = Data::zeros(T::DTYPE, operands[0].len());
    let operands = operands.iter().map(|data| ChainOperand { data: data.as_ref(), is_same: false });
    let operands: Vec<_> = operands.collect();
    run_chain(steps, |number| operands[number], out.as_mut());
    out
}

/// All operations that are links, with their loops of a dtype.
fn links<T: Float + Element>() -> Vec<(Link, &'static MapLoop)> {
    let loops = table::all().filter_map(|op| match &op.class {
        Class::Map(map) => (0..map.loops.len()).find_map(|i| {
            let (link, dtype) = map.link_of(i)?;
            (dtype == T::DTYPE).then_some((link, &map.loops[i]))
        }),
        _ => None,
    });
    loops.collect()
}

fn every_link<T: Float + Element>() {
    let links = links::<T>();
    assert_eq!(links.len(), 6);
    for (len, (link, rule)) in LENS.iter().flat_map(|len| links.iter().map(move |link| (*len, *link))) {
        let (x, y) = (elements::<T>(len, 1), elements::<T>(len, 2));
        let load = ChainStep::Load(0);
        if rule.inputs.len() == 1 {
            let found = chained::<T>(&[load, ChainStep::Alone(link)], &[&x]);
            assert_eq!(bits(&found), bits(&done::<T>(rule, &[&x])), "{link:?} of {len}");
            continue;
        }
        let expected = bits(&done::<T>(rule, &[&x, &y]));
        let turned = bits(&done::<T>(rule, &[&y, &x]));
        let kept = |last| [load, ChainStep::Keep, ChainStep::Load(1), last];
        let find = |steps: &[ChainStep]| bits(&chained::<T>(steps, &[&x, &y]));
        assert_eq!(find(&[load, ChainStep::Then(link, 1)]), expected, "{link:?} of {len}");
        assert_eq!(find(&[load, ChainStep::After(link, 1)]), turned, "{link:?} turned of {len}");
        assert_eq!(find(&kept(ChainStep::AfterKept(link))), expected, "{link:?} after what was kept, of {len}");
        assert_eq!(find(&kept(ChainStep::ThenKept(link))), turned, "{link:?} then what was kept, of {len}");
    }
}

#[test]
fn every_link_gives_the_bits_of_its_loop() {
    every_link::<f64>();
    every_link::<f32>();
}

#[test]
fn long_chains_give_what_their_steps_give() {
    use ChainStep::{AfterKept, Alone, Keep, Load, Then};
    let steps = [
        Load(0),
        Then(Link::Multiply, 3),
        Keep,
        Load(1),
        Then(Link::Add, 2),
        AfterKept(Link::Subtract),
        Alone(Link::Size),
    ];
    for len in LENS {
        let data = [1, 2, 3].map(|seed| elements::<f64>(len, seed));
        let four = Data::F64(vec![4.0; len.min(CHAIN_REACH)]);
        let all: Vec<ChainOperand<'_>> = (data.iter().map(|d| (d, false)).chain([(&four, true)]))
            .map(|(d, is_same)| ChainOperand { data: d.as_ref(), is_same })
            .collect();
        let mut out = Data::zeros(DType::F64, len);
        run_chain(&steps, |number| all[number], out.as_mut());
        let at = |k: usize, i: usize| data[k].get(i).to_f64();
        let expected = (0..len).map(|i| (at(0, i) * 4.0 - (at(1, i) + at(2, i))).abs()).collect();
        assert_eq!(bits(&out), bits(&Data::F64(expected)), "{len}");
    }
}
