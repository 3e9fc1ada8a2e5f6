//! The faults themselves.
#![allow(unsafe_code, clippy::panic, reason = "what no plugin should do is what these are for")]

use std::hint::black_box;
use std::thread;
use std::time::Duration;

/// Panics where it is dropped.
#[derive(Debug)]
pub(crate) struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic("in a drop");
    }
}

/// Says by its place in this file, and in the same words, where each panic comes from.
pub(crate) fn panic(place: &str) -> ! {
    panic!("faulty {place}");
}

pub(crate) fn panic_with_bomb() -> ! {
    std::panic::panic_any(Bomb)
}

pub(crate) fn panic_twice() -> ! {
    let _dropped_while_unwinding = Bomb;
    panic("in a call");
}

pub(crate) fn sleep() -> ! {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

pub(crate) fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

pub(crate) fn segfault() {
    // Not null: debug builds look for that.
    let nowhere = std::ptr::without_provenance::<u8>(8);
    // SAFETY: none. No page is ever mapped there, and that the process dies is what is asked for.
    black_box(unsafe { nowhere.read_volatile() });
}

/// Each frame takes a page, and is still needed after the next.
#[allow(unconditional_recursion, reason = "it is to use up the stack")]
pub(crate) fn overflow(depth: u64) -> u64 {
    let frame = black_box([depth; 512]);
    let deeper = overflow(depth + 1);
    deeper + black_box(frame)[0]
}

/// Takes without using: how fast a limit is met does not depend on how busy the machine is.
pub(crate) fn allocate() -> ! {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    loop {
        kept.push(black_box(Vec::with_capacity(4 << 20)));
    }
}
