//! Allocation, limits, poison and pinned memory.

use cudarc::driver::{CudaContext, result, sys};

use crate::process::{code, under};

#[test]
fn memory_ends_and_the_context_lives_on() {
    under("memory=1M", "memory::memory_ends_and_the_context_lives_on", || {
        let context = CudaContext::new(0).unwrap();
        let stream = context.default_stream();
        let most = stream.alloc_zeros::<u8>(1 << 20).unwrap();
        assert_eq!(code(stream.alloc_zeros::<u8>(1)), 2);
        assert_eq!(context.mem_get_info().unwrap(), (0, 1 << 20));
        drop(most);
        assert_eq!(stream.clone_dtoh(&stream.clone_htod(&[5u8; 1 << 20]).unwrap()).unwrap(), vec![5u8; 1 << 20]);
    });
}

#[test]
fn a_free_that_waits_gives_its_memory_to_who_needs_it() {
    under("memory=1M deferred", "memory::a_free_that_waits_gives_its_memory_to_who_needs_it", || {
        let context = CudaContext::new(0).unwrap();
        let stream = context.new_stream().unwrap();
        for round in 0..4u8 {
            let data = stream.clone_htod(&vec![round; 900 << 10]).unwrap();
            assert_eq!(stream.clone_dtoh(&data).unwrap()[77], round);
        }
    });
}

#[test]
fn fresh_memory_is_poison() {
    under("poison=a5", "memory::fresh_memory_is_poison", || {
        let context = CudaContext::new(0).unwrap();
        let stream = context.default_stream();
        // SAFETY: the bytes are read as they come.
        let fresh = unsafe { stream.alloc::<u8>(64) }.unwrap();
        assert_eq!(stream.clone_dtoh(&fresh).unwrap(), [0xa5; 64]);
    });
}

#[test]
fn calls_refuse_bytes_behind_an_allocation_and_freed_ones() {
    under("", "memory::calls_refuse_bytes_behind_an_allocation_and_freed_ones", || {
        let context = CudaContext::new(0).unwrap();
        context.bind_to_thread().unwrap();
        // SAFETY: the addresses are the device's; what is wrong about them is refused.
        unsafe {
            let address = result::malloc_sync(64).unwrap();
            assert_eq!(code(result::memcpy_htod_sync(address, &[1u8; 64])), 0);
            assert_eq!(code(result::memcpy_htod_sync(address + 1, &[1u8; 64])), 1);
            let mut back = [0u8; 65];
            assert_eq!(code(result::memcpy_dtoh_sync(&mut back, address)), 1);
            assert_eq!(code(result::free_sync(address + 8)), 1);
            assert_eq!(code(result::free_sync(address)), 0);
            assert_eq!(code(result::free_sync(address)), 1);
            assert_eq!(code(result::memcpy_htod_sync(address, &[1u8; 64])), 1);
            assert_eq!(code(result::malloc_sync(0)), 1);
        }
    });
}

#[test]
fn pinned_memory_is_read_when_the_copy_runs() {
    under("deferred", "memory::pinned_memory_is_read_when_the_copy_runs", || {
        let context = CudaContext::new(0).unwrap();
        context.bind_to_thread().unwrap();
        let stream = context.new_stream().unwrap();
        let mut device = stream.alloc_zeros::<u8>(4).unwrap();
        // SAFETY: the pages live to the end of the process, whatever is freed.
        unsafe {
            let pinned = result::malloc_host(4, 0).unwrap().cast::<u8>();
            let pages = std::slice::from_raw_parts_mut(pinned, 4);
            pages.copy_from_slice(&[1, 2, 3, 4]);
            let (address, _guard) = cudarc::driver::DevicePtrMut::device_ptr_mut(&mut device, &stream);
            result::memcpy_htod_async(address, pages, stream.cu_stream()).unwrap();
            pages[0] = 9;
            let mut back = [0u8; 4];
            result::memcpy_dtoh_async(&mut back, address, stream.cu_stream()).unwrap();
            assert_eq!(back, [9, 2, 3, 4], "the copy came after the change");
            result::memcpy_htod_async(address, pages, stream.cu_stream()).unwrap();
            result::free_host(pinned.cast()).unwrap();
            result::memcpy_dtoh_async(&mut back, address, stream.cu_stream()).unwrap();
            assert_eq!(back, [0xff; 4], "pages that were freed too early are poison");
        }
    });
}

#[test]
fn pageable_memory_is_staged_when_the_call_is_made() {
    under("deferred", "memory::pageable_memory_is_staged_when_the_call_is_made", || {
        let context = CudaContext::new(0).unwrap();
        let stream = context.new_stream().unwrap();
        let mut host = vec![1u8; 16];
        let device = stream.clone_htod(&host).unwrap();
        host.fill(2);
        assert_eq!(stream.clone_dtoh(&device).unwrap(), [1; 16]);
    });
}

#[test]
fn the_pool_keeps_its_threshold() {
    under("", "memory::the_pool_keeps_its_threshold", || {
        let context = CudaContext::new(0).unwrap();
        let attribute = sys::CUmemPool_attribute::CU_MEMPOOL_ATTR_RELEASE_THRESHOLD;
        let (mut threshold, mut told) = (u64::MAX, 0u64);
        // SAFETY: thresholds are numbers of 64 bits.
        unsafe {
            let pool = result::device::get_default_mem_pool(context.cu_device()).unwrap();
            result::mem_pool::set_attribute(pool, attribute, (&raw mut threshold).cast()).unwrap();
            result::mem_pool::get_attribute(pool, attribute, (&raw mut told).cast()).unwrap();
        }
        assert_eq!(told, u64::MAX);
    });
}
