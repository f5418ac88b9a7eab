//! Kernels of a device: which stay, and what is said of those that are refused.

use super::*;
use crate::emit::Kernel;

fn named(name: &str, text: String) -> Kernel {
    let (params, loads, made) = (vec![], vec![], std::sync::Arc::default());
    Kernel { name: name.to_owned(), text, params, loads, made, may_fail: false }
}

#[test]
fn kernels_that_were_wanted_longest_ago_are_forgotten() {
    cleave_gpu_driver::load().unwrap();
    let mut device = Device::open(0).unwrap();
    let head = ".version 7.0\n.target sm_75\n.address_size 64\n";
    let empty = |number: usize| {
        let name = format!("empty{number}");
        named(&name, format!("{head}.visible .entry {name}()\n{{\n    ret;\n}}\n"))
    };
    let all: Vec<Kernel> = (0..MOST_KERNELS + 9).map(empty).collect();
    for kernel in &all {
        device.compile([kernel, &all[0]]).unwrap();
    }
    assert_eq!(device.kernels.len(), MOST_KERNELS);
    let is_there = |number: usize| device.kernels.contains_key(&all[number].name);
    assert!(is_there(0) && is_there(10) && is_there(MOST_KERNELS + 8));
    assert!((1..10).all(|number| !is_there(number)));
    device.compile(&all).unwrap();
    assert_eq!(device.kernels.len(), all.len(), "those of one stage are all there");
}

#[test]
fn a_kernel_that_is_refused_tells_what_the_compiler_says() {
    cleave_gpu_driver::load().unwrap();
    let mut device = Device::open(0).unwrap();
    let text = ".version 7.0\n.target sm_70\n.address_size 64\n.nonsense".to_owned();
    let error = device.compile([&named("nonsense", text)]).unwrap_err();
    let GpuError::Kernel { code: 218, log } = &error else { panic!("{error}") };
    assert!(log.starts_with("4:"), "{log}");
    assert!(error.to_string().contains(log.as_str()));
}
