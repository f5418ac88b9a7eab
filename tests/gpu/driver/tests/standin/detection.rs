//! What a program finds out before it uses a device.

use cudarc::driver::{CudaContext, result, sys};

use crate::process::{code, under};

fn version() -> i32 {
    let mut version = 0;
    // SAFETY: the pointer is valid for the call.
    assert_eq!(code(unsafe { sys::cuDriverGetVersion(&mut version) }.result()), 0);
    version
}

#[test]
fn a_device_tells_what_it_is() {
    under("memory=64M processors=3", "detection::a_device_tells_what_it_is", || {
        // SAFETY: asks whether a library can be loaded.
        assert!(unsafe { sys::is_culib_present() });
        assert_eq!(version(), 13000);
        let context = CudaContext::new(0).unwrap();
        assert_eq!(context.name().unwrap(), "Stand-in GPU 0");
        assert_eq!(context.compute_capability().unwrap(), (9, 0));
        assert_eq!(context.total_mem().unwrap(), 64 << 20);
        assert!(context.has_async_alloc());
        let processors = sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT;
        assert_eq!(context.attribute(processors).unwrap(), 3);
        let lanes = sys::CUdevice_attribute::CU_DEVICE_ATTRIBUTE_WARP_SIZE;
        assert_eq!(context.attribute(lanes).unwrap(), 32);
    });
}

#[test]
fn no_device_is_an_error_with_a_number() {
    under("devices=0", "detection::no_device_is_an_error_with_a_number", || {
        assert_eq!(code(CudaContext::new(0)), 100);
        assert_eq!(code(CudaContext::new(0)), 100);
    });
}

#[test]
fn two_devices_have_memory_of_their_own() {
    under("devices=2 memory=1M", "detection::two_devices_have_memory_of_their_own", || {
        assert_eq!(CudaContext::device_count().unwrap(), 2);
        let (first, second) = (CudaContext::new(0).unwrap(), CudaContext::new(1).unwrap());
        assert_ne!(first.uuid().unwrap().bytes, second.uuid().unwrap().bytes);
        let there = first.default_stream().clone_htod(&vec![7u8; 1 << 19]).unwrap();
        assert_eq!(first.mem_get_info().unwrap().0, 1 << 19);
        assert_eq!(second.mem_get_info().unwrap().0, 1 << 20);
        let mut here = second.default_stream().alloc_zeros::<u8>(1 << 19).unwrap();
        second.default_stream().memcpy_dtod(&there, &mut here).unwrap();
        assert_eq!(second.default_stream().clone_dtoh(&here).unwrap(), vec![7u8; 1 << 19]);
        assert_eq!(code(CudaContext::new(2)), 101);
    });
}

#[test]
fn an_old_driver_tells_its_version() {
    under("version=11040", "detection::an_old_driver_tells_its_version", || assert_eq!(version(), 11040));
}

#[test]
fn a_driver_that_does_not_start_says_why() {
    for (settings, expected) in [("fail=cuInit:1:34", 34), ("fail=cuInit:1:803", 803), ("nonsense", 999)] {
        // The process of one setting passes the others by.
        under(settings, "detection::a_driver_that_does_not_start_says_why", || {
            if std::env::var(cleave_gpu_driver::SETTINGS).unwrap() == settings {
                assert_eq!(code(result::init()), expected);
            }
        });
    }
}

#[test]
fn without_pools_memory_comes_all_the_same() {
    under("pools=0", "detection::without_pools_memory_comes_all_the_same", || {
        let context = CudaContext::new(0).unwrap();
        assert!(!context.has_async_alloc());
        let data = context.default_stream().clone_htod(&[1.5f32, 2.5]).unwrap();
        assert_eq!(context.default_stream().clone_dtoh(&data).unwrap(), [1.5, 2.5]);
    });
}
