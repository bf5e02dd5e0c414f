//! Policy `recover` in a group of 64, T = 43, one core: `cargo bench -p omnilytics-core --bench recovery`.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use omnilytics_core::mask::GroupContext;
use omnilytics_core::recovery::{Dealt, Keyed, MemberSecrets, simulated_dealing};
use omnilytics_core::secret::SecretScalar;
use omnilytics_core::shamir::{Polynomial, Weights};
use omnilytics_core::sharing::Dealing;

const MEMBERS: usize = 64;
const THRESHOLD: usize = 43;
const SEED: [u8; 32] = [7; 32];

struct Group {
    secrets: Vec<Arc<MemberSecrets>>,
    context: GroupContext,
    transports: Vec<[u8; 32]>,
}

impl Group {
    fn new() -> Self {
        let secrets: Vec<_> = (1..=MEMBERS as u8).map(|k| Arc::new(MemberSecrets::from_seed(&[k; 32]))).collect();
        let context = GroupContext {
            chain_id: 1,
            session: [7; 20],
            group: 0,
            place: 0,
            model_hash: [1; 32],
            peers: secrets.iter().map(|member| *member.key().public()).collect(),
        };
        let transports = secrets.iter().map(|member| *member.transport()).collect();
        Self { secrets, context, transports }
    }

    fn keyed(&self, place: usize) -> Keyed {
        let context = GroupContext { place, ..self.context.clone() };
        Keyed::new(self.secrets[place].clone(), THRESHOLD, context, self.transports.clone()).expect("a legal group")
    }

    fn dealt(&self, place: usize) -> (Dealt, Dealing) {
        self.keyed(place).deal(&mut simulated_dealing(&[place as u8; 32]))
    }
}

fn set_up(criterion: &mut Criterion) {
    let group = Group::new();
    let dealings: BTreeMap<usize, Dealing> = (1..MEMBERS).map(|place| (place, group.dealt(place).1)).collect();
    let rng = || simulated_dealing(&SEED);
    let mut bench = criterion.benchmark_group("set-up of one of 64");
    bench.bench_function("secrets", |bencher| bencher.iter(|| MemberSecrets::generate(&mut rng())));
    bench.bench_function("keys of the group", |bencher| bencher.iter(|| group.keyed(0)));
    bench.bench_function("deal", |bencher| {
        bencher.iter_batched(|| group.keyed(0), |keyed| keyed.deal(&mut rng()), BatchSize::SmallInput);
    });
    bench.bench_function("receive", |bencher| {
        let receive = |dealt: Dealt| dealt.receive(black_box(&dealings), &mut rng());
        bencher.iter_batched(|| group.dealt(0).0, receive, BatchSize::SmallInput);
    });
    bench.finish();
}

fn rebuilding(criterion: &mut Criterion) {
    let rng = &mut simulated_dealing(&SEED);
    let secrets: Vec<SecretScalar> = (0..MEMBERS).map(|_| SecretScalar::generate(rng)).collect();
    let ids: Vec<u64> = (1..=THRESHOLD as u64).map(|k| k + k / 3).collect();
    let rows: Vec<Vec<SecretScalar>> = secrets
        .iter()
        .map(|secret| {
            let polynomial = Polynomial::random(secret, THRESHOLD, rng);
            ids.iter().map(|id| polynomial.share(*id).expect("not 0")).collect()
        })
        .collect();
    let addresses: Vec<_> = secrets.iter().map(SecretScalar::address).collect();
    let rows: Vec<Vec<&SecretScalar>> = rows.iter().map(|row| row.iter().collect()).collect();
    let mut bench = criterion.benchmark_group("rebuild 64 secrets, T = 43");
    bench.bench_function("weights", |bencher| bencher.iter(|| Weights::new(THRESHOLD, black_box(&ids))));
    bench.bench_function("with weights, unchecked", |bencher| {
        bencher.iter(|| {
            let weights = Weights::new(THRESHOLD, black_box(&ids)).expect("legal ids");
            rows.iter().map(|row| weights.interpolate(row).expect("a secret")).collect::<Vec<_>>()
        });
    });
    bench.bench_function("with weights, checked", |bencher| {
        bencher.iter(|| {
            let weights = Weights::new(THRESHOLD, black_box(&ids)).expect("legal ids");
            let rebuilt = rows.iter().zip(&addresses).map(|(row, address)| weights.rebuild(row, address));
            rebuilt.collect::<Result<Vec<_>, _>>().expect("the secrets")
        });
    });
    bench.finish();
}

criterion_group!(benches, set_up, rebuilding);
criterion_main!(benches);
