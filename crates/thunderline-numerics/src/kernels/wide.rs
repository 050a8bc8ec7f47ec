//! The inner loops as code for wide registers, chosen when the program runs. `unsafe`, as only one other module is
//! (`cargo xtask tidy`).
//!
//! The binary is built for any x86-64, whose registers hold two `f64`; most processors have AVX2, with four. Compiled twice, a
//! loop does the same operations in the same order (products and sums are not fused), so the result is the same, bit for bit.

#![expect(
    unsafe_code,
    reason = "a function for AVX2 may be called where the processor has AVX2, which nothing but a test can tell"
)]

/// Runs `work` compiled for AVX2 where there is AVX2, and as it is elsewhere. `work` has to be `#[inline(always)]`, and what
/// it calls too: only what is inlined is compiled anew.
#[inline(always)]
pub(crate) fn run<R>(work: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has the instructions that the function is compiled for.
        return unsafe { with_avx2(work) };
    }
    work()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn with_avx2<R>(work: impl FnOnce() -> R) -> R {
    work()
}
