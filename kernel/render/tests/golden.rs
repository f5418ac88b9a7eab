//! Golden text, HTML and SVG of everything a cell shows, and the rules that hold for all of it.

use cleave_ops::{AxisChunks, Chunks, DType, Shape};
use cleave_session::output::{
    AdviceFacts, AgainFacts, Agreement, ArrayFacts, CardFacts, CardStage, ChoiceFacts, CompareFacts, CompareRow,
    EstimateFacts, Failed, Grid, Heat, HelpFacts, KeptFacts, PlanFacts, PlanStage, PlanStep, Progress, RunFacts, Shown,
    StageFacts, Table, ValueFacts,
};
use cleave_syntax::diagnostic::Diagnostic;
use cleave_syntax::source::{Source, Span};

fn chunks(axes: &[&[usize]]) -> Chunks {
    Chunks(axes.iter().map(|lens| AxisChunks::from_lens(lens.iter().copied())).collect())
}

fn estimate() -> EstimateFacts {
    EstimateFacts {
        seconds: 3.58,
        low_s: 2.91,
        high_s: 4.47,
        peak_bytes: 22 << 20,
        read_bytes: 0,
        written_bytes: 8,
        computed_bytes: 320_000_000_000,
        flops: 8e10,
        kind: "elementwise",
        measured: true,
    }
}

/// An array whose stored chunks do not suit it, and that does not fit.
fn hopeless() -> Shown {
    let Shown::Array(mut facts) = array(chunks(&[&[20_000]]), None) else { unreachable!("array makes arrays") };
    facts.estimate.read_bytes = 3_200_000_000;
    facts.estimate.peak_bytes = 20 << 30;
    facts.advice = vec![
        AdviceFacts {
            source: "temperature.zarr / t<2m".to_owned(),
            chunks: Shape::new([20_000, 100]),
            better: Shape::new([2, 20_000]),
            decoded_bytes: 3_200_000_000,
            used_bytes: 160_000,
            better_ratio: 2.0,
            tiny: None,
        },
        AdviceFacts {
            source: "fine.zarr".to_owned(),
            chunks: Shape::new([10, 10]),
            better: Shape::new([1250, 1250]),
            decoded_bytes: 800,
            tiny: Some(1_000_000),
            ..AdviceFacts::default()
        },
    ];
    Shown::Array(facts)
}

fn array(chunks: Chunks, dims: Option<&[&str]>) -> Shown {
    Shown::Array(Box::new(ArrayFacts {
        shape: chunks.shape(),
        dtype: DType::F64,
        chunks,
        dims: dims.map(|d| d.iter().map(|s| (*s).to_owned()).collect()),
        origin: "lazy".to_owned(),
        stages: 1,
        tasks: 512,
        estimate: estimate(),
        advice: Vec::new(),
        limit_bytes: 15 << 30,
        threads: 2,
        place: None,
        flow: vec!["ones".to_owned(), "[::-1, ::-1]".to_owned()],
        values: None,
    }))
}

fn regular(len: usize, chunk: usize) -> AxisChunks {
    AxisChunks::regular(len, chunk)
}

/// Arrays of every kind a diagram must draw.
fn arrays() -> Vec<(&'static str, Shown)> {
    vec![
        ("scalar", array(chunks(&[]), None)),
        ("line", array(chunks(&[&[40, 40, 20]]), None)),
        ("empty", array(chunks(&[&[0], &[5, 5]]), None)),
        ("uneven", array(chunks(&[&[30, 10, 60], &[50, 25]]), None)),
        ("large", array(Chunks([regular(200_000, 2000), regular(200_000, 2000)].into_iter().collect()), None)),
        ("tail", array(Chunks([regular(200_000, 4096), regular(200_000, 4096)].into_iter().collect()), None)),
        ("million", array(Chunks([regular(1_000_000, 1)].into_iter().collect()), None)),
        ("tall", array(Chunks([regular(1_000_000, 10_000), regular(3, 3)].into_iter().collect()), None)),
        (
            "named",
            array(
                Chunks([regular(365, 31), regular(721, 361), regular(1440, 1440)].into_iter().collect()),
                Some(&["time", "lat", "lon"]),
            ),
        ),
        ("four", array(chunks(&[&[2, 2], &[3], &[4, 4], &[5, 5, 5]]), None)),
        ("seven", array(chunks(&[&[1, 1], &[2], &[3], &[4], &[5, 5], &[6], &[7]]), None)),
        ("busiest", array(Chunks([regular(240, 10), regular(240, 10), regular(240, 10)].into_iter().collect()), None)),
    ]
}

fn run() -> RunFacts {
    RunFacts {
        scheduler: "threads(2)".to_owned(),
        threads: 2,
        wall_s: 3.41,
        user_s: 6.71,
        sys_s: 0.02,
        tasks: 512,
        elements: 40_000_000_000,
        bytes: 320_000_000_000,
        peak_bytes: 24 << 20,
        limit_bytes: 15 << 30,
        card: None,
        predicted: Some(estimate()),
        stages: vec![
            StageFacts {
                predicted_s: 3.5,
                flow: vec!["ones".to_owned(), "*".to_owned(), "sum".to_owned()],
                wall_s: 3.31,
                cpu_s: 6.6,
                tasks: 511,
                elements: 40_000_000_000,
            },
            StageFacts {
                flow: vec!["sum".to_owned()],
                wall_s: 4e-4,
                cpu_s: 4e-4,
                tasks: 1,
                elements: 511,
                predicted_s: 1e-4,
            },
        ],
        heat: Some(Heat { rows: 24, columns: 24, ms: (0..576_u16).map(|i| f32::from(i % 17) + 300.0).collect() }),
        ..RunFacts::default()
    }
}

fn value() -> ValueFacts {
    let text = "[[1. 2.]\n [3. 4.]]".to_owned();
    let grid = Grid { rows: vec![0, 1, 98, 99], columns: vec![0, 9], cells: (1..=8).map(|i| i.to_string()).collect() };
    ValueFacts {
        shape: Shape::new([100, 10]),
        dtype: DType::F64,
        repr: format!("array({text})"),
        text,
        table: Some(grid),
    }
}

fn plan() -> PlanFacts {
    let step = |name: &str, note: &str, inputs: &[usize]| PlanStep {
        name: name.to_owned(),
        note: note.to_owned(),
        inputs: inputs.to_vec(),
    };
    let first = PlanStage {
        tasks: 180,
        elements: 400_000_000,
        bytes: 48 << 20,
        seconds: 1.9,
        flops: 4.4e9,
        computed_bytes: 3_200_000_000,
        read_bytes: 0,
        written_bytes: 0,
        kind: "random",
        steps: vec![step("normal", "20000²", &[]), step("mean axis 0", "20000", &[0])],
        reads: Vec::new(),
    };
    let second = PlanStage {
        steps: vec![
            step("normal", "20000²", &[]),
            step("mean axis 0", "of stage 1 · broadcast", &[]),
            step("-", "fused · float64", &[0, 1]),
            step("std", "scalar", &[2]),
        ],
        reads: vec![0],
        ..first.clone()
    };
    PlanFacts {
        title: "(x - x.mean(axis=0)).std()".to_owned(),
        stages: vec![first, second],
        text: "plan: stages 2".to_owned(),
        estimate: EstimateFacts { measured: false, ..estimate() },
        limit_bytes: 15 << 30,
        threads: 2,
        place: None,
        choice: None,
        kept: vec![KeptFacts {
            name: "mean axis 0".to_owned(),
            shape: Shape::new([20_000]),
            bytes: 160_000,
            made_by: 0,
            last_read_by: 1,
            disk_bytes: 0,
            fate: "nothing after it can begin before it is whole".to_owned(),
        }],
        again: vec![AgainFacts { name: "normal".to_owned(), bytes: 3_200_000_000, stages: vec![0, 1] }],
        advice: Vec::new(),
    }
}

/// One computation on four engines, of which one is wrong.
fn compared() -> CompareFacts {
    let row = |engine: &str, wall_s: f64, answer: &str, agreement: Option<Agreement>| CompareRow {
        engine: engine.to_owned(),
        wall_s,
        peak_bytes: 24 << 20,
        answer: answer.to_owned(),
        agreement,
        ..CompareRow::default()
    };
    let other = Agreement::Differs("40000000000.0 and 39999999999.0".to_owned());
    let card = row("cuda: Card <0>", 9.6e-3, "40000000000.0", Some(Agreement::Same));
    CompareFacts {
        title: "(x * x[::-1, ::-1]).sum() < 1".to_owned(),
        rows: vec![
            row("threads(2)", 3.41, "40000000000.0", None),
            CompareRow { moved_bytes: 36 << 10, ..row("workers(3)", 1.22, "40000000000.0", Some(Agreement::Same)) },
            CompareRow { moved_bytes: 4096, first_use_s: 0.81, ..card },
            row("single-threaded", 40.0, "39999999999.0", Some(other)),
        ],
    }
}

/// A run of three stages of which a GPU did one wholly, one in part, one not at all.
fn on_card() -> RunFacts {
    let whole = CardStage {
        tasks: 512,
        done: 512,
        kernels: 2,
        registers: 42,
        launches: 10,
        compile_s: 0.031,
        compute_s: 0.0096,
        up: (320_000_000, 0.0071),
        down: (8, 1.1e-5),
        memory_bytes: 40_000_000_000,
        flops: 8e10,
        of_memory: Some(0.87),
        of_arithmetic: Some(0.31),
        ..CardStage::default()
    };
    let part = CardStage {
        stage: 1,
        done: 1,
        launches: 1,
        compile_s: 0.0,
        products: vec!["products by cuBLAS, whose bits may differ from those of threads".to_owned()],
        left: vec![(511, "the device has too little memory (taking <memory>)".to_owned())],
        of_memory: None,
        of_arithmetic: None,
        ..whole.clone()
    };
    let none = CardStage {
        stage: 2,
        tasks: 3,
        left: vec![(3, "no kernel does products of matrices".to_owned())],
        ..CardStage::default()
    };
    let card = CardFacts { device: "Card <0>".to_owned(), open_s: 0.62, stages: vec![whole, part, none] };
    RunFacts { scheduler: "cuda".to_owned(), card: Some(card), heat: None, ..run() }
}

/// What `auto` picked.
fn choice() -> Option<ChoiceFacts> {
    let why = "it takes about 12 ms on Card <0>, and 3.58 s on threads(2)".to_owned();
    Some(ChoiceFacts { picked: "cuda".to_owned(), why })
}

fn others() -> Vec<(&'static str, Shown)> {
    let table = Table {
        heads: vec!["setting".to_owned(), "value".to_owned()],
        rows: vec![vec!["optimize.fold".to_owned(), "on".to_owned()], vec!["a<b".to_owned(), "1 & 2".to_owned()]],
        empty: String::new(),
    };
    let help = HelpFacts {
        name: "sum".to_owned(),
        signature: "sum(x, axis=None)".to_owned(),
        kind: "reduction".to_owned(),
        summary: "Sum of elements.".to_owned(),
        params: vec![("x".to_owned(), "an array".to_owned()), ("axis".to_owned(), "which axes".to_owned())],
        examples: vec![("sum(arange(4))".to_owned(), "6".to_owned())],
        ..HelpFacts::default()
    };
    vec![
        ("hopeless", hopeless()),
        ("run", Shown::Run(Box::new(run()))),
        ("picked", Shown::Plan(Box::new(PlanFacts { place: Some("Card <0>".to_owned()), choice: choice(), ..plan() }))),
        ("picked_run", Shown::Run(Box::new(RunFacts { choice: choice(), heat: None, ..run() }))),
        ("slow", Shown::Run(Box::new(RunFacts { wall_s: 6.2, heat: None, ..run() }))),
        ("on_card", Shown::Run(Box::new(on_card()))),
        ("compare", Shown::Compare(Box::new(compared()))),
        ("value", Shown::Value(Box::new(value()))),
        ("computed", Shown::Computed(Box::new(value()), Box::new(run()))),
        ("plan", Shown::Plan(Box::new(plan()))),
        ("table", Shown::Table(table)),
        ("help", Shown::Help(Box::new(help))),
    ]
}

#[test]
fn every_output_looks_as_it_did() {
    for (name, shown) in arrays().into_iter().chain(others()) {
        let html = cleave_render::html(&shown).unwrap_or_default();
        let body = html.split("</style>").collect::<Vec<_>>().join("</style>\n");
        let styleless =
            body.split("<style>").map(|p| p.split_once("</style>").map_or(p, |(_, rest)| rest)).collect::<String>();
        insta::assert_snapshot!(name, format!("{}\n\n{styleless}", cleave_render::text(&shown)));
    }
}

#[test]
fn cards_are_small_scriptless_and_readable_aloud() {
    for (name, shown) in arrays() {
        let html = cleave_render::html(&shown).unwrap_or_default();
        assert!(html.len() <= 6 * 1024, "{name} takes {} bytes", html.len());
        for part in ["role=\"img\"", "<title>", "<desc>", "viewBox"] {
            assert!(html.contains(part), "{name} lacks {part}");
        }
        assert!(!html.contains("<script") && !html.contains("http"), "{name}");
        assert_eq!(html, cleave_render::html(&shown).unwrap_or_default(), "{name} is drawn the same each time");
    }
}

#[test]
fn pictures_stand_alone() {
    for (name, shown) in arrays().into_iter().chain(others()) {
        if let Some(svg) = cleave_render::svg(&shown) {
            assert!(svg.starts_with("<svg") && svg.ends_with("</svg>") && svg.contains("xmlns"), "{name}");
            assert!(svg.len() <= 60_000, "{name} takes {} bytes", svg.len());
        }
    }
}

#[test]
fn lines_are_never_dropped_silently() {
    let shown = array(Chunks([regular(200_000, 1000), regular(10, 5)].into_iter().collect()), None);
    let html = cleave_render::html(&shown).unwrap_or_default();
    assert!(html.contains("the break stands for 190"), "{html}");
    assert!(html.contains("200000 = 200 × 1000"), "{html}");
}

#[test]
fn progress_has_a_bar_and_ends_in_a_line() {
    let going = Progress {
        fraction: 0.58,
        rate: 11.9e9,
        left_s: Some(1.4),
        bytes: 24 << 20,
        limit_bytes: 15 << 30,
        scheduler: "threads(2)".to_owned(),
        ..Progress::default()
    };
    let done = Progress { fraction: 1.0, elapsed_s: 3.41, end: Some("computed"), ..going.clone() };
    let stopped = Progress { end: Some("interrupted"), elapsed_s: 2.0, ..going.clone() };
    let lines = [going, done, stopped]
        .map(|p| format!("{}\n{}", cleave_render::progress_text(&p), tail(&cleave_render::progress_html(&p))));
    insta::assert_snapshot!("progress", lines.join("\n\n"));
}

fn tail(html: &str) -> String {
    html.split_once("</style>").map_or(html, |(_, rest)| rest).to_owned()
}

#[test]
fn errors_show_source_labels_and_a_way_out() {
    let source = Source::new("cell 7", "offsets = arange(365.)\ny = x.mean(axis=1) + offsets");
    let diagnostic = Diagnostic {
        code: "shape-mismatch",
        message: "these shapes do not broadcast".to_owned(),
        source,
        labels: Vec::new(),
        help: Some("to keep the averaged axis write x.mean(axis=1, keepdims=True)".to_owned()),
    };
    let diagnostic = diagnostic
        .label(Span::new(27, 41), "(721,) float64")
        .label(Span::new(44, 51), "(365,) float64, made on line 1");
    let failed = Failed {
        code: "shape-mismatch".to_owned(),
        message: String::new(),
        diagnostics: vec![diagnostic],
        trace: vec!["f, line 3".to_owned()],
    };
    let text = cleave_render::error_text(&failed, false);
    assert!(!text.contains('\u{1b}'), "plain text has no colours");
    assert!(cleave_render::error_ansi(&failed).join("\n").contains('\u{1b}'));
    insta::assert_snapshot!("error", text);
}
