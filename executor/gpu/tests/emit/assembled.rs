//! Every kernel is legal PTX that needs no memory of its own, as NVIDIA's assembler says where there is one.

use crate::corpus::{each_loop, emitted, mixtures, texts};
use cleave_gpu::trial::{Case, all, each_loop_seen, products};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

/// The oldest card that will do, the one that numbers are measured on, a recent one.
const CARDS: [&str; 3] = ["sm_75", "sm_90", "sm_120"];

/// The assembler: what `PTXAS` says, or one on the path.
fn assembler() -> Option<PathBuf> {
    let named = std::env::var_os("PTXAS").map(PathBuf::from);
    let on_path = || {
        let path = std::env::var_os("PATH")?;
        std::env::split_paths(&path).map(|folder| folder.join("ptxas")).find(|file| file.is_file())
    };
    named.or_else(on_path)
}

/// Assembles kernels for a card, all in one module; the report.
fn assemble(assembler: &PathBuf, card: &str, kernels: &BTreeMap<String, String>) -> String {
    let mut module = String::new();
    for text in kernels.values() {
        let body = text.find(".visible").unwrap();
        if module.is_empty() {
            module.push_str(&text[..body]);
        }
        module.push_str(&text[body..]);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kernels.ptx");
    std::fs::write(&file, module).unwrap();
    let arch = format!("-arch={card}");
    let done = Command::new(assembler).args(["-v", "-O1", &arch, "-o", "/dev/null"]).arg(&file).output().unwrap();
    let report = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{report}");
    report
}

fn check(kernels: &BTreeMap<String, String>, cards: &[&str]) {
    let Some(assembler) = assembler() else {
        eprintln!("skipped: no ptxas (set PTXAS, or put it on the path)");
        return;
    };
    for card in cards {
        let report = assemble(&assembler, card, kernels);
        let (mut now, tell) = ("", kernels.len() < 400);
        for line in report.lines() {
            if let Some((_, name)) = line.split_once("Compiling entry function '") {
                now = name;
            }
            let is_clean = !line.contains("bytes stack frame")
                || line.contains("0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads");
            assert!(is_clean, "{card}: {now}: {line}");
            if let Some((_, used)) = line.split_once("Used ").filter(|_| tell) {
                eprintln!("{card}: {now}: {used}");
            }
        }
    }
}

fn lint(text: &str) {
    for line in text.lines() {
        assert!(!line.contains(".approx") && !line.contains(".ftz"), "{line}");
        let is_float = line.contains(".f64 %") || line.contains(".f32 %");
        let rounds = ["add", "sub", "mul", "div", "fma", "sqrt"].iter().any(|name| line.trim().starts_with(name));
        assert!(!(is_float && rounds) || line.contains(".rn."), "{line}");
    }
}

#[test]
fn mixtures_assemble() {
    let mut kernels = BTreeMap::new();
    for (name, graph, nodes) in mixtures(1) {
        for stage in emitted(&graph, &nodes) {
            let stage = stage.unwrap_or_else(|unfit| panic!("{name}: {unfit}"));
            kernels.extend(texts(&stage).into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())));
        }
    }
    kernels.values().for_each(|text| lint(text));
    check(&kernels, &CARDS);
}

/// The kernels of cases, by name.
fn kernels(cases: impl IntoIterator<Item = Case>) -> BTreeMap<String, String> {
    let mut kernels = BTreeMap::new();
    for (name, graph, node) in cases {
        for stage in emitted(&graph, &[node]) {
            let stage = stage.unwrap_or_else(|unfit| panic!("{name}: {unfit}"));
            kernels.extend(texts(&stage).into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())));
        }
    }
    kernels.values().for_each(|text| lint(text));
    kernels
}

#[test]
fn products_assemble() {
    check(&kernels(products()), &CARDS);
}

#[test]
fn every_loop_assembles() {
    let kernels = kernels(each_loop([300, 700]));
    assert!(kernels.len() > 500, "{}", kernels.len());
    check(&kernels, &CARDS);
}

/// Each way in which arrays are seen for one of the cards: what is computed of an element does not depend on that.
#[test]
fn every_loop_assembles_however_its_arrays_are_seen() {
    for (number, cases) in each_loop_seen().into_iter().enumerate() {
        let kernels = kernels(cases);
        assert!(kernels.len() > 1000, "{}", kernels.len());
        check(&kernels, &[CARDS[number % CARDS.len()]]);
    }
}

/// Views of every dtype, random numbers, conversions, patches, running values and windows.
#[test]
fn every_other_trial_assembles() {
    let known: BTreeSet<String> = each_loop([37, 70]).into_iter().chain(products()).map(|case| case.0).collect();
    let kernels = kernels(all().into_iter().filter(|case| !known.contains(&case.0)));
    assert!(kernels.len() > 300, "{}", kernels.len());
    check(&kernels, &CARDS);
}
