//! Every parameter that can't work is refused by name, and what can is as it was given.

use omnilytics_core::Error;
use omnilytics_core::keys::{MaskKey, PublicMaskKey};
use omnilytics_core::params::{CodecParams, Encoding, KrumPicks, Policy, RawParams, Rule, Suite, weights_bound};
use omnilytics_core::{digest, paths};

fn delta() -> RawParams {
    RawParams {
        parameter_count: 100,
        members: 4,
        clip: u64::from(0.05f32.to_bits()),
        bound: 7,
        lane_bits: 6,
        chunk_words: 8,
        ..RawParams::default()
    }
}

fn weights() -> RawParams {
    RawParams { encoding: 1, clip: 0, bound: 536_870_911, lane_bits: 32, rule: 1, krum_m: 1, ..delta() }
}

fn recover() -> RawParams {
    RawParams { policy: 1, suite: 1, threshold: 3, colluders: 1, ..delta() }
}

#[test]
fn what_can_work_is_as_it_was_given() {
    let params = CodecParams::new(&delta()).unwrap();
    assert_eq!(
        (100, 4, 3, 8, 1),
        (params.parameter_count(), params.members(), params.words(), params.chunk_words(), params.chunks())
    );
    assert_eq!((Suite::Aes, Rule::Norm, Policy::Abort), (params.suite(), params.rule(), params.policy()));
    assert_eq!((7, 4), (params.coding().bound(), params.coding().members()));
    assert_eq!(Ok(100 * 49 / 4), params.norm_limit(4));
    let krum = CodecParams::new(&RawParams { krum_mu_bps: 2_500, krum_m_rule: 1, ..weights() }).unwrap();
    assert_eq!(Encoding::Weights, krum.coding().encoding());
    assert_eq!(Rule::Krum { mu_bps: 2_500, m: 1, picks: KrumPicks::Paper }, krum.rule());
    assert!(params.rule().shrinks() && !krum.rule().shrinks());
    assert_eq!(Rule::NormVote, CodecParams::new(&RawParams { rule: 2, ..delta() }).unwrap().rule());
    assert!(Rule::NormVote.shrinks());
    assert_eq!(Policy::Recover { threshold: 3 }, CodecParams::new(&recover()).unwrap().policy());
}

#[test]
fn each_number_out_of_its_range_is_named() {
    let refused = [
        ("parameter_count", RawParams { parameter_count: 0, ..delta() }),
        ("members", RawParams { members: 17, ..delta() }),
        ("encoding", RawParams { encoding: 2, ..delta() }),
        ("clip", RawParams { clip: 1 << 32, ..delta() }),
        ("bound", RawParams { bound: 0, ..delta() }),
        ("chunk_words", RawParams { chunk_words: 7, ..delta() }),
        ("chunks", RawParams { parameter_count: 1 << 20, ..delta() }),
        ("suite", RawParams { suite: 2, ..delta() }),
        ("rule", RawParams { rule: 3, ..delta() }),
        ("krum_mu_bps with rule norm", RawParams { krum_mu_bps: 1, ..delta() }),
        ("krum_m with rule norm", RawParams { krum_m: 1, ..delta() }),
        ("krum_m_rule", RawParams { krum_m_rule: 2, ..delta() }),
        ("krum_m with rule norm", RawParams { rule: 2, krum_m: 1, ..delta() }),
        ("krum_mu_bps", RawParams { krum_mu_bps: 5_001, ..weights() }),
        ("krum_m", RawParams { krum_m: 0, ..weights() }),
        ("policy", RawParams { policy: 2, ..delta() }),
        ("suite with policy recover", RawParams { suite: 0, ..recover() }),
        ("unsafe_small", RawParams { unsafe_small: 2, ..recover() }),
        ("threshold with policy recover", RawParams { threshold: 2, ..recover() }),
        ("threshold with policy recover", RawParams { threshold: 5, unsafe_small: 1, ..recover() }),
    ];
    for (expected, raw) in refused {
        match CodecParams::new(&raw) {
            Err(error @ Error::OutOfRange { name, .. }) => {
                assert_eq!(expected, name);
                assert!(error.is_about_encoding());
            }
            other => panic!("{expected}: got {other:?}"),
        }
    }
    assert!(matches!(weights_bound(1), Err(Error::OutOfRange { name: "members", .. })));
    assert!(matches!(CodecParams::new(&delta()).unwrap().norm_limit(5), Err(Error::OutOfRange { name: "count", .. })));
}

#[test]
fn numbers_that_do_not_go_together_are_refused() {
    let infinite = u64::from(f32::INFINITY.to_bits());
    assert!(matches!(CodecParams::new(&RawParams { clip: infinite, ..delta() }), Err(Error::Clip { .. })));
    assert!(matches!(CodecParams::new(&RawParams { clip: 1, ..weights() }), Err(Error::Clip { .. })));
    assert!(matches!(CodecParams::new(&RawParams { lane_bits: 7, ..delta() }), Err(Error::LaneWidth { given: 7 })));
    let wide = CodecParams::new(&RawParams { lane_bits: 8, ..delta() });
    assert!(matches!(wide, Err(Error::LaneNotSmallest { expected: 6, given: 8, .. })));
    assert!(matches!(CodecParams::new(&RawParams { bound: 1 << 30, ..delta() }), Err(Error::NoLane { .. })));
    let bound = CodecParams::new(&RawParams { bound: 7, ..weights() });
    assert!(matches!(bound, Err(Error::WeightsBound { expected: 536_870_911, given: 7, .. })));
    assert_eq!(Err(Error::NormNeedsDelta), CodecParams::new(&RawParams { rule: 0, krum_m: 0, ..weights() }));
}

#[test]
fn keys_are_scalars_below_the_order() {
    let refused = |bytes| MaskKey::from_bytes(&bytes).err().expect("no key");
    for bytes in [[0; 32], [0xff; 32]] {
        let error = refused(bytes);
        assert!(matches!(error, Error::SecretKey { given: 32 }) && !error.is_about_encoding());
    }
    let off_curve = PublicMaskKey { x: digest::uint256(5), odd: false };
    assert!(matches!(off_curve.address(2), Err(Error::PublicKey { place: 2, .. })));
    let key = MaskKey::from_seed(&[1; 32]);
    assert_eq!(*key.address(), key.public().address(0).unwrap());
}

#[test]
fn domains_are_padded_on_the_right() {
    let name = String::from("omnilytics/key/1");
    let padded = digest::domain(&name);
    assert!(padded.starts_with(name.as_bytes()) && padded[name.len()..].iter().all(|byte| *byte == 0));
}

#[test]
fn a_machine_has_paths() {
    let vectors = ["AVX-512", "AVX2", "SSE4.2", "SSE2", "NEON", "SIMD", "portable"];
    let aes = ["VAES, 512 bits", "VAES, 256 bits", "AES-NI", "AES instructions", "portable"];
    assert!(vectors.contains(&paths::vectors()) && aes.contains(&paths::aes()));
}
