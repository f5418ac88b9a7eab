//! Scripts that go the whole road: text to text, through plans and threads.
//!
//! A script holds cases, each after a line `# --- title`; a case holds cells, divided by `# cell`, which share a
//! session. Lines `#> text` are what a cell shows (`…` stands for any text); a line `#! code: words` says that
//! the cell fails so, one line for each mistake. A cell that fails must leave names as they were, and the next work.

use cleave_graph::vocabulary::{self, Entry};
use cleave_session::output::Failed;
use cleave_session::{Cell, Session};
use cleave_tests::{Recorder, evaluate, on_big_stack, settings};
use std::fs;
use std::path::Path;

#[test]
fn scripts_show_what_they_say() {
    let (cases, wrong) = on_big_stack(all_scripts);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(cases >= 40, "only {cases} cases were found");
}

#[test]
fn examples_of_the_reference_show_what_they_say() {
    let wrong = on_big_stack(|| {
        let check = |entry: Entry| {
            let wrong = entry.examples.iter().filter_map(|(code, shown)| example(code, shown));
            wrong.map(|w| format!("{}: {w}", entry.name)).collect::<Vec<_>>()
        };
        vocabulary::all().into_iter().flat_map(check).collect::<Vec<String>>()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn texts_of_absurd_size_and_depth_are_refused_and_the_next_cell_works() {
    let cases = [
        ("too-long", format!("x = [{}1]", "1, ".repeat(3_400_000))),
        ("too-long", "x = 2\n".repeat(1_700_000)),
        ("too-deep", format!("x = {}1{}", "(".repeat(50_000), ")".repeat(50_000))),
        ("too-deep", format!("x = 1{}", " + 1".repeat(100_000))),
        ("recursion-limit", "def f(n):\n    return [f(n + 1)]\nx = 2\nf(0)".to_owned()),
    ];
    on_big_stack(|| {
        let mut session = Session::new(settings());
        assert!(evaluate(&mut session, "x = 1").0.failed.is_none());
        for (code, text) in cases {
            let (outcome, _) = evaluate(&mut session, &text);
            assert_eq!(outcome.failed.map(|f| f.code).as_deref(), Some(code));
            assert_eq!(evaluate(&mut session, "print(x)").1.text(), "1\n", "after {code}");
        }
    });
}

/// What is wrong with an example; its value may be lazy, and is computed then.
fn example(code: &str, shown: &str) -> Option<String> {
    let mut session = Session::new(settings());
    let program = if code.starts_with("print(") { code.to_owned() } else { format!("print(({code}))") };
    let (outcome, recorder) = evaluate(&mut session, &program);
    if let Some(failed) = outcome.failed {
        return Some(format!("`{code}` fails: {}", failed.message));
    }
    let found = recorder.text();
    (found.trim_end() != shown.trim_end()).then(|| format!("`{code}` shows\n{found}instead of\n{shown}"))
}

fn all_scripts() -> (usize, Vec<String>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("suite");
    let mut paths: Vec<_> =
        fs::read_dir(folder).expect("the folder is there").map(|e| e.expect("an entry").path()).collect();
    paths.sort();
    let (mut cases, mut wrong) = (0, Vec::new());
    for path in paths.iter().filter(|p| p.extension().is_some_and(|e| e == "clv")) {
        let text = fs::read_to_string(path).expect("a script is text");
        for case in text.split("# --- ").skip(1) {
            let (title, cells) = case.split_once('\n').unwrap_or((case, ""));
            cases += 1;
            if let Err(difference) = run_case(cells) {
                wrong.push(format!("{}: {title}\n{difference}", path.display()));
            }
        }
    }
    (cases, wrong)
}

fn run_case(cells: &str) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let place = folder.path().display().to_string();
    let mut session = Session::new(settings());
    for text in cells.split("# cell\n") {
        let code: String =
            text.lines().filter(|l| !l.starts_with("#>") && !l.starts_with("#!")).map(|l| format!("{l}\n")).collect();
        let before = names(&mut session);
        let (outcome, recorder) = evaluate(&mut session, &code.replace("FOLDER", &place));
        compare_error(text, outcome.failed.as_ref())?;
        compare_text(text, &recorder, &place)?;
        if outcome.failed.is_some() && names(&mut session) != before {
            return Err(format!("  the failed cell changed names: {before} became {}", names(&mut session)));
        }
    }
    Ok(())
}

/// All names with what they are, as the session itself lists them.
fn names(session: &mut Session) -> String {
    let mut recorder = Recorder::default();
    let cell = Cell { code: "%whos".to_owned(), ..Cell::default() };
    let outcome = session.evaluate(&cell, &mut recorder);
    assert!(outcome.failed.is_none(), "a session can always list its names");
    recorder.text()
}

fn compare_error(text: &str, failed: Option<&Failed>) -> Result<(), String> {
    let wanted: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("#! ")).collect();
    let shown = failed.map(|f| cleave_render::error_text(f, false)).unwrap_or_default();
    let codes = failed.map_or(Vec::new(), |f| match f.diagnostics.as_slice() {
        [] => vec![f.code.as_str()],
        all => all.iter().map(|d| d.code).collect(),
    });
    let fits = |(mark, found): (&&str, &&str)| {
        let (code, words) = mark.split_once(": ").unwrap_or((mark, ""));
        code == *found && shown.contains(words)
    };
    let fits = wanted.len() == codes.len() && wanted.iter().zip(&codes).all(fits);
    if fits { Ok(()) } else { Err(format!("  expected errors {wanted:?}\n  found\n{shown}")) }
}

fn compare_text(text: &str, recorder: &Recorder, place: &str) -> Result<(), String> {
    let marks = text.lines().filter_map(|l| l.strip_prefix("#>"));
    let wanted: Vec<&str> = marks.map(|l| l.strip_prefix(' ').unwrap_or(l).trim_end()).collect();
    let shown = recorder.text().replace(place, "FOLDER");
    let found: Vec<&str> = shown.lines().map(str::trim_end).collect();
    let same = wanted.len() == found.len() && wanted.iter().zip(&found).all(|(w, f)| matches(w, f));
    if same { Ok(()) } else { Err(format!("  expected {wanted:#?}\n  found {found:#?}")) }
}

/// Whether a line is as expected, `…` standing for any text.
fn matches(wanted: &str, found: &str) -> bool {
    let mut rest = found;
    let mut pieces = wanted.split('…').peekable();
    let first = pieces.next().unwrap_or("");
    let Some(after) = rest.strip_prefix(first) else { return false };
    rest = after;
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.is_empty()
}
