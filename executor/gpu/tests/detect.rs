//! What detection says of drivers that are missing, broken or hostile. A process has one driver, so each case has its own.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

use cleave_gpu::detect::{Step, examine, ready};
use cleave_gpu_driver::{SETTINGS, load};
use std::path::Path;
use std::process::Command;
use std::{env, fs};

const CHILD: &str = "CLEAVE_GPU_DETECT_CHILD";

/// What a child tells: the code of each step that failed, then of `ready` for the card asked for; `ok` where all is well.
fn child(driver: &str) {
    if driver == "stand-in" {
        load().unwrap();
    }
    let mut words = vec![];
    let usable = examine(&mut |step, found| match found {
        Ok(_) if matches!(step, Step::Probe(_)) => words.push(format!("{step:?} ok")),
        Ok(_) => {}
        Err(absent) => {
            assert!(!absent.help().is_empty() && !absent.to_string().ends_with('.'));
            words.push(format!("{step:?} {}: {absent}", absent.code()));
        }
    });
    println!("told: {}", words.join(" | "));
    println!("usable: {usable}");
    for ordinal in [0, 1] {
        println!("ready {ordinal}: {}", ready(ordinal).map_or_else(|absent| absent.code(), |_| "ok"));
    }
}

/// Runs this test's child under a stand-in's settings or beside libraries in a folder; what it tells.
fn told(test: &str, driver: &str, variables: &[(&str, &str)]) -> String {
    let output = Command::new(env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, driver)
        .env_remove("CUDA_VISIBLE_DEVICES")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && !text.contains("panicked"), "{text}");
    text
}

fn is_child() -> bool {
    env::var(CHILD).is_ok_and(|driver| {
        child(&driver);
        true
    })
}

/// Checks what cases tell: settings, how the told steps begin, and the two cards.
fn check(test: &str, cases: &[(&str, &str, [&str; 2])]) {
    for (settings, steps, [first, second]) in cases {
        let text = told(test, "stand-in", &[(SETTINGS, settings)]);
        for expected in [format!("told: {steps}"), format!("\nready 0: {first}\n"), format!("\nready 1: {second}\n")] {
            assert!(text.contains(&expected), "{settings}: `{expected}` is not in\n{text}");
        }
        assert_eq!(text.contains("usable: true"), *first == "ok" && text.contains("ok"), "{settings}: {text}");
    }
}

#[test]
fn cards_are_counted_and_tried() {
    if is_child() {
        return;
    }
    check(
        "cards_are_counted_and_tried",
        &[
            ("devices=1", "Probe(0) ok\n", ["ok", "no-such-gpu"]),
            ("devices=2 deferred", "Probe(0) ok | Probe(1) ok\n", ["ok", "ok"]),
            ("devices=1 pools=0 version=12000", "Probe(0) ok\n", ["ok", "no-such-gpu"]),
        ],
    );
}

#[test]
fn drivers_that_do_not_start_say_why() {
    if is_child() {
        return;
    }
    let both = |code| [code, code];
    // A number of failing starts, so that every start of the child fails.
    let fails = |number: i32| (1..9).map(|n| format!("fail=cuInit:{n}:{number} ")).collect::<String>();
    let [stub, none, refused, old, ready, unknown] = [34, 100, 304, 803, 802, 999].map(fails);
    check(
        "drivers_that_do_not_start_say_why",
        &[
            ("devices=0", "Start no-gpu: the driver finds no GPU\n", both("no-gpu")),
            (
                "version=11040",
                "Version old-gpu-driver: the GPU driver is of version 11.4, and 12.0",
                both("old-gpu-driver"),
            ),
            (&stub, "Start gpu-driver-stub: ", both("gpu-driver-stub")),
            (&none, "Start no-gpu: ", both("no-gpu")),
            (&refused, "Start no-gpu-permission: this user may not use the GPU", both("no-gpu-permission")),
            (&old, "Start gpu-driver-mismatch: ", both("gpu-driver-mismatch")),
            (&ready, "Start gpu-not-ready: ", both("gpu-not-ready")),
            (&unknown, "Start gpu-failed: the driver's call cuInit ended with error 999", both("gpu-failed")),
        ],
    );
}

#[test]
fn cards_that_cannot_be_used_say_why() {
    if is_child() {
        return;
    }
    for (settings, expected) in [
        ("fail=cuDevicePrimaryCtxRetain:1:46", "Probe(0) gpu-busy: "),
        ("fail=cuDevicePrimaryCtxRetain:1:2", "Probe(0) gpu-memory-full: "),
        ("fail=cuModuleLoadData:1:221", "Probe(0) no-gpu-compiler: "),
        ("fail=cuLaunchKernel:1:719", "Probe(0) gpu-failed: the driver's call cuLaunchKernel ended with error 719"),
        ("devices=2 fail=cuLaunchKernel:1:719", "error 719 | Probe(1) ok\nusable: true"),
    ] {
        let text = told("cards_that_cannot_be_used_say_why", "stand-in", &[(SETTINGS, settings)]);
        assert!(text.contains(expected), "{settings}: `{expected}` is not in\n{text}");
    }
}

#[test]
fn hidden_cards_name_the_variable_that_hides_them() {
    if is_child() {
        return;
    }
    let variables = [(SETTINGS, "devices=0"), ("CUDA_VISIBLE_DEVICES", "7")];
    let text = told("hidden_cards_name_the_variable_that_hides_them", "stand-in", &variables);
    assert!(text.contains("no GPU with CUDA_VISIBLE_DEVICES=7"), "{text}");
}

/// Whether this machine has a driver of its own, beside which no other can be missing.
fn has_driver() -> bool {
    ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"].iter().any(|f| Path::new(f).join("libcuda.so.1").exists())
}

#[test]
fn missing_and_broken_libraries_are_told_apart() {
    if is_child() {
        return;
    }
    if has_driver() {
        println!("skipped: there is a driver");
        return;
    }
    let test = "missing_and_broken_libraries_are_told_apart";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let text = told(test, "none", &[("LD_LIBRARY_PATH", path)]);
    assert!(text.contains("told: Library no-gpu-driver: ") && text.contains("ready 0: no-gpu-driver"), "{text}");

    fs::write(folder.path().join("libcuda.so.1"), "no library").unwrap();
    let text = told(test, "none", &[("LD_LIBRARY_PATH", path)]);
    assert!(text.contains(&format!("bad-gpu-driver: the GPU driver's library {path}/libcuda.so.1 cannot")), "{text}");

    fs::copy(libm(), folder.path().join("libcuda.so.1")).unwrap();
    let text = told(test, "none", &[("LD_LIBRARY_PATH", path)]);
    let expected =
        format!("Library bad-gpu-driver: what is loaded as the GPU driver ({path}/libcuda.so.1) has no call cuInit");
    assert!(text.contains(&expected), "{text}");
}

/// A library that every process has loaded, and that is no driver.
fn libm() -> String {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let libraries = maps.lines().filter_map(|line| line.find('/').map(|at| &line[at..]));
    libraries
        .clone()
        .find(|path| path.contains("/libgcc_s"))
        .or(libraries.into_iter().find(|p| p.contains("/libm")))
        .unwrap()
        .into()
}

#[test]
fn the_library_of_products_is_found_in_a_toolkit() {
    if is_child() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("lib64/libcublas.so.13");
    fs::create_dir(library.parent().unwrap()).unwrap();
    fs::copy(libm(), &library).unwrap();
    let home = folder.path().to_str().unwrap();
    let output = Command::new(env::current_exe().unwrap())
        .args(["products_library_of_the_child", "--exact", "--nocapture"])
        .env(CHILD, "none")
        .env("CUDA_HOME", home)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains(&format!("found: {}", library.display())) || text.contains("found: /usr"), "{text}");
}

#[test]
fn products_library_of_the_child() {
    if env::var_os(CHILD).is_some() {
        let found = cleave_gpu::detect::cublas::find();
        println!("found: {}", found.map_or_else(String::new, |path| path.display().to_string()));
    }
}
