//! How arrays are cut.

use cleave_ops::view::SourceAxis;
use cleave_ops::{Arg, AxisChunks, Chunks, DType, Scalar, Shape, View};
use proptest::prelude::*;

const TARGET: usize = 128 << 20;

fn int(value: i128) -> Arg {
    Arg::Scalar(Scalar::Int(value))
}

fn tuple(items: impl IntoIterator<Item = Arg>) -> Arg {
    Arg::Tuple(items.into_iter().collect())
}

fn text(value: &str) -> Arg {
    Arg::Str(value.into())
}

fn spec(spec: &Arg, shape: &[usize]) -> Result<String, &'static str> {
    let shape = Shape::new(shape.iter().copied());
    let chunks = Chunks::from_spec(spec, &shape, DType::F64, TARGET, None).map_err(|e| e.code())?;
    assert_eq!(chunks.shape(), shape);
    Ok(chunks.to_string())
}

#[test]
fn specifications() {
    let shown = |arg: Arg, shape: &[usize]| spec(&arg, shape).expect("a specification");
    assert_eq!(shown(int(4), &[10, 3]), "((4, 4, 2), (3,))");
    assert_eq!(shown(tuple([int(5), int(-1)]), &[10, 3]), "((5, 5), (3,))");
    assert_eq!(shown(tuple([tuple([int(7), int(3)]), Arg::None]), &[10, 3]), "((7, 3), (3,))");
    assert_eq!(shown(tuple([int(7), int(3)]), &[10]), "((7, 3),)");
    assert_eq!(shown(tuple([int(7)]), &[10]), "((7, 3),)");
    assert_eq!(shown(Arg::Dict(vec![(int(-1), int(2))]), &[10, 3]), "((10,), (2, 1))");
    assert_eq!(shown(text("200B"), &[10, 10]), "((5, 5), (5, 5))");
    assert_eq!(shown(tuple([text("auto"), int(1)]), &[10, 2]), "((10,), (1, 1))");
    assert_eq!(
        shown(text("auto"), &[200_000, 200_000]),
        "((4000, 4000, 4000, … 50 chunks), (4000, 4000, 4000, … 50 chunks))"
    );
    assert_eq!(shown(text("auto"), &[]), "()");
    assert_eq!(shown(int(4), &[0]), "((0,),)");
}

#[test]
fn bad_specifications() {
    let bad = [
        int(-2),
        int(0),
        text("64 apples"),
        text("0B"),
        Arg::Ellipsis,
        tuple([int(3)]),
        tuple([int(3), int(3), int(3)]),
        tuple([tuple([int(4), int(4)]), int(1)]),
        tuple([tuple([int(12), int(-2)]), int(1)]),
        Arg::Scalar(Scalar::Float(2.0)),
    ];
    for arg in bad {
        assert_eq!(spec(&arg, &[10, 3]), Err("bad-chunks"), "{arg}");
    }
    assert_eq!(spec(&Arg::Dict(vec![(int(2), int(2))]), &[10, 3]), Err("bad-axis"));
}

fn lens() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1_usize..9, 1..12)
}

/// The chunk that holds each element.
fn owners(chunks: &AxisChunks) -> Vec<usize> {
    chunks.lens().enumerate().flat_map(|(i, len)| std::iter::repeat_n(i, len)).collect()
}

/// Whether elements share a chunk with their neighbour in just the same way.
fn same_cuts(found: &AxisChunks, owners: &[usize]) -> bool {
    let own = self::owners(found);
    own.len() == owners.len() && own.windows(2).zip(owners.windows(2)).all(|(a, b)| (a[0] == a[1]) == (b[0] == b[1]))
}

proptest! {
    #[test]
    fn automatic_chunks_are_balanced(len in 1_usize..100_000, most in 1_usize..5_000) {
        let chunks = AxisChunks::balanced(len, most);
        prop_assert_eq!(chunks.total(), len);
        prop_assert!(chunks.longest() <= most && chunks.longest() - chunks.shortest() <= 1);
        prop_assert_eq!(&chunks.reversed(), &chunks);
        let least = len.div_ceil(most);
        prop_assert!(chunks.count() <= least + 1 + least / 8);
        prop_assert!(chunks.runs().len() <= 3);
    }

    #[test]
    fn automatic_chunks_hold_the_target(shape in prop::collection::vec(0_usize..3_000, 0..4), target in 8_usize..1_000_000) {
        let shape = Shape::new(shape);
        let chunks = Chunks::auto(&shape, DType::F64, target);
        prop_assert_eq!(chunks.shape(), shape);
        prop_assert!(chunks.0.iter().map(|a| a.longest().max(1)).product::<usize>() <= (target / 8).max(1));
    }

    #[test]
    fn chunks_follow_slices(lens in lens(), start in 0_usize..50, step in -7_i64..7, count in 0_usize..50) {
        let chunks = AxisChunks::from_lens(lens);
        let total = chunks.total() as i64;
        let start = start as i64 % total;
        let step = if step == 0 { 1 } else { step };
        let room = if step > 0 { (total - 1 - start) / step } else { start / -step };
        let len = count.min(room as usize + 1);
        let view = View {
            shape: Shape::new([len]),
            source: [SourceAxis::along(0, start, step)].into_iter().collect(),
        };
        let all = owners(&chunks);
        let expected: Vec<usize> = (0..len as i64).map(|i| all[(start + step * i) as usize]).collect();
        let found = Chunks([chunks].into_iter().collect()).through(&view);
        prop_assert!(same_cuts(&found.0[0], &expected), "{} for {:?}", found, expected);
    }

    #[test]
    fn unified_chunks_cut_where_any_is_cut(a in lens(), extra in prop::collection::vec(any::<bool>(), 100)) {
        let a = AxisChunks::from_lens(a);
        let total = a.total();
        let cuts = (1..total).filter(|i| extra[*i]).chain([total]);
        let b = AxisChunks::from_lens(cuts.scan(0, |last, cut| { let len = cut - *last; *last = cut; Some(len) }));
        let (pa, pb) = (owners(&a), owners(&b));
        let pairs: Vec<usize> = pa.iter().zip(&pb).map(|(x, y)| x * 1000 + y).collect();
        let [a, b] = [a, b].map(|axis| Chunks([axis].into_iter().collect()));
        prop_assert!(same_cuts(&Chunks::unify(&[&a, &b]).0[0], &pairs));
        prop_assert_eq!(Chunks::unify(&[&a, &b]), Chunks::unify(&[&b, &a]));
        prop_assert_eq!(Chunks::unify(&[&a, &Chunks::single(&Shape::new([1]))]), a);
    }

    #[test]
    fn spans_tile_the_axis(lens in lens()) {
        let chunks = AxisChunks::from_lens(lens.iter().copied());
        let mut at = 0;
        for (i, len) in lens.iter().enumerate() {
            prop_assert_eq!(chunks.span(i), (at, *len));
            prop_assert!((at..at + len).all(|e| chunks.find(e) == i));
            at += len;
        }
        prop_assert_eq!(chunks.span(lens.len()), (at, 0));
    }
}
