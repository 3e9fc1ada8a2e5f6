//! What the C library's allocator keeps of memory that was given back.
#![allow(unsafe_code)] // there is no other way to speak to it

/// Whatever is larger is given back to the system at once. The library raises this by itself as soon as one
/// such piece is freed, and then keeps what the reading of large zones has needed: 16 MiB after 100,000 names.
#[cfg(target_env = "gnu")]
const LARGE: i32 = 128 * 1024;

/// Has it give back large pieces at once. Before any thread is started.
pub(crate) fn give_back_large_pieces() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it sets two numbers, and nothing else runs yet. Where it refuses, it goes on as it was.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, LARGE);
    }
}
