//! The system's allocator, which counts what each thread asks of it.
// A global allocator is an unsafe trait; this one only counts and passes on.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

pub struct Counting;

/// How often memory was asked for, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Allocations {
    pub count: usize,
    pub bytes: usize,
}

thread_local! {
    static SO_FAR: Cell<Allocations> = const { Cell::new(Allocations { count: 0, bytes: 0 }) };
}

// SAFETY: every call is passed on unchanged to the system's allocator. The counter neither allocates nor has a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Allocations { count, bytes } = SO_FAR.get();
        SO_FAR.set(Allocations { count: count + 1, bytes: bytes + layout.size() });
        // SAFETY: the caller's promises are those that `System` asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// What `work` gives, and what it allocates on this thread, in a test whose global allocator is [`Counting`].
pub fn allocations<T>(work: impl FnOnce() -> T) -> (T, Allocations) {
    let before = SO_FAR.get();
    let result = work();
    let after = SO_FAR.get();
    (result, Allocations { count: after.count - before.count, bytes: after.bytes - before.bytes })
}
