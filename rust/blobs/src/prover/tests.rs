//! The prover against slow, obvious arithmetic, and cheating provers against the verifier.

use ekzg_bls12_381::ff::Field;
use proptest::prelude::*;

use super::{N, Proof, Sumcheck, commit_to, products, prove, scalars_of, vectors};
use crate::error::Error;
use crate::field::{Scalar, evaluate, from_integer, powers};
use crate::point::{POINT_BYTES, Point};
use crate::statement::{Kind, Statement};
use crate::transcript::{Combination, Transcript};
use crate::verifier::{Parts, holds};
use crate::{blob, commit, domain, verify};

const MEMBERS: u64 = 3;
const BOUND: u64 = 1_000;

/// The sums of groups whose vectors are these values, the rest padding.
struct Session {
    statement: Statement,
    sums: Vec<Vec<u8>>,
    commitments: Vec<Point>,
}

impl Session {
    fn new(kind: Kind, groups: &[Vec<i32>], chunks: usize) -> Self {
        let statement = Statement::new(kind, [7; 32], groups.len(), MEMBERS, chunks, BOUND).unwrap();
        let blob = |values: &[i32]| blob::masked(values, MEMBERS * BOUND, 0, &[]).unwrap();
        let blobs = |values: &Vec<i32>| {
            let mut values = values.clone();
            values.resize(N * chunks, 0);
            values.chunks(N).map(blob).collect::<Vec<_>>()
        };
        let sums: Vec<Vec<u8>> = groups.iter().flat_map(blobs).collect();
        let commitments = sums.iter().map(|sum| commit(sum).unwrap()).collect();
        Self { statement, sums, commitments }
    }

    /// Three groups, two of which reach into the second chunk.
    fn example(kind: Kind, chunks: usize) -> Self {
        let vector = |seed: i32| {
            let length = if chunks == 1 { 900 } else { N as i32 + 3 * seed };
            (0..length).map(|place| (place * place + 17 * seed * place) % 5_999 - 2_999).collect()
        };
        Self::new(kind, &[0, 1, 2].map(vector), chunks)
    }

    fn prove(&self) -> Proof {
        prove(&self.statement, &self.commitments, &self.sums).unwrap()
    }

    fn takes(&self, proof: &Proof) -> bool {
        verify(&self.statement, &self.commitments, &proof.products, &proof.bytes).unwrap()
    }

    /// The transcript of a prover that claims `products`, and what it proves them by after `change`.
    fn cheat(&self, products: Vec<i128>, change: impl FnOnce(&mut Sumcheck, Scalar)) -> Proof {
        let claimed = scalars_of(&products);
        let transcript = Transcript::new(&self.statement, &self.commitments, &claimed);
        let combination = transcript.combination(&self.statement);
        let mean = combination.mean(&self.statement, &claimed);
        let vectors = vectors(&self.statement, &self.sums).unwrap();
        let mut sumcheck = Sumcheck::new(&self.statement, &vectors, &combination);
        change(&mut sumcheck, mean);
        Proof { products, bytes: sumcheck.open(transcript, mean).unwrap() }
    }
}

/// By Lagrange's formula, term by term.
fn evaluate_by_formula(values: &[i64], z: Scalar) -> Scalar {
    let term = |(place, value): (usize, &i64)| {
        let root = domain::root_of(place);
        from_integer(i128::from(*value)) * root * (z - root).invert().unwrap()
    };
    let sum: Scalar = values.iter().enumerate().map(term).sum();
    sum * (z.pow_vartime([N as u64]) - Scalar::ONE) * Scalar::from(N as u64).invert().unwrap()
}

/// Q(z), from the values alone.
fn q_by_formula(statement: &Statement, vectors: &[Vec<i64>], combination: &Combination, z: Scalar) -> Scalar {
    let mut sum = Scalar::ZERO;
    for chunk in 0..statement.chunks() {
        let values: Vec<Scalar> =
            vectors.iter().map(|values| evaluate_by_formula(&values[N * chunk..][..N], z)).collect();
        for (r, left) in values.iter().enumerate() {
            for (s, right) in values.iter().enumerate() {
                let counts = statement.kind == Kind::Gram || r == s;
                let weight = combination.left[r] * combination.right[s];
                sum += if counts { weight * left * right } else { Scalar::ZERO };
            }
        }
    }
    sum
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3))]

    #[test]
    fn q_is_s_plus_z_times_h(
        groups in prop::collection::vec(prop::collection::vec(-2_999..3_000i32, 1..50), 1..4),
        chunks in 1..3usize, gram: bool, challenges: [u64; 3],
    ) {
        let kind = if gram { Kind::Gram } else { Kind::Norms };
        let session = Session::new(kind, &groups, chunks);
        let vectors = vectors(&session.statement, &session.sums).unwrap();
        let [alpha, beta, z] = challenges.map(|seed| Scalar::from(seed | 1 << 40));
        let right = powers(if gram { beta } else { Scalar::ONE }, groups.len());
        let combination = Combination { left: powers(alpha, groups.len()), right };
        let sumcheck = Sumcheck::new(&session.statement, &vectors, &combination);
        let expected = q_by_formula(&session.statement, &vectors, &combination, z);
        let vanishing = z.pow_vartime([N as u64]) - Scalar::ONE;
        let remainder = evaluate(&sumcheck.remainder, z);
        prop_assert_eq!(expected, remainder + vanishing * evaluate(&sumcheck.quotient, z));
        let products = scalars_of(&session.prove().products);
        prop_assert_eq!(sumcheck.remainder[0], combination.mean(&session.statement, &products));
        prop_assert_eq!(sumcheck.quotient[N - 1], Scalar::ZERO);
    }

    #[test]
    fn products_are_those_of_the_vectors(
        groups in prop::collection::vec(prop::collection::vec(-2_999..3_000i32, 1..50), 1..5)
    ) {
        let product = |r: usize, s: usize| -> i128 {
            groups[r].iter().zip(&groups[s]).map(|(a, b)| i128::from(*a) * i128::from(*b)).sum()
        };
        let norms = Session::new(Kind::Norms, &groups, 1).prove().products;
        prop_assert_eq!(norms, (0..groups.len()).map(|r| product(r, r)).collect::<Vec<_>>());
        let gram = Session::new(Kind::Gram, &groups, 1).prove().products;
        let pairs = (0..groups.len()).flat_map(|r| (r..groups.len()).map(move |s| (r, s)));
        prop_assert_eq!(gram, pairs.map(|(r, s)| product(r, s)).collect::<Vec<_>>());
    }
}

#[test]
fn proofs_hold() {
    for (kind, chunks) in [(Kind::Norms, 1), (Kind::Norms, 2), (Kind::Gram, 1), (Kind::Gram, 2)] {
        let session = Session::example(kind, chunks);
        let proof = session.prove();
        assert!(session.takes(&proof));
        assert_eq!(proof.bytes.len(), 4 * POINT_BYTES + 32 * session.statement.openings());
    }
}

#[test]
fn what_is_changed_is_refused() {
    for kind in [Kind::Norms, Kind::Gram] {
        let mut session = Session::example(kind, 2);
        let proof = session.prove();
        for place in 0..proof.products.len() {
            let mut other = proof.clone();
            other.products[place] += 1;
            assert!(!session.takes(&other), "product {place}");
        }
        let words = 2 * POINT_BYTES..proof.bytes.len() - 2 * POINT_BYTES;
        let points = [0, POINT_BYTES, words.end, words.end + POINT_BYTES];
        for (place, other_point) in
            points.iter().flat_map(|place| [(*place, [0; 128]), (*place, session.commitments[0].bytes())])
        {
            let mut other = proof.clone();
            other.bytes[place..][..POINT_BYTES].copy_from_slice(&other_point);
            assert!(!session.takes(&other), "point at {place}");
        }
        for place in words.step_by(32) {
            let mut other = proof.clone();
            other.bytes[place + 31] ^= 1;
            assert!(!session.takes(&other), "value at {place}");
            other.bytes[place..place + 32].fill(0xff);
            assert!(!session.takes(&other), "no value at {place}");
        }
        for bytes in [proof.bytes[1..].to_vec(), [&proof.bytes[..], &[0]].concat(), vec![0; proof.bytes.len()], vec![]]
        {
            assert!(!session.takes(&Proof { bytes, ..proof.clone() }));
        }
        session.commitments.swap(0, 3);
        assert!(!session.takes(&proof));
    }
}

#[test]
fn proofs_are_bound_to_their_statement() {
    let session = Session::example(Kind::Norms, 1);
    let (proof, points) = (session.prove(), &session.commitments);
    let holds = |kind, context, members, bound| {
        let statement = Statement::new(kind, context, 3, members, 1, bound).unwrap();
        verify(&statement, points, &proof.products, &proof.bytes)
    };
    assert_eq!(Ok(true), holds(Kind::Norms, [7; 32], MEMBERS, BOUND));
    assert_eq!(Ok(false), holds(Kind::Norms, [8; 32], MEMBERS, BOUND));
    assert_eq!(Ok(false), holds(Kind::Norms, [7; 32], MEMBERS + 1, BOUND));
    assert_eq!(Ok(false), holds(Kind::Norms, [7; 32], MEMBERS, BOUND - 1));
    let message = holds(Kind::Gram, [7; 32], MEMBERS, BOUND).unwrap_err().to_string();
    assert_eq!(message, "products: expected 6, got 3");
}

/// The attacks of docs/BLOBS.md: whole transcripts for a wrong product.
#[test]
fn cheating_provers_are_refused() {
    for kind in [Kind::Norms, Kind::Gram] {
        let session = Session::example(kind, 2);
        let mut wrong = session.prove().products;
        wrong[1] += 12_345;
        assert!(session.takes(&session.cheat(session.prove().products, |_, _| {})));
        let honest_sum = session.cheat(wrong.clone(), |_, _| {});
        let forced = session.cheat(wrong.clone(), |sumcheck, mean| sumcheck.remainder[0] = mean);
        let shifted = session.cheat(wrong, degree_trick);
        for proof in [honest_sum, forced, shifted] {
            assert!(!session.takes(&proof));
        }
    }
}

/// A true proof about sums ten times too long: the contract takes no product that sums in range can't have.
#[test]
fn products_of_malformed_sums_are_refused() {
    let statement = Statement::new(Kind::Norms, [7; 32], 1, MEMBERS, 1, BOUND).unwrap();
    let offset = statement.range().offset();
    let blob = blob::masked(&[0; N], 11 * offset, 0, &[]).unwrap();
    let (vectors, commitments) = (vec![vec![10 * offset as i64; N]], vec![commit(&blob).unwrap()]);
    let product = products(&statement, &vectors);
    let claimed = scalars_of(&product);
    let transcript = Transcript::new(&statement, &commitments, &claimed);
    let combination = transcript.combination(&statement);
    let mean = combination.mean(&statement, &claimed);
    let bytes = Sumcheck::new(&statement, &vectors, &combination).open(transcript, mean).unwrap();
    let parts = Parts::read(&statement, &bytes).unwrap();
    assert!(holds(&statement, &commitments, &claimed, &parts));
    assert_eq!(Ok(false), verify(&statement, &commitments, &product, &bytes));
    assert_eq!(Ok(false), verify(&statement, &commitments, &[-1], &bytes));
}

/// X g with g of degree n - 1 would take up any error e: X X^(n-1) = Z + 1. S has no room for X^n, so e is lost.
fn degree_trick(sumcheck: &mut Sumcheck, mean: Scalar) {
    let (error, z) = (sumcheck.remainder[0] - mean, Scalar::from(123_456_789));
    let q = |s: &[Scalar], h: &[Scalar]| evaluate(s, z) + (z.pow_vartime([N as u64]) - Scalar::ONE) * evaluate(h, z);
    let honest = q(&sumcheck.remainder, &sumcheck.quotient);
    sumcheck.remainder[0] = mean;
    sumcheck.quotient[0] -= error;
    let beyond = error * z.pow_vartime([N as u64]);
    assert_eq!(honest, q(&sumcheck.remainder, &sumcheck.quotient) + beyond, "a check without the degree would hold");
}

#[test]
fn other_commitments_and_sums_are_named() {
    let mut session = Session::example(Kind::Gram, 1);
    let refused = |session: &Session| prove(&session.statement, &session.commitments, &session.sums).unwrap_err();
    session.commitments[1] = commit_to(&[Scalar::ONE]);
    assert_eq!(refused(&session), Error::NotTheCommitments);
    session.sums[2][0] = 1;
    assert!(refused(&session).to_string().starts_with("group 2, element 0: expected a sum of 0 to 6000, got 0x01"));
    session.sums.pop();
    assert_eq!(refused(&session).to_string(), "blobs of sums: expected 3, got 2");
}
