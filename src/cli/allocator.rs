//! The program's allocator: the system's, with an end in words where it refuses.

use std::alloc::{GlobalAlloc, Layout, System};

use crate::memory::LARGE;

/// Ends the program with a message when a small allocation is refused. Rust would abort
/// with a core dump.
///
/// Large allocations return null as usual: most of them are fallible, and their caller
/// reports an error that says what the memory was for.
pub struct Allocator;

// SAFETY: every call goes to the system's allocator, unchanged.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract is the system's.
        check(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        check(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        check(unsafe { System.realloc(block, layout, size) }, size)
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }
}

fn check(block: *mut u8, size: usize) -> *mut u8 {
    if block.is_null() && size < LARGE {
        end();
    }
    block
}

/// Nothing here may allocate.
#[cold]
fn end() -> ! {
    const MESSAGE: &str = "rbgpu: out of memory: the system refuses even a small allocation; \
                           use a smaller --batch-size, fewer threads or more memory\n";
    #[cfg(unix)]
    // SAFETY: the pointer and the length are of one string. No exit handler runs, because
    // one of a graphics driver's would allocate.
    unsafe {
        libc::write(2, MESSAGE.as_ptr().cast(), MESSAGE.len());
        libc::_exit(1)
    }
    #[cfg(not(unix))]
    {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), MESSAGE.as_bytes());
        std::process::exit(1)
    }
}
