//! Rust from the service's description, without `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto/engine.proto");
    let files = protox::compile(["proto/engine.proto"], ["proto"])?;
    tonic_prost_build::configure().bytes(".cleave.engine.v1").compile_fds(files)?;
    Ok(())
}
