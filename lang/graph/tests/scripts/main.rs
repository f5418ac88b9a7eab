//! Runs the scripts beside this file.
//!
//! A script holds cases, each after a line `# --- title`; a case holds cells, divided by `# cell`, which share
//! their names. Lines `#> text` are what a cell prints, with the repr of a last expression; a line
//! `#! code: words` says that the line above it is in error, and which words message, labels or help contain.
//! `# patience: n` interrupts a cell after n checks, `# answer: text` answers `input`.

#[path = "../core/blocks.rs"]
mod blocks;
mod reference;
mod world;

use cleave_graph::interp::{STACK_BYTES, texts};
use cleave_graph::{Interp, run};
use cleave_syntax::diagnostic::Diagnostic;
use cleave_syntax::parse;
use cleave_syntax::source::Source;
use std::fs;
use std::path::Path;
use world::World;

#[test]
fn scripts_do_what_they_say() {
    let run = std::thread::Builder::new().stack_size(STACK_BYTES).spawn(all_scripts).expect("a thread starts");
    let (cases, wrong) = run.join().expect("no script panics");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases >= 220, "only {cases} cases were found");
}

fn all_scripts() -> (usize, Vec<String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("the folder is there").map(|e| e.expect("an entry").path()).collect();
    paths.sort();
    let (mut cases, mut wrong) = (0, Vec::new());
    for path in paths.iter().filter(|p| p.extension().is_some_and(|e| e == "clv")) {
        let text = fs::read_to_string(path).expect("a script is text");
        let name = path.file_name().expect("a script has a name").to_string_lossy();
        for case in text.split("# --- ").skip(1) {
            let (title, cells) = case.split_once('\n').unwrap_or((case, ""));
            cases += 1;
            if let Err(difference) = run_case(cells) {
                wrong.push(format!("{name}: {title}\n{difference}"));
            }
        }
    }
    (cases, wrong)
}

fn run_case(cells: &str) -> Result<(), String> {
    let (mut state, mut world) = (Interp::new(), World::default());
    for (number, text) in cells.split("# cell\n").enumerate() {
        let directive =
            |word: &str| text.lines().filter_map(|l| l.strip_prefix(word)).map(str::to_owned).collect::<Vec<_>>();
        let patience = directive("# patience: ").first().and_then(|n| n.parse().ok());
        world.begin(patience, directive("# answer: "));
        let source = Source::new(format!("cell {}", number + 1), text);
        let names = |state: &Interp| {
            state.scope.iter().map(|(n, b)| format!("{n} {}", b.value.type_name())).collect::<Vec<_>>()
        };
        let (before, nodes) = (names(&state), state.graph.len());
        let errors = run_cell(&source, &mut state, &mut world);
        if !errors.is_empty() && (names(&state) != before || state.graph.len() != nodes) {
            return Err(format!("the failed cell {} changed the scope", number + 1));
        }
        let expected = directive("#>").iter().map(|l| l.strip_prefix(' ').unwrap_or(l).to_owned()).collect::<Vec<_>>();
        let printed: Vec<String> = world.output.lines().map(str::to_owned).collect();
        if printed != expected {
            let shown = errors.iter().map(described).collect::<String>();
            return Err(format!("  expected {expected:#?}\n  found {printed:#?}\n{shown}"));
        }
        compare_errors(text, &errors)?;
    }
    Ok(())
}

fn run_cell(source: &Source, state: &mut Interp, world: &mut World) -> Vec<Diagnostic> {
    let (program, mut errors) = parse(source);
    if errors.is_empty() {
        match run(&program, state, world) {
            Ok(None) => {}
            Ok(Some(value)) => match texts(&value, state, world) {
                Ok((_, repr)) => world.output.push_str(&(repr + "\n")),
                Err(error) => errors.push(error),
            },
            Err(found) => errors = found,
        }
    }
    errors
}

fn described(error: &Diagnostic) -> String {
    let labels: Vec<String> =
        error.labels.iter().map(|l| format!("{:?} {}", error.source.slice(l.span), l.text)).collect();
    let line = error.labels.first().map_or(0, |l| error.source.line_of(l.span.start));
    format!("  line {line}: {error}; {}; {}\n", labels.join("; "), error.help.as_deref().unwrap_or("no help"))
}

fn compare_errors(text: &str, errors: &[Diagnostic]) -> Result<(), String> {
    let mut wanted = Vec::new();
    let mut line = 0;
    for (number, written) in text.lines().enumerate() {
        match written.trim_start().strip_prefix("#! ") {
            Some(mark) => wanted.push((line, mark)),
            None => line = number + 1,
        }
    }
    let shown: String = errors.iter().map(described).collect();
    let fits = |(error, (line, mark)): (&Diagnostic, &(usize, &str))| {
        let (code, words) = mark.split_once(": ").unwrap_or((mark, ""));
        let at = error.labels.first().map_or(0, |l| error.source.line_of(l.span.start));
        let foreign = **error.source.text != *text;
        error.code == code && (at == *line || foreign) && described(error).contains(words)
    };
    if errors.len() == wanted.len() && errors.iter().zip(&wanted).all(fits) {
        return Ok(());
    }
    Err(format!("  expected errors {wanted:?}\n  found\n{shown}"))
}
