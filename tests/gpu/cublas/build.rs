//! Gives the library the name that a loader looks for, so that once loaded it is found as cuBLAS.

fn main() {
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libcublas.so.13");
    println!("cargo::rerun-if-changed=build.rs");
}
