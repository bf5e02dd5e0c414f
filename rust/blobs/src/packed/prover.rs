//! The prover (B13, B14): the sumcheck of all products, the proof of range beside it, one batched opening.

use ekzg_bls12_381::ff::Field;

use super::evidence::Evidence;
use super::lookup::{Helpers, Lookup};
use super::statement::Packed;
use super::transcript::Challenges;
use super::verifier::verify;
use super::weights::Weights;
use crate::domain::N;
use crate::error::{Error, Result, same_length};
use crate::field::{Scalar, add_multiple, evaluate, quotient};
use crate::packing;
use crate::parallel;
use crate::point::Point;
use crate::products::products;
use crate::prover::{Sumcheck, both};
use crate::setup::commit_to;
use crate::statement::scalars_of;
use crate::transcript::{Combination, Transcript};

/// The products of all sums, and the evidence that they are these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// In the order of [`crate::statement::Statement::pairs`].
    pub products: Vec<i128>,
    /// The evidence's bytes: all lanes and helpers, then the rest of the proof.
    pub evidence: Vec<u8>,
}

/// Proves the products of the groups' sums.
///
/// `sums` are the R c blobs of packed sums, and `commitments` the sums of the commitments to the uploads, group after group,
/// in each chunk after chunk.
///
/// # Errors
/// [`Error::Length`], those of [`packing::values`] for a group that has to be excluded first, [`Error::NotTheCommitments`].
pub fn prove<B: AsRef<[u8]> + Sync>(statement: &Packed, commitments: &[Point], sums: &[B]) -> Result<Proof> {
    same_length("blobs of sums", statement.sums(), sums.len())?;
    same_length("commitments of sums", statement.sums(), commitments.len())?;
    let vectors = vectors(statement, sums)?;
    let products = products(statement.products(), &vectors);
    let evidence = evidence(statement, commitments, &vectors, &scalars_of(&products)).map(|found| found.bytes());
    let evidence = evidence.filter(|bytes| verify(statement, commitments, &products, bytes) == Ok(true));
    Ok(Proof { products, evidence: evidence.ok_or(Error::NotTheCommitments)? })
}

/// The centred sums of each group, all lanes in a row.
fn vectors<B: AsRef<[u8]> + Sync>(statement: &Packed, sums: &[B]) -> Result<Vec<Vec<i64>>> {
    let (range, chunks) = (statement.products().range(), statement.chunks());
    let group = |group: usize| {
        let blobs = sums[group * chunks..][..chunks].iter().enumerate();
        let values =
            |(chunk, blob): (usize, &B)| packing::values(range, blob.as_ref(), statement.lanes_of(chunk), group, chunk);
        Ok(blobs.map(values).collect::<Result<Vec<_>>>()?.concat())
    };
    parallel::each(statement.products().groups(), group).into_iter().collect()
}

/// The elements of each lane, by its number; they are numbers from 0 to 2 N Q.
fn elements(statement: &Packed, vectors: &[Vec<i64>]) -> Vec<Vec<u16>> {
    let offset = statement.products().range().offset() as i64;
    let raised = |value: &i64| (*value + offset) as u16;
    let lanes =
        (0..statement.products().chunks()).flat_map(|lane| vectors.iter().map(move |own| &own[N * lane..][..N]));
    lanes.map(|lane| lane.iter().map(raised).collect()).collect()
}

/// The evidence; none if a challenge is one of the few numbers that prove nothing.
fn evidence(statement: &Packed, sums: &[Point], vectors: &[Vec<i64>], claimed: &[Scalar]) -> Option<Evidence> {
    let lookup = Lookup::new(elements(statement, vectors));
    let places: Vec<_> = statement.places().collect();
    let lanes = parallel::each(places.len(), |number| match places[number].digit {
        0 => sums[places[number].sum],
        _ => lookup.commit(number),
    });
    let multiplicities = commit_to(&lookup.multiplicities);
    let mut transcript = Transcript::packed(statement, &lanes, claimed, &multiplicities);
    let combination = transcript.combination(statement.products());
    let helpers = lookup.helpers(transcript.xi())?;
    let points = parallel::each(helpers.pairs.len(), |pair| commit_to(&helpers.pairs[pair]));
    let table = commit_to(&helpers.table);
    let zeta = transcript.after_helpers(&points, &table);
    let sumcheck = Sumcheck::new(statement.products(), vectors, &combination);
    let mut remainder = sumcheck.remainder;
    add_multiple(&mut remainder, zeta, &helpers.difference());
    let remainder_point = commit_to(&remainder);
    let eta = transcript.next(&[&remainder_point.bytes()]);
    let mut quotients = lookup.quotient(&helpers, eta);
    add_multiple(&mut quotients[0], Scalar::ONE, &sumcheck.quotient);
    let [lower, upper] = both([&quotients[0], &quotients[1]]);
    let at = transcript.opened_at(&lower, &upper)?;
    let opening = Opening { statement, combination, lookup, helpers, remainder, quotients };
    let values = opening.values(at.z);
    let delta = transcript.after_values(&values);
    let z = at.z;
    let combined = opening.combined(&Challenges { xi: opening.helpers.xi, zeta, eta, at }, &values, delta);
    let mut from_mean = opening.remainder;
    from_mean[0] -= opening.combination.mean(statement.products(), claimed);
    let [witness, witness_at_zero] = both([&quotient(&combined, z), &quotient(&from_mean, Scalar::ZERO)]);
    Some(Evidence {
        lanes,
        helpers: points,
        multiplicities,
        table,
        remainder: remainder_point,
        quotients: [lower, upper],
        values,
        witness,
        witness_at_zero,
    })
}

/// All polynomials that are committed to.
struct Opening<'a> {
    statement: &'a Packed,
    combination: Combination,
    lookup: Lookup,
    helpers: Helpers,
    remainder: Vec<Scalar>,
    quotients: [Vec<Scalar>; 2],
}

impl Opening<'_> {
    /// At z, of all lanes and of the identity.
    fn values(&self, z: Scalar) -> Vec<Scalar> {
        let mut values = parallel::each(self.lookup.lanes.len(), |lane| evaluate(&self.lookup.lanes[lane], z));
        values.push(evaluate(&self.lookup.identity, z));
        values
    }

    /// W.
    fn combined(&self, x: &Challenges, values: &[Scalar], delta: Scalar) -> Vec<Scalar> {
        let weights = Weights::new(self.statement, &self.combination, x, values, delta);
        let of = |polynomials: &'_ [Vec<Scalar>], factors: &[Scalar]| {
            parallel::ranges(polynomials.len(), |range| {
                let mut sum = vec![Scalar::ZERO; N];
                range.for_each(|number| add_multiple(&mut sum, factors[number], &polynomials[number]));
                sum
            })
        };
        let mut sum = vec![Scalar::ZERO; N];
        let [lower, upper] = &self.quotients;
        let others = [
            (weights.multiplicities, &self.lookup.multiplicities),
            (weights.table, &self.helpers.table),
            (weights.remainder, &self.remainder),
            (weights.quotients[0], lower),
            (weights.quotients[1], upper),
            (weights.identity, &self.lookup.identity),
        ];
        others.iter().for_each(|(factor, polynomial)| add_multiple(&mut sum, *factor, polynomial));
        let parts = [of(&self.lookup.lanes, &weights.lanes), of(&self.helpers.pairs, &weights.helpers)];
        parts.iter().flatten().for_each(|part| add_multiple(&mut sum, Scalar::ONE, part));
        sum
    }
}
