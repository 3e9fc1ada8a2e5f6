//! What the C library's allocator keeps of memory that was given back.
#![allow(unsafe_code)] // there is no other way to speak to it

/// Whatever is larger is given back to the system at once. The library raises this by itself as soon as one
/// such piece is freed, and then keeps what the reading of large zones has needed: 16 MiB after 100,000 names.
#[cfg(target_env = "gnu")]
const LARGE: i32 = 128 * 1024;

/// All threads share so many arenas; the library would give each its own, up to eight a core, of which every one
/// keeps free what its thread no longer needs: .7 MiB of 20. Who answers queries allocates nothing for them, so that
/// nobody waits for an arena there.
#[cfg(target_env = "gnu")]
const ARENAS: i32 = 2;

/// Has it give back large pieces at once, and keep little of small ones. Before any thread is started.
pub(crate) fn keep_little() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it sets three numbers, and nothing else runs yet. Where it refuses, it goes on as it was.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE);
        libc::mallopt(libc::M_TRIM_THRESHOLD, LARGE);
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
    }
}
