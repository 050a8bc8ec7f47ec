//! How the system's allocator (glibc's malloc) divides the memory.
//!
//! Every thread that allocates gets an arena, until there are eight for each core, and what an arena has grown to it keeps.
//! A server has a dozen threads that each hold large buffers for a moment, so its memory would be the sum of all their
//! moments: 133 MB instead of 98 with 500 nodes (`bench/memory`), and more on a machine with more cores.

#![cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    expect(unsafe_code, reason = "the C library's setting has no safe wrapper")
)]

/// Few, so that memory is used again; more than one, so that threads seldom wait for each other. Small blocks come from the
/// threads' own caches and need no arena.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const ARENAS: i32 = 2;

/// Limits the arenas, unless the operator has (`MALLOC_ARENA_MAX`). Has to come before the first thread: an arena that is
/// there stays. Other C libraries have no such setting.
pub fn limit_arenas() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    if std::env::var_os("MALLOC_ARENA_MAX").is_none() {
        // SAFETY: takes two numbers and may be called at any time. If it refuses, all is as it was.
        let _taken = unsafe { libc::mallopt(libc::M_ARENA_MAX, ARENAS) };
    }
}
