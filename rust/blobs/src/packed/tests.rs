//! Proofs of packed sums: products against integers, the identity against plain arithmetic, and what is changed.

use ekzg_bls12_381::ff::Field;
use proptest::prelude::*;

use super::evidence::Evidence;
use super::lookup::Lookup;
use super::{Packed, Proof, prove, verify};
use crate::domain::{self, N};
use crate::error::Error;
use crate::field::{Scalar, evaluate};
use crate::point::{POINT_BYTES, Point};
use crate::statement::Kind;
use crate::{blob, commit, packing, short};

const MEMBERS: u64 = 3;
const BOUND: u64 = 682;

struct Session {
    statement: Packed,
    vectors: Vec<Vec<i32>>,
    sums: Vec<Vec<u8>>,
    commitments: Vec<Point>,
}

impl Session {
    /// Groups whose sums have `count` values.
    fn new(kind: Kind, groups: usize, count: usize) -> Self {
        let statement = Packed::new(kind, [7; 32], groups, MEMBERS, count.div_ceil(N), BOUND).unwrap();
        let most = (MEMBERS * BOUND) as usize;
        let value = |group: usize, at: usize| ((at * at + 17 * (group + 1) * at) % (2 * most + 1)) as i32 - most as i32;
        let vectors: Vec<Vec<i32>> = (0..groups).map(|group| (0..count).map(|at| value(group, at)).collect()).collect();
        let blobs = |vector: &Vec<i32>| {
            let blob = |chunk: &[i32]| packing::masked(chunk, MEMBERS * BOUND, 0, &[]).unwrap();
            vector.chunks(packing::LANES * N).map(blob).collect::<Vec<_>>()
        };
        let sums: Vec<Vec<u8>> = vectors.iter().flat_map(blobs).collect();
        let commitments = sums.iter().map(|sum| commit(sum).unwrap()).collect();
        Self { statement, vectors, sums, commitments }
    }

    fn prove(&self) -> Proof {
        prove(&self.statement, &self.commitments, &self.sums).unwrap()
    }

    fn takes(&self, products: &[i128], evidence: &[u8]) -> bool {
        verify(&self.statement, &self.commitments, products, evidence).unwrap()
    }
}

#[test]
fn products_are_those_of_the_vectors() {
    for (groups, count) in [(1, 1), (1, N + 1), (2, 2 * N), (3, 3 * N - 5)] {
        for kind in [Kind::Norms, Kind::Gram] {
            let session = Session::new(kind, groups, count);
            let proof = session.prove();
            let product = |(r, s): (usize, usize)| -> i128 {
                let pairs = session.vectors[r].iter().zip(&session.vectors[s]);
                pairs.map(|(a, b)| i128::from(*a) * i128::from(*b)).sum()
            };
            assert_eq!(session.statement.products().pairs().map(product).collect::<Vec<_>>(), proof.products);
            assert_eq!(session.statement.evidence_bytes(), proof.evidence.len());
            assert!(session.takes(&proof.products, &proof.evidence));
        }
    }
}

/// More than 21 lanes: a second blob, whose digit 0 is implied too.
#[test]
fn lanes_of_two_blobs() {
    let session = Session::new(Kind::Gram, 2, 21 * N + 9);
    let proof = session.prove();
    assert_eq!((session.statement.lanes(), session.statement.chunks()), (44, 2));
    assert!(session.takes(&proof.products, &proof.evidence));
    for (place, sum) in [(0, 0), (1, 2), (42, 1), (43, 3)] {
        assert_eq!(proof.evidence[POINT_BYTES * place..][..POINT_BYTES], session.commitments[sum].bytes());
    }
}

/// Many lanes, whose commitments are made another way.
#[test]
fn many_lanes_have_the_same_commitments() {
    let elements = |lane: u16| (0..N as u16).map(|place| place.wrapping_mul(lane + 3) % 4_096).collect::<Vec<_>>();
    let few = Lookup::new((0..3).map(elements).collect());
    let many = Lookup::new((0..short::MANY as u16).map(elements).collect());
    for lane in 0..3 {
        assert_eq!(few.commit(lane), many.commit(lane));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    /// What is zero on H is Z times its quotient, at any point; fractions of lanes and of the table have one sum.
    #[test]
    fn the_lookup_is_an_identity(seeds in prop::collection::vec(0..4096usize, 1..30), lanes in 1..4usize, at: [u64; 3]) {
        let element = |lane: usize, place: usize| (seeds[place % seeds.len()] + lane * place) % N;
        let elements = (0..lanes).map(|lane| (0..N).map(|place| element(lane, place) as u16).collect()).collect();
        let [xi, eta, z] = at.map(|seed| Scalar::from(seed | 1 << 40));
        let lookup = Lookup::new(elements);
        let helpers = lookup.helpers(xi).unwrap();
        let value = |polynomial: &[Scalar]| evaluate(polynomial, z);
        let shifted: Vec<Scalar> = lookup.lanes.iter().map(|lane| xi + value(lane)).collect();
        let mut expected = Scalar::ZERO;
        for (index, pair) in shifted.chunks(2).enumerate() {
            let numerator = if pair.len() == 1 { Scalar::ONE } else { pair[0] + pair[1] };
            let zero = value(&helpers.pairs[index]) * pair.iter().product::<Scalar>() - numerator;
            expected += eta.pow_vartime([index as u64 + 1]) * zero;
        }
        let table = value(&helpers.table) * (xi + value(&lookup.identity)) - value(&lookup.multiplicities);
        expected += eta.pow_vartime([helpers.pairs.len() as u64 + 1]) * table;
        let [lower, upper] = lookup.quotient(&helpers, eta);
        let power = z.pow_vartime([N as u64]);
        prop_assert_eq!(expected, (power - Scalar::ONE) * (value(&lower) + power * value(&upper)));
        prop_assert_eq!(helpers.difference()[0], Scalar::ZERO);
        prop_assert_eq!(upper[N - 2..].to_vec(), vec![Scalar::ZERO; 2]);
    }
}

/// xi = -t is the only challenge that proves nothing.
#[test]
fn a_challenge_without_inverses_is_seen() {
    let lookup = Lookup::new(vec![vec![5; N]]);
    assert!(lookup.helpers(-Scalar::from(4_095)).is_none() && lookup.helpers(Scalar::ZERO).is_none());
    assert!(lookup.helpers(-Scalar::from(4_096)).is_some());
    let mut identity = lookup.identity;
    domain::evaluate(&mut identity);
    assert_eq!(identity, (0..N as u64).map(Scalar::from).collect::<Vec<_>>());
}

#[test]
fn what_is_changed_is_refused() {
    let session = Session::new(Kind::Gram, 1, 2 * N + 1);
    let proof = session.prove();
    let evidence = Evidence::read(&session.statement, &proof.evidence).unwrap();
    assert_eq!(proof.evidence, evidence.bytes());
    let refused = |bytes: &[u8]| assert!(!session.takes(&proof.products, bytes));
    // three lanes, two helpers, m, g, S, q0, q1; four values; both witnesses
    let values = 10 * POINT_BYTES..10 * POINT_BYTES + 4 * 32;
    for place in (0..values.start).chain(values.end..proof.evidence.len()).step_by(POINT_BYTES) {
        let own = &proof.evidence[place..][..POINT_BYTES];
        let other = proof.evidence[..values.start].chunks(POINT_BYTES).find(|point| *point != own).unwrap();
        for point in [&[0; POINT_BYTES], other] {
            refused(&[&proof.evidence[..place], point, &proof.evidence[place + POINT_BYTES..]].concat());
        }
    }
    for place in values.step_by(32) {
        let mut bytes = proof.evidence.clone();
        bytes[place + 31] ^= 1;
        refused(&bytes);
        bytes[place..place + 32].fill(0xff);
        refused(&bytes);
    }
    for bytes in [&proof.evidence[1..], &[&proof.evidence[..], &[0]].concat(), &[0; 99], &[]] {
        refused(bytes);
    }
    for products in [proof.products[0] + 1, -1, i128::MAX] {
        assert!(!session.takes(&[products], &proof.evidence));
    }
    let others = Session::new(Kind::Gram, 1, 2 * N + 2);
    assert!(!others.takes(&proof.products, &proof.evidence));
}

#[test]
fn proofs_are_bound_to_their_statement() {
    let session = Session::new(Kind::Norms, 1, N + 1);
    let proof = session.prove();
    let holds = |kind, context, members, lanes, bound| {
        let statement = Packed::new(kind, context, 1, members, lanes, bound).unwrap();
        verify(&statement, &session.commitments, &proof.products, &proof.evidence).unwrap()
    };
    assert!(holds(Kind::Norms, [7; 32], MEMBERS, 2, BOUND));
    assert!(!holds(Kind::Gram, [7; 32], MEMBERS, 2, BOUND));
    assert!(!holds(Kind::Norms, [8; 32], MEMBERS, 2, BOUND));
    assert!(!holds(Kind::Norms, [7; 32], MEMBERS - 1, 2, BOUND));
    assert!(!holds(Kind::Norms, [7; 32], MEMBERS, 3, BOUND));
    assert!(!holds(Kind::Norms, [7; 32], MEMBERS, 2, BOUND - 1));
}

#[test]
fn other_commitments_and_sums_are_named() {
    let mut session = Session::new(Kind::Norms, 2, N + 1);
    let refused = |session: &Session| prove(&session.statement, &session.commitments, &session.sums).unwrap_err();
    session.commitments.swap(0, 1);
    assert_eq!(refused(&session), Error::NotTheCommitments);
    session.sums[1] = blob::masked(&[0; N], 100, 0, &[]).unwrap();
    assert!(refused(&session) == Error::NotTheCommitments);
    session.sums[1] = blob::masked(&[1; N], i32::MAX as u64, 0, &[]).unwrap();
    assert!(refused(&session).to_string().starts_with("group 1, element 0: expected nothing above 2 digits"));
    session.sums[1] = packing::masked(&[0; N], 2_047, 0, &[]).unwrap();
    assert_eq!(refused(&session), Error::NotTheCommitments);
    session.sums.pop();
    assert_eq!(refused(&session).to_string(), "blobs of sums: expected 2, got 1");
    let message = verify(&session.statement, &session.commitments[1..], &[0; 2], &[]).unwrap_err().to_string();
    assert_eq!(message, "commitments of sums: expected 2, got 1");
}
