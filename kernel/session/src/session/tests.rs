//! A mistake below must not end the session.

use super::*;
use crate::output::InputError;
use cleave_graph::build;
use cleave_graph::scope::Binding;
use cleave_ops::{Chunks, DType, Shape};
use cleave_plan::{Block, Source as Stored, SourceError};
use cleave_syntax::source::Span;

/// Keeps what it is told; panics when told `boom`.
#[derive(Default)]
struct Screen(Vec<Output>);

impl Io for Screen {
    fn emit(&mut self, output: Output) {
        if let Output::Text { text, .. } = &output {
            assert!(text.trim() != "boom", "the screen broke");
        }
        self.0.push(output);
    }

    fn input(&mut self, _: &str, _: bool) -> Result<String, InputError> {
        unreachable!("nothing here answers")
    }
}

/// An array whose blocks cannot be read without a panic.
struct Mine(Chunks);

impl Stored for Mine {
    fn grid(&self) -> &Chunks {
        &self.0
    }

    fn dtype(&self) -> DType {
        DType::F64
    }

    fn block(&self, _: &[usize]) -> Result<Block, SourceError> {
        unreachable!("the mine went off")
    }

    fn is_resident(&self) -> bool {
        false
    }

    fn label(&self) -> &str {
        "mine"
    }

    fn stored_bytes(&self) -> Option<u64> {
        None
    }
}

fn evaluate(session: &mut Session, code: &str) -> (Option<Failed>, Vec<Output>) {
    let mut screen = Screen::default();
    let cell = Cell { code: code.to_owned(), store_history: true, ..Cell::default() };
    let outcome = session.evaluate(&cell, &mut screen);
    (outcome.failed, screen.0)
}

/// A session with `x`, a stored array of four blocks that panics when it is read, and `y`.
fn mined() -> Session {
    let mut session = loaded();
    assert!(evaluate(&mut session, "y = 1").0.is_none());
    session
}

/// The same while the cell goes on that has made `x`.
fn loaded() -> Session {
    let mut session = Session::new(Settings { threads: 2, ..Settings::default() });
    let shape = Shape::new([400_000]);
    let chunks = Chunks([cleave_ops::AxisChunks::regular(400_000, 100_000)].into_iter().collect());
    let source = session.engine.loaded.add(Arc::new(Mine(chunks.clone())));
    let node = build::load(&mut session.interp.graph, source, shape, DType::F64, chunks);
    let binding = Binding { value: Value::Array(node), source: Source::new("test", ""), span: Span::new(0, 0) };
    session.interp.scope.set("x".into(), binding);
    session
}

#[test]
fn data_goes_with_its_names() {
    let mut session = loaded();
    let (loaded, graph) = (&mut session.engine.loaded, &session.interp.graph);
    let all = || graph.iter().map(|(node, _)| node).collect();
    loaded.forget_unnamed(graph, &all);
    loaded.forget_unnamed(graph, &Vec::new);
    assert_eq!(loaded.sources.len(), 1, "nothing is new, and no name went");
    loaded.names_went();
    loaded.forget_unnamed(graph, &all);
    assert_eq!(loaded.sources.len(), 1, "it has a name");
    loaded.names_went();
    loaded.forget_unnamed(graph, &Vec::new);
    assert!(loaded.sources.is_empty());
}

#[test]
fn data_goes_when_its_name_is_given_to_another() {
    let mut session = Session::new(Settings { threads: 2, memory_limit_bytes: 100 << 20, ..Settings::default() });
    let again = "for i in range(3):\n    x = 0\n    x = default_rng(1).random(8_000_000).persist()";
    assert!(evaluate(&mut session, again).0.is_none(), "64 MB at a time are there");
    let both = "x = default_rng(2).random(8_000_000).persist()";
    let (failure, _) = evaluate(&mut session, both);
    assert_eq!(failure.map(|f| f.code).as_deref(), Some("does-not-fit"), "the old array is there until the new one is");
}

#[test]
fn a_panic_anywhere_in_a_cell_is_a_bug_and_the_session_goes_on() {
    let cases = [
        "y = 2\nprint('boom')",
        "y = 2\nx.sum().compute()",
        "y = 2\nx.sum().compute(scheduler='single-threaded')",
        "y = 2\nx.persist()",
        "y = 2\nprint((x + 1).mean(axis=0))",
        "%time x.sum().compute()",
    ];
    let mut session = mined();
    for code in cases {
        let (failed, outputs) = evaluate(&mut session, code);
        let failed = failed.expect("the cell fails");
        assert_eq!(failed.code, "bug", "{code}: {}", failed.message);
        assert!(matches!(outputs.last(), Some(Output::Error(_))), "{code}: the error is shown last");
        let (failed, outputs) = evaluate(&mut session, "print(y, ones(4).sum().compute())");
        assert!(failed.is_none(), "{code}: {failed:?}");
        assert!(matches!(outputs.first(), Some(Output::Text { text, .. }) if text == "1 4.0\n"), "{code}: {outputs:?}");
    }
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_program() {
    let mut session = Session::new(Settings::default());
    assert!(evaluate(&mut session, "\u{feff}%time y = 1").0.is_none());
    assert!(evaluate(&mut session, "\u{feff}print(y)").0.is_none());
}

#[test]
fn clearing_is_output_in_its_place() {
    let mut session = Session::new(Settings::default());
    let (failed, outputs) = evaluate(&mut session, "print(1)\nclear_output(wait=True)\nclear_output()\nprint(2)");
    assert!(failed.is_none(), "{failed:?}");
    let kinds = outputs.iter().map(|o| match o {
        Output::Text { text, .. } => text.trim(),
        Output::Clear { wait: true } => "later",
        Output::Clear { wait: false } => "now",
        _ => "other",
    });
    assert_eq!(kinds.collect::<Vec<_>>(), ["1", "later", "now", "2"]);
}

#[test]
fn an_explained_array_shows_its_plan_and_not_its_card() {
    let mut session = Session::new(Settings::default());
    let mut screen = Screen::default();
    let code = "x = ones((4, 4))\nx + 1\nx.sum().compute()\n40 + 2".to_owned();
    let cell = Cell { code, explain: true, show_all: true, ..Cell::default() };
    assert!(session.evaluate(&cell, &mut screen).failed.is_none());
    let plans = screen.0.iter().filter(|o| matches!(o, Output::Show(Shown::Plan(_)))).count();
    let values = screen.0.iter().filter(|o| matches!(o, Output::Result(Shown::Value(_)))).count();
    assert_eq!((plans, values, screen.0.len()), (2, 1, 3), "{:?}", screen.0);
}
