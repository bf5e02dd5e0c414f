//! The verifier, which does what the contract does (B7).

use ekzg_bls12_381::group::prime::PrimeCurveAffine;
use ekzg_bls12_381::lincomb::g1_lincomb;

use crate::error::{Result, same_length};
use crate::field::{Scalar, WORD_BYTES, from_integer, from_word, powers};
use crate::point::{G1Projective, POINT_BYTES, Point};
use crate::setup::is_times_tau;
use crate::statement::{Kind, Statement, scalars_of};
use crate::transcript::{Combination, Transcript};

/// A proof that is well formed.
pub(crate) struct Parts {
    remainder: Point,
    quotient: Point,
    values: Vec<Scalar>,
    witness: Point,
    witness_at_zero: Point,
}

/// Whether the contract takes the proof that these are the products of the sums behind the commitments. A proof whose bytes
/// are none is one that it doesn't take.
///
/// # Errors
/// [`crate::Error::Length`] unless there are R c commitments and a product for each of [`Statement::pairs`].
pub fn verify(statement: &Statement, commitments: &[Point], products: &[i128], proof: &[u8]) -> Result<bool> {
    same_length("commitments of sums", statement.commitments(), commitments.len())?;
    same_length("products", statement.pairs().count(), products.len())?;
    let possible = statement.pairs().zip(products).all(|((r, s), product)| statement.has(r == s, *product));
    let parts = Parts::read(statement, proof).filter(|_| possible);
    Ok(parts.is_some_and(|parts| holds(statement, commitments, &scalars_of(products), &parts)))
}

/// Whether the equation of B7 is true.
pub(crate) fn holds(statement: &Statement, commitments: &[Point], products: &[Scalar], parts: &Parts) -> bool {
    let mut transcript = Transcript::new(statement, commitments, products);
    let combination = transcript.combination(statement);
    let mean = combination.mean(statement, products);
    let Some(at) = transcript.opened_at(&parts.remainder, &parts.quotient) else { return false };
    let deltas = powers(transcript.after_values(&parts.values), statement.openings() + 1);
    let gamma = transcript.next(&[&parts.witness.bytes(), &parts.witness_at_zero.bytes()]);

    let last = deltas[statement.openings()];
    let mut scalars = scalars_of_sums(statement, &combination, &parts.values, &deltas);
    let center = -from_integer(i128::from(statement.range().offset())) * scalars.iter().sum::<Scalar>();
    let value: Scalar = parts.values.iter().zip(&deltas).map(|(value, delta)| *value * delta).sum();
    let mut points: Vec<_> = commitments.iter().map(|point| point.0).collect();
    points.extend([parts.remainder.0, parts.quotient.0, parts.witness.0, PrimeCurveAffine::generator()]);
    scalars.extend([gamma - last, -last * at.vanishing, at.z, center - value - gamma * mean]);
    let Some(combined) = g1_lincomb(&points, &scalars) else { return false };
    let witness = G1Projective::from(parts.witness.0) + parts.witness_at_zero.0 * gamma;
    is_times_tau(&Point::of(&combined), &Point::of(&witness))
}

/// What W has of each commitment.
fn scalars_of_sums(
    statement: &Statement,
    combination: &Combination,
    values: &[Scalar],
    deltas: &[Scalar],
) -> Vec<Scalar> {
    let last = deltas[statement.openings()];
    let scalar = |index: usize| {
        let (group, chunk) = (index / statement.chunks(), index % statement.chunks());
        match statement.kind {
            Kind::Norms => deltas[index] + last * combination.left[group] * values[index],
            Kind::Gram => deltas[chunk] * combination.left[group] + last * values[chunk] * combination.right[group],
        }
    };
    (0..statement.commitments()).map(scalar).collect()
}

impl Parts {
    pub(crate) fn read(statement: &Statement, proof: &[u8]) -> Option<Self> {
        let count = statement.openings();
        if proof.len() != 4 * POINT_BYTES + WORD_BYTES * count {
            return None;
        }
        let (first, rest) = proof.split_at(2 * POINT_BYTES);
        let (words, witnesses) = rest.split_at(WORD_BYTES * count);
        let point = |bytes: &[u8], index: usize| {
            let bytes = bytes.as_chunks().0.get(index)?;
            Point::from_bytes("point", bytes).ok()
        };
        let words = words.as_chunks().0.iter().enumerate();
        Some(Self {
            remainder: point(first, 0)?,
            quotient: point(first, 1)?,
            values: words.map(|(index, word)| from_word(word, index).ok()).collect::<Option<_>>()?,
            witness: point(witnesses, 0)?,
            witness_at_zero: point(witnesses, 1)?,
        })
    }
}
