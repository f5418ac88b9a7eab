//! Rust from the service's description, without `protoc`; and the hash of the sources that decide plans and bits.

use std::path::{Path, PathBuf};

/// Where the sources are that decide plans and bits.
const DECIDING: [&str; 4] = ["../../lang/ops/src", "../../lang/graph/src", "../plan/src", "../cpu/src"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto/engine.proto");
    let files = protox::compile(["proto/engine.proto"], ["proto"])?;
    tonic_prost_build::configure().bytes(".cleave.engine.v1").compile_fds(files)?;
    println!("cargo:rustc-env=CLEAVE_SOURCES={}", sources()?);
    Ok(())
}

/// A hash over names and contents, in the order of names; of a build apart from its repository, of nothing.
fn sources() -> std::io::Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    for root in DECIDING.iter().map(Path::new).filter(|root| root.is_dir()) {
        println!("cargo:rerun-if-changed={}", root.display());
        let mut files = vec![];
        collect(root, &mut files)?;
        files.sort();
        for file in files {
            hasher.update(file.to_string_lossy().as_bytes());
            hasher.update(&std::fs::read(&file)?);
        }
    }
    Ok(hasher.finalize())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
