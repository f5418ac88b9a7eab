//! Every kernel is legal PTX that needs no memory of its own, as NVIDIA's assembler says where there is one.

use crate::corpus::{each_loop, emitted, mixtures, texts};
use cleave_gpu::emit::Unfit;
use cleave_gpu::trial::products;
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

#[test]
fn products_assemble() {
    let mut kernels = BTreeMap::new();
    for (name, graph, node) in products() {
        for stage in emitted(&graph, &[node]) {
            let stage = stage.unwrap_or_else(|unfit| panic!("{name}: {unfit}"));
            kernels.extend(texts(&stage).into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())));
        }
    }
    kernels.values().for_each(|text| lint(text));
    check(&kernels, &CARDS);
}

#[test]
fn every_loop_assembles() {
    let (mut kernels, mut unfit) = (BTreeMap::new(), BTreeSet::new());
    for (name, graph, node) in each_loop([300, 700]) {
        for stage in emitted(&graph, &[node]) {
            match stage {
                Ok(stage) => kernels.extend(texts(&stage).into_iter().map(|(n, t)| (n.to_owned(), t.to_owned()))),
                Err(Unfit::Formula(op)) => drop(unfit.insert(op)),
                Err(other) => panic!("{name}: {other}"),
            }
        }
    }
    assert!(kernels.len() > 500, "{}", kernels.len());
    kernels.values().for_each(|text| lint(text));
    assert_eq!(unfit, BTreeSet::new());
    check(&kernels, &CARDS);
}
