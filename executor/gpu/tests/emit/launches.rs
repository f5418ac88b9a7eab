//! Launches: grids, and the addresses that kernels are given.

use crate::corpus::{emitted, fold, load, map, running, texts, view};
use cleave_gpu::emit::{Grid, Kernels, Nodes, Param, Placed, Seen, needs};
use cleave_gpu::trial::add;
use cleave_graph::node::NodeKind;
use cleave_graph::{Graph, SourceId};
use cleave_ops::op::Layout;
use cleave_ops::view::SourceAxis;
use cleave_ops::{DType, Region, Shape, View};
use cleave_plan::Origin;

fn region(start: &[usize], len: &[usize]) -> Region {
    Region { start: start.iter().copied().collect(), len: Shape::new(len.iter().copied()) }
}

#[test]
fn a_part_of_a_box_reads_and_writes_where_it_lies() {
    let mut g = Graph::new();
    let x = load(&mut g, 0, &[50, 60], DType::F32);
    let back = view(&mut g, x, &[50, 60], &[(49, -1, Some(0)), (0, 1, Some(1))]);
    let node = map(&mut g, "negative", &[back]);
    let Kernels::Store(store) = emitted(&g, &[node]).remove(0).unwrap() else { panic!("it is kept") };
    let part = region(&[10, 20], &[5, 40]);
    let (loads, goals) =
        ([Placed::dense(1000, &[0, 0], &Shape::new([50, 60]))], [Placed::dense(90_000, &[10, 20], &part.len)]);
    let arguments = store.arguments(&part, &loads, &goals, 7);
    let value = |param: Param| arguments[store.kernel.params.iter().position(|p| *p == param).unwrap()] as i64;
    let (step, out) = (|axis| Param::Step { load: 0, axis }, |axis| Param::OutStep { goal: 0, axis });
    // The element that stands at (12, 33) of the space.
    let read = value(Param::Base(0)) + 12 * value(step(0)) + 33 * value(step(1));
    assert_eq!(read, 1000 + 4 * ((49 - 12) * 60 + 33));
    let written = value(Param::Out(0)) + 12 * value(out(0)) + 33 * value(out(1));
    assert_eq!(written, 90_000 + 4 * ((12 - 10) * 40 + 33 - 20));
    assert_eq!([value(Param::Start(1)), value(Param::Len(0))], [20, 5]);
}

#[test]
fn threads_cover_a_box() {
    let mut g = Graph::new();
    let x = load(&mut g, 0, &[1000, 3], DType::F64);
    let node = map(&mut g, "negative", &[x]);
    let Kernels::Store(store) = emitted(&g, &[node]).remove(0).unwrap() else { panic!("it is kept") };
    for lens in [[1, 1], [1000, 3], [7, 100_000], [300_000, 1]] {
        let Grid { blocks, threads } = store.grid(&Region::whole(&Shape::new(lens)));
        assert!(threads[0] * threads[1] <= 256);
        let columns = blocks[0] as usize * threads[0] as usize * store.unroll as usize;
        assert!(columns >= lens[1] && blocks[1] <= 65_535, "{lens:?}: {blocks:?} of {threads:?}");
        assert!((blocks[1] * threads[1]) as usize >= lens[0].min(65_535), "{lens:?}: {blocks:?} of {threads:?}");
    }
}

#[test]
fn running_values_begin_where_a_block_of_theirs_does() {
    let mut g = Graph::new();
    let x = load(&mut g, 0, &[2000, 30], DType::F64);
    let node = running(&mut g, "cumsum", x, 0);
    let Kernels::Store(store) = emitted(&g, &[node]).pop().unwrap().unwrap() else { panic!("it is kept") };
    assert!(store.along == Some(0) && store.kernel.made.is_empty(), "no kernel is needed before");
    let part = region(&[300, 4], &[500, 20]);
    assert_eq!(store.reads(&part), region(&[256, 4], &[544, 20]));
    // Three blocks of 20 columns.
    let Grid { blocks, threads } = store.grid(&part);
    assert!((60..60 + 64).contains(&(blocks[0] * threads[0])) && [blocks[1], threads[1]] == [1, 1]);
    let sum = fold(&mut g, "sum", node, &[0, 1]);
    let Kernels::Folds(folds) = emitted(&g, &[sum]).pop().unwrap().unwrap() else { panic!("it is reduced") };
    let made = &folds[0].kernel.made;
    assert!(made.len() == 1 && made[0].along == Some(0));
    let found = needs(made, [(&folds[0].kernel, part)], |_, _| false);
    assert_eq!(found, [Some(region(&[300, 4], &[500, 20]))]);
}

#[test]
fn what_costs_more_than_memory_is_made_once() {
    let windows = |levels: u32| {
        let (mut g, mut len) = (Graph::new(), 5000);
        let mut node = load(&mut g, 0, &[len], DType::F64);
        for by in (0..levels).map(|level| 1 << level) {
            len -= by;
            let [near, far] = [0, by].map(|start| view(&mut g, node, &[len], &[(start as i64, 1, Some(0))]));
            node = map(&mut g, "add", &[near, far]);
        }
        emitted(&g, &[node]).remove(0).unwrap()
    };
    assert!(windows(3).all()[0].made.is_empty());
    let deep = windows(12);
    assert!(!deep.all()[0].made.is_empty());
    let steps: usize = texts(&deep).iter().map(|(_, text)| text.lines().count()).sum();
    assert!(steps < 4000, "{steps} lines, where making all anew takes 4096 sums an element");
}

#[test]
fn what_lies_in_a_patch_is_read_as_it_lies() {
    let mut g = Graph::new();
    let (base, patch) = (load(&mut g, 0, &[42, 66], DType::F64), load(&mut g, 1, &[40, 64], DType::F64));
    let source = [SourceAxis::along(0, 1, 1), SourceAxis::along(1, 1, 1)].into_iter().collect();
    let place = View { shape: Shape::new([40, 64]), source };
    let whole = add(&mut g, NodeKind::Overlay { base, patch, place }, &[42, 66], DType::F64);
    let mut seen = |start: [i64; 2]| {
        let node = view(&mut g, whole, &[40, 64], &[(start[0], 1, Some(0)), (start[1], 1, Some(1))]);
        let Kernels::Store(store) = emitted(&g, &[node]).remove(0).unwrap() else { panic!("it is kept") };
        let loads = store.kernel.loads.into_iter().map(|load| (load.origin, load.seen));
        loads.collect::<Vec<_>>()
    };
    let of_patch = Origin::Stored(SourceId(1));
    assert_eq!(seen([1, 1]), [(of_patch, Seen::Through(View::identity(&Shape::new([40, 64]))))]);
    assert!(seen([0, 1]).contains(&(of_patch, Seen::Anywhere)), "the first row is the base's");
}

#[test]
fn nodes_of_a_reduction_have_their_places() {
    let mut g = Graph::new();
    let x = load(&mut g, 0, &[40, 100_000], DType::F64);
    let sum = fold(&mut g, "sum", x, &[1]);
    let Kernels::Folds(folds) = emitted(&g, &[sum]).remove(0).unwrap() else { panic!("it is reduced") };
    let fold = &folds[0];
    assert_eq!((fold.layout, fold.most_run, fold.states[0][0]), (Layout::Rows, 32, DType::F64));
    // 49 cells of 2048.
    let nodes = Nodes { kept: region(&[0], &[40]), superboxes: 0..1, run: 16 };
    assert_eq!((fold.groups(16), fold.groups_of(0, 16), fold.nodes(&nodes)), (4, 4, 160));
    assert_eq!(fold.place(&nodes, 3, 0, 2), 14);
    assert_eq!(fold.grid(&nodes).blocks, [20, 1]);
}
