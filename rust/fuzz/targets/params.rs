//! A session's parameters as a client reads them from the contract: lanes that hold every sum, or an error.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use omnilytics_core::params::{CodecParams, RawParams};

#[derive(Arbitrary, Debug)]
struct Input {
    sizes: [u32; 4],
    clip: u64,
    bound: u64,
    codes: [u8; 9],
    krum: [u16; 2],
}

fuzz_target!(|input: Input| {
    let [parameter_count, members, chunk_words, count] = input.sizes.map(u64::from);
    let [encoding, lane_bits, suite, rule, krum_m_rule, policy, threshold, colluders, unsafe_small] =
        input.codes.map(u64::from);
    let raw = RawParams {
        parameter_count,
        members,
        encoding,
        clip: input.clip,
        bound: input.bound,
        lane_bits,
        chunk_words,
        suite,
        rule,
        krum_mu_bps: input.krum[0].into(),
        krum_m: input.krum[1].into(),
        krum_m_rule,
        policy,
        threshold,
        colluders,
        unsafe_small,
    };
    let Ok(params) = CodecParams::new(&raw) else { return };
    assert!(members * input.bound < 1 << (lane_bits - 1), "a lane holds the sum of all members");
    assert!((1..=params.words()).contains(&params.chunks()));
    assert_eq!((1..=members).contains(&count), params.norm_limit(count).is_ok());
});
