//! The prover: one univariate sumcheck for all products, one batched opening (B3-B6).
//!
//! Source of the sumcheck: E. Ben-Sasson et al., "Aurora", EUROCRYPT 2019, section 5; of opening a product of committed
//! polynomials by linearisation: A. Gabizon, Z. Williamson, O. Ciobotaru, "PLONK", 2019, section 8.

use ekzg_bls12_381::ff::Field;

use crate::domain::{self, N};
use crate::error::{Error, Result, same_length};
use crate::field::{Scalar, add_multiple, evaluate, from_integer, powers, quotient};
use crate::parallel;
use crate::point::Point;
use crate::products::products;
use crate::setup::commit_to;
use crate::statement::{Kind, Statement, scalars_of};
use crate::transcript::{Combination, Transcript};
use crate::verifier::verify;

/// The products of all sums, and the proof of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// In the order of [`Statement::pairs`].
    pub products: Vec<i128>,
    /// The proof's bytes: `[S]`, `[h]`, values at z, both witnesses.
    pub bytes: Vec<u8>,
}

/// Proves the products of the groups' sums.
///
/// `sums` are the R c blobs of sums, and `commitments` the sums of the commitments to the uploads, group after group, in each
/// chunk after chunk.
///
/// # Errors
/// [`Error::Length`], [`Error::SumOutOfRange`] for a group that has to be excluded first, [`Error::NotTheCommitments`].
pub fn prove<B: AsRef<[u8]> + Sync>(statement: &Statement, commitments: &[Point], sums: &[B]) -> Result<Proof> {
    same_length("blobs of sums", statement.commitments(), sums.len())?;
    same_length("commitments of sums", statement.commitments(), commitments.len())?;
    let vectors = vectors(statement, sums)?;
    let products = products(statement, &vectors);
    let claimed = scalars_of(&products);
    let transcript = Transcript::new(statement, commitments, &claimed);
    let combination = transcript.combination(statement);
    let mean = combination.mean(statement, &claimed);
    let bytes = Sumcheck::new(statement, &vectors, &combination).open(transcript, mean);
    let bytes = bytes.filter(|bytes| verify(statement, commitments, &products, bytes) == Ok(true));
    Ok(Proof { products, bytes: bytes.ok_or(Error::NotTheCommitments)? })
}

/// The centred sums of each group, all chunks in a row.
pub(crate) fn vectors<B: AsRef<[u8]> + Sync>(statement: &Statement, sums: &[B]) -> Result<Vec<Vec<i64>>> {
    let (range, chunks) = (statement.range(), statement.chunks());
    let group = |group: usize| {
        let blobs = sums[group * chunks..][..chunks].iter().enumerate();
        let values =
            blobs.map(|(chunk, blob)| range.values(blob.as_ref(), group, chunk)).collect::<Result<Vec<_>>>()?;
        Ok(values.concat())
    };
    parallel::each(statement.groups(), group).into_iter().collect()
}

/// A summand of Q, T times its partner; T is opened.
struct Term {
    opened: Vec<Scalar>,
    partner: Partner,
}

enum Partner {
    /// A polynomial of its own: B_j beside A_j.
    Other(Vec<Scalar>),
    /// This times T: alpha^r U beside U.
    Multiple(Scalar),
}

/// Q = S + Z h. All polynomials are coefficients, lowest first.
pub(crate) struct Sumcheck {
    terms: Vec<Term>,
    /// S, of degree below n: S(0) is the mean of Q over H.
    pub(crate) remainder: Vec<Scalar>,
    /// h.
    pub(crate) quotient: Vec<Scalar>,
}

/// The terms of a range, and their sum's values on H and on the coset.
struct Part {
    terms: Vec<Term>,
    on_domain: Vec<Scalar>,
    on_coset: Vec<Scalar>,
}

impl Sumcheck {
    pub(crate) fn new(statement: &Statement, vectors: &[Vec<i64>], combination: &Combination) -> Self {
        let mut parts = parallel::ranges(statement.openings(), |range| {
            let mut part = Part::new();
            range.for_each(|index| part.push(statement, vectors, combination, index));
            part
        });
        let mut whole = parts.drain(..1).next().unwrap_or_else(Part::new);
        for part in parts {
            whole.terms.extend(part.terms);
            add_multiple(&mut whole.on_domain, Scalar::ONE, &part.on_domain);
            add_multiple(&mut whole.on_coset, Scalar::ONE, &part.on_coset);
        }
        let mut remainder = whole.on_domain;
        domain::interpolate(&mut remainder);
        let mut quotient = remainder.clone();
        domain::evaluate_on_coset(&mut quotient);
        // Z is -2 on the coset: h = (S - Q) / 2
        let half = Scalar::from(2).invert().unwrap_or(Scalar::ZERO);
        quotient.iter_mut().zip(&whole.on_coset).for_each(|(s, q)| *s = (*s - *q) * half);
        domain::interpolate_on_coset(&mut quotient);
        Self { terms: whole.terms, remainder, quotient }
    }

    /// The proof's bytes; none if z is in H.
    pub(crate) fn open(self, mut transcript: Transcript, mean: Scalar) -> Option<Vec<u8>> {
        let [remainder, quotient_of] = both([&self.remainder, &self.quotient]);
        let at = transcript.opened_at(&remainder, &quotient_of)?;
        let values = parallel::each(self.terms.len(), |index| evaluate(&self.terms[index].opened, at.z));
        let delta = transcript.after_values(&values);
        let combined = self.combined(&values, delta, at.vanishing);
        let mut from_mean = self.remainder;
        from_mean[0] -= mean;
        let witnesses = both([&quotient(&combined, at.z), &quotient(&from_mean, Scalar::ZERO)]);
        let points = |points: [Point; 2]| points.iter().flat_map(Point::bytes).collect::<Vec<u8>>();
        let values = values.iter().flat_map(Scalar::to_bytes_be).collect();
        Some([points([remainder, quotient_of]), values, points(witnesses)].concat())
    }

    /// W, whose value at z is the sum of delta^m a_m.
    fn combined(&self, values: &[Scalar], delta: Scalar, vanishing: Scalar) -> Vec<Scalar> {
        let powers = powers(delta, self.terms.len() + 1);
        let last = powers[self.terms.len()];
        let mut parts = parallel::ranges(self.terms.len(), |range| {
            let mut sum = vec![Scalar::ZERO; N];
            for index in range {
                let (term, weight) = (&self.terms[index], last * values[index]);
                match &term.partner {
                    Partner::Other(partner) => {
                        add_multiple(&mut sum, powers[index], &term.opened);
                        add_multiple(&mut sum, weight, partner);
                    }
                    Partner::Multiple(factor) => {
                        add_multiple(&mut sum, powers[index] + weight * factor, &term.opened);
                    }
                }
            }
            sum
        });
        parts.push(self.remainder.iter().zip(&self.quotient).map(|(s, h)| -last * (*s + vanishing * h)).collect());
        let mut sum = vec![Scalar::ZERO; N];
        parts.iter().for_each(|part| add_multiple(&mut sum, Scalar::ONE, part));
        sum
    }
}

impl Part {
    fn new() -> Self {
        Self { terms: Vec::new(), on_domain: vec![Scalar::ZERO; N], on_coset: vec![Scalar::ZERO; N] }
    }

    fn push(&mut self, statement: &Statement, vectors: &[Vec<i64>], combination: &Combination, index: usize) {
        let chunk_of = |group: usize, chunk: usize| {
            vectors[group][N * chunk..][..N].iter().map(|value| from_integer(i128::from(*value))).collect::<Vec<_>>()
        };
        match statement.kind {
            Kind::Norms => {
                let (group, chunk) = (index / statement.chunks(), index % statement.chunks());
                let factor = combination.left[group];
                let mut opened = chunk_of(group, chunk);
                add_squares(&mut self.on_domain, factor, &opened);
                domain::interpolate(&mut opened);
                let mut on_coset = opened.clone();
                domain::evaluate_on_coset(&mut on_coset);
                add_squares(&mut self.on_coset, factor, &on_coset);
                self.terms.push(Term { opened, partner: Partner::Multiple(factor) });
            }
            Kind::Gram => {
                let mut pair = [vec![Scalar::ZERO; N], vec![Scalar::ZERO; N]];
                for group in 0..statement.groups() {
                    let values = chunk_of(group, index);
                    add_multiple(&mut pair[0], combination.left[group], &values);
                    add_multiple(&mut pair[1], combination.right[group], &values);
                }
                add_products(&mut self.on_domain, &pair);
                pair.iter_mut().for_each(|polynomial| domain::interpolate(polynomial));
                let mut on_coset = pair.clone();
                on_coset.iter_mut().for_each(|polynomial| domain::evaluate_on_coset(polynomial));
                add_products(&mut self.on_coset, &on_coset);
                let [opened, partner] = pair;
                self.terms.push(Term { opened, partner: Partner::Other(partner) });
            }
        }
    }
}

fn add_squares(sums: &mut [Scalar], factor: Scalar, values: &[Scalar]) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += factor * value.square());
}

fn add_products(sums: &mut [Scalar], pair: &[Vec<Scalar>; 2]) {
    sums.iter_mut().zip(pair[0].iter().zip(&pair[1])).for_each(|(sum, (a, b))| *sum += *a * b);
}

/// The commitments to two polynomials, each on a core of its own.
pub(crate) fn both(polynomials: [&[Scalar]; 2]) -> [Point; 2] {
    let points = parallel::each(2, |index| commit_to(polynomials[index]));
    [points[0], points[1]]
}

#[cfg(test)]
mod tests;
