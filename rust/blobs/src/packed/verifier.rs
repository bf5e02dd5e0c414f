//! The verifier, which does what the contract does (B15).

use std::sync::LazyLock;

use ekzg_bls12_381::group::prime::PrimeCurveAffine;
use ekzg_bls12_381::lincomb::g1_lincomb;

use super::evidence::Evidence;
use super::lookup;
use super::statement::{Packed, weight};
use super::transcript::Challenges;
use super::weights::Weights;
use crate::error::{Result, same_length};
use crate::field::Scalar;
use crate::point::{G1Projective, Point};
use crate::setup::{commit_to, is_times_tau};
use crate::statement::scalars_of;
use crate::transcript::Transcript;

/// The commitment to the identity, a constant of the contract.
static IDENTITY: LazyLock<Point> = LazyLock::new(|| commit_to(&lookup::identity()));

/// Whether the contract takes the evidence that these are the products of the packed sums behind the commitments. Evidence
/// whose bytes are none is some that it doesn't take.
///
/// # Errors
/// [`crate::Error::Length`] unless there are R c commitments and a product for each pair of the statement.
pub fn verify(statement: &Packed, commitments: &[Point], products: &[i128], evidence: &[u8]) -> Result<bool> {
    let plain = statement.products();
    same_length("commitments of sums", statement.sums(), commitments.len())?;
    same_length("products", plain.pairs().count(), products.len())?;
    let possible = plain.pairs().zip(products).all(|((r, s), product)| plain.has(r == s, *product));
    let evidence = Evidence::read(statement, evidence).filter(|_| possible);
    Ok(evidence.is_some_and(|evidence| {
        let mut lanes = statement.places().zip(&evidence.lanes);
        let same = lanes.all(|(lane, point)| lane.digit != 0 || *point == commitments[lane.sum]);
        same && holds(statement, &scalars_of(products), &evidence)
    }))
}

/// Whether the equation of B15 is true.
fn holds(statement: &Packed, products: &[Scalar], evidence: &Evidence) -> bool {
    let mut transcript = Transcript::packed(statement, &evidence.lanes, products, &evidence.multiplicities);
    let combination = transcript.combination(statement.products());
    let mean = combination.mean(statement.products(), products);
    let xi = transcript.xi();
    let zeta = transcript.after_helpers(&evidence.helpers, &evidence.table);
    let eta = transcript.next(&[&evidence.remainder.bytes()]);
    let [lower, upper] = &evidence.quotients;
    let Some(at) = transcript.opened_at(lower, upper) else { return false };
    let delta = transcript.after_values(&evidence.values);
    let gamma = transcript.next(&[&evidence.witness.bytes(), &evidence.witness_at_zero.bytes()]);
    let z = at.z;
    let weights = Weights::new(statement, &combination, &Challenges { xi, zeta, eta, at }, &evidence.values, delta);

    let mut points: Vec<_> = evidence.lanes.iter().chain(&evidence.helpers).map(|point| point.0).collect();
    let others = [evidence.multiplicities, evidence.table, evidence.remainder, *lower, *upper, *IDENTITY];
    points.extend(others.iter().chain([&evidence.witness]).map(|point| point.0));
    points.push(PrimeCurveAffine::generator());
    let mut scalars = scalars_of_lanes(statement, &weights);
    scalars.extend(&weights.helpers);
    scalars.extend([weights.multiplicities, weights.table, weights.remainder + gamma]);
    scalars.extend(weights.quotients);
    scalars.extend([weights.identity, z, -weights.value - gamma * mean]);
    let Some(combined) = g1_lincomb(&points, &scalars) else { return false };
    let witness = G1Projective::from(evidence.witness.0) + evidence.witness_at_zero.0 * gamma;
    is_times_tau(&Point::of(&combined), &Point::of(&witness))
}

/// What W has of each point of the evidence: digits 0 are their sum less all other digits.
fn scalars_of_lanes(statement: &Packed, weights: &Weights) -> Vec<Scalar> {
    let scalar = |(lane, own): (super::statement::Lane, &Scalar)| match lane.digit {
        0 => *own,
        digit => *own - weight(digit) * weights.lanes[lane.first],
    };
    statement.places().zip(&weights.lanes).map(scalar).collect()
}
