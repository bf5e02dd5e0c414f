//! The kernels of encoding, masking and selection, one core: `cargo bench -p omnilytics-core [-- NAME]`.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use omnilytics_core::digest::chunk_hashes;
use omnilytics_core::fixed::encode;
use omnilytics_core::gram::{inner_product, squared_norm};
use omnilytics_core::lanes::{LaneWidth, WORD_BYTES, pack, unpack};
use omnilytics_core::mask::{Masker, PairSeed, Sign};
use omnilytics_core::params::{Coding, RawParams, Suite, weights_bound};
use omnilytics_core::prg::Stream;
use omnilytics_core::sums::{TILE_WORDS, combine};
use zeroize::Zeroizing;

/// Values of a vector, 4 MiB of float32.
const VALUES: usize = 1 << 20;
const MEMBERS: u64 = 16;
const SEED: [u8; 32] = [7; 32];

fn coding(encoding: u64, bound: u64, lane_bits: u64) -> Coding {
    let raw = RawParams {
        parameter_count: VALUES as u64,
        members: MEMBERS,
        encoding,
        clip: if encoding == 0 { 0.05f32.to_bits().into() } else { 0 },
        bound,
        lane_bits,
        chunk_words: 720,
        ..RawParams::default()
    };
    Coding::new(&raw).expect("a legal encoding")
}

/// Values between -0.06 and 0.06, in an order that no predictor learns.
fn vector(start: usize) -> Vec<f32> {
    (start..start + VALUES).map(|k| (k.wrapping_mul(2_654_435_761) >> 8 & 0xffff) as f32 * 1.8e-6 - 0.06).collect()
}

fn integers(start: usize) -> Vec<i32> {
    vector(start).iter().map(|value| (value * 120.0) as i32).collect()
}

fn encoding(criterion: &mut Criterion) {
    let (weights, published) = (vector(0), vector(VALUES));
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Elements(VALUES as u64));
    for (name, coding) in [
        ("delta, 6 bits", coding(0, 1, 6)),
        ("delta, 8 bits", coding(0, 7, 8)),
        ("delta, 10 bits", coding(0, 31, 10)),
        ("delta, 12 bits", coding(0, 127, 12)),
        ("delta, 16 bits", coding(0, 511, 16)),
        ("delta, 32 bits", coding(0, 1 << 20, 32)),
        ("weights", coding(1, weights_bound(MEMBERS).expect("a group of 16"), 32)),
    ] {
        let mut words = vec![[0; WORD_BYTES]; VALUES.div_ceil(coding.width().lanes())];
        group.bench_function(name, |bencher| {
            bencher.iter(|| encode(&coding, &weights, &published, &SEED, false, black_box(&mut words)));
        });
    }
    group.finish();
}

fn lanes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("unpack");
    group.throughput(Throughput::Elements(VALUES as u64));
    for width in LaneWidth::ALL {
        let words = pack(width, &integers(0)).expect("small integers");
        group.bench_function(format!("{} bits", width.bits()), |bencher| {
            bencher.iter(|| unpack(width, black_box(&words), VALUES));
        });
    }
    group.finish();
}

fn masking(criterion: &mut Criterion) {
    let seeds: Vec<PairSeed> = (1..MEMBERS as usize)
        .map(|peer| {
            let sign = if peer < 8 { Sign::Minus } else { Sign::Plus };
            PairSeed { peer, seed: Zeroizing::new([peer as u8; 32]), sign }
        })
        .collect();
    let mut group = criterion.benchmark_group("mask, 15 neighbours");
    group.sample_size(10);
    for (suite, count) in [(Suite::Aes, 1 << 20), (Suite::Keccak, 1 << 13)] {
        let mut words = vec![[0; WORD_BYTES]; count];
        group.throughput(Throughput::Bytes((seeds.len() * count * WORD_BYTES) as u64));
        group.bench_function(format!("{suite:?}"), |bencher| {
            bencher.iter(|| Masker::from_seeds(suite, &seeds).mask(black_box(&mut words)));
        });
    }
    group.finish();
    let mut group = criterion.benchmark_group("a tile");
    let mut tile = [[0; WORD_BYTES]; TILE_WORDS];
    group.throughput(Throughput::Bytes((TILE_WORDS * WORD_BYTES) as u64));
    for suite in [Suite::Aes, Suite::Keccak] {
        let mut stream = Stream::new(suite, &SEED);
        group.bench_function(format!("stream {suite:?}"), |bencher| bencher.iter(|| stream.fill(black_box(&mut tile))));
    }
    let summands = vec![[[7; WORD_BYTES]; TILE_WORDS]; seeds.len()];
    group.throughput(Throughput::Bytes((seeds.len() * TILE_WORDS * WORD_BYTES) as u64));
    group.bench_function("sum of 15", |bencher| {
        bencher.iter(|| combine(black_box(&mut tile), black_box(&summands[7..]), black_box(&summands[..7])));
    });
    group.finish();
}

fn selection(criterion: &mut Criterion) {
    let (a, b) = (integers(0), integers(VALUES));
    let mut group = criterion.benchmark_group("gram");
    group.throughput(Throughput::Elements(VALUES as u64));
    group.bench_function("squared norm", |bencher| bencher.iter(|| squared_norm(black_box(&a))));
    group.bench_function("inner product", |bencher| bencher.iter(|| inner_product(black_box(&a), &b)));
    group.finish();
    let bytes = vec![7; 32 * 720 * 4];
    let mut group = criterion.benchmark_group("digest");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("chunk hashes", |bencher| bencher.iter(|| chunk_hashes(black_box(&bytes), 720)));
    group.finish();
}

criterion_group!(benches, encoding, lanes, masking, selection);
criterion_main!(benches);
