//! Which code this machine runs. The results are the same on every path.

use fearless_simd::Level;

/// The path of suite `aes` and of the draws, as crate `aes` chooses it.
#[must_use]
pub fn aes() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("vaes") {
        return if is_x86_feature_detected!("avx512f") { "VAES, 512 bits" } else { "VAES, 256 bits" };
    }
    match (aes::hardware_accelerated(), cfg!(target_arch = "x86_64")) {
        (true, true) => "AES-NI",
        (true, false) => "AES instructions",
        (false, _) => "portable",
    }
}

/// The path of rounding, packing, sums and suite `keccak`, as crate `fearless_simd` chooses it.
#[must_use]
pub fn vectors() -> &'static str {
    let level = Level::new();
    #[cfg(target_arch = "x86_64")]
    if level.as_avx512().is_some() {
        return "AVX-512";
    } else if level.as_avx2().is_some() {
        return "AVX2";
    } else if level.as_sse4_2().is_some() {
        return "SSE4.2";
    } else if level.as_sse2().is_some() {
        return "SSE2";
    }
    #[cfg(target_arch = "aarch64")]
    if level.as_neon().is_some() {
        return "NEON";
    }
    if level.is_fallback() { "portable" } else { "SIMD" }
}
