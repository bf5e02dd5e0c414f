//! That all elements of all lanes are numbers from 0 to 4095, which are the elements of the identity's blob: the sum of
//! 1 / (xi + T(x)) over lanes and places is that of m(x) / (xi + id(x)), m being how often each number occurs (B14).

use ekzg_bls12_381::batch_inversion::batch_inverse;
use ekzg_bls12_381::ff::Field;

use crate::domain::{self, Coset, N, interpolate};
use crate::field::{Scalar, add_multiple, powers};
use crate::parallel;
use crate::point::Point;
use crate::setup::commit_to;
use crate::short::{self, commit_short};

/// The lanes, and how often each number is among their elements; coefficients, lowest first.
pub(super) struct Lookup {
    pub(super) lanes: Vec<Vec<Scalar>>,
    pub(super) identity: Vec<Scalar>,
    pub(super) multiplicities: Vec<Scalar>,
    elements: Vec<Vec<u16>>,
    counts: Vec<u64>,
}

/// The inverses by which sums of fractions are sums of elements, and their challenge.
pub(super) struct Helpers {
    pub(super) xi: Scalar,
    /// Of each two lanes: 1 / (xi + T) + 1 / (xi + T').
    pub(super) pairs: Vec<Vec<Scalar>>,
    /// m / (xi + id).
    pub(super) table: Vec<Scalar>,
}

/// The coefficients of the polynomial with these values on H.
fn polynomial(values: impl Iterator<Item = Scalar>) -> Vec<Scalar> {
    let mut values: Vec<Scalar> = values.collect();
    interpolate(&mut values);
    values
}

/// The identity: element t of its blob is t.
pub(super) fn identity() -> Vec<Scalar> {
    polynomial((0..N as u64).map(Scalar::from))
}

impl Lookup {
    /// Of lanes whose elements are all below n.
    pub(super) fn new(elements: Vec<Vec<u16>>) -> Self {
        let mut counts = vec![0_u64; N];
        elements.iter().flatten().for_each(|element| counts[usize::from(*element)] += 1);
        let lane = |lane: usize| polynomial(elements[lane].iter().map(|element| Scalar::from(u64::from(*element))));
        Self {
            lanes: parallel::each(elements.len(), lane),
            identity: identity(),
            multiplicities: polynomial(counts.iter().map(|count| Scalar::from(*count))),
            elements,
            counts,
        }
    }

    /// The commitment to a lane, as fast as for that many lanes it is.
    pub(super) fn commit(&self, lane: usize) -> Point {
        if self.lanes.len() < short::MANY {
            return commit_to(&self.lanes[lane]);
        }
        commit_short(&self.elements[lane])
    }

    /// The helpers; none if xi is minus one of the numbers, where nothing is proven.
    pub(super) fn helpers(&self, xi: Scalar) -> Option<Helpers> {
        let mut inverses: Vec<Scalar> = (0..N as u64).map(|number| xi + Scalar::from(number)).collect();
        if inverses.contains(&Scalar::ZERO) {
            return None;
        }
        batch_inverse(&mut inverses);
        let inverse = |lane: usize, place: usize| inverses[usize::from(self.elements[lane][place])];
        let pair = |pair: usize| {
            let lanes = 2 * pair..self.lanes.len().min(2 * pair + 2);
            polynomial((0..N).map(|place| lanes.clone().map(|lane| inverse(lane, place)).sum()))
        };
        let table = self.counts.iter().zip(&inverses).map(|(count, inverse)| Scalar::from(*count) * inverse);
        Some(Helpers { xi, pairs: parallel::each(self.lanes.len().div_ceil(2), pair), table: polynomial(table) })
    }

    /// What is zero on all of H, weighed by powers of eta, divided by Z: its lower and its upper n coefficients.
    pub(super) fn quotient(&self, helpers: &Helpers, eta: Scalar) -> [Vec<Scalar>; 2] {
        let etas = powers(eta, helpers.pairs.len() + 2);
        let mut parts = parallel::ranges(helpers.pairs.len(), |range| {
            let mut sums = [vec![Scalar::ZERO; N], vec![Scalar::ZERO; N]];
            for (sums, coset) in sums.iter_mut().zip(domain::cosets()) {
                range.clone().for_each(|pair| self.add_pair(sums, coset, helpers, pair, etas[pair + 1]));
            }
            sums
        });
        let mut of_table = [vec![Scalar::ZERO; N], vec![Scalar::ZERO; N]];
        for (sums, coset) in of_table.iter_mut().zip(domain::cosets()) {
            self.add_table(sums, coset, helpers, etas[helpers.pairs.len() + 1]);
        }
        parts.push(of_table);
        let mut whole = [vec![Scalar::ZERO; N], vec![Scalar::ZERO; N]];
        for part in parts {
            whole.iter_mut().zip(&part).for_each(|(sums, part)| add_multiple(sums, Scalar::ONE, part));
        }
        divided(whole)
    }

    /// h (xi + T) (xi + T') - (xi + T) - (xi + T'), or h (xi + T) - 1.
    fn add_pair(&self, sums: &mut [Scalar], coset: &Coset, helpers: &Helpers, pair: usize, weight: Scalar) {
        let on_coset = |polynomial: &[Scalar], constant: Scalar| values_on(coset, polynomial, constant);
        let helper = on_coset(&helpers.pairs[pair], Scalar::ZERO);
        let first = on_coset(&self.lanes[2 * pair], helpers.xi);
        match self.lanes.get(2 * pair + 1) {
            Some(second) => {
                let second = on_coset(second, helpers.xi);
                let factors = first.iter().zip(&second);
                for ((sum, helper), (a, b)) in sums.iter_mut().zip(&helper).zip(factors) {
                    *sum += weight * (*helper * a * b - *a - *b);
                }
            }
            None => {
                for ((sum, helper), a) in sums.iter_mut().zip(&helper).zip(&first) {
                    *sum += weight * (*helper * a - Scalar::ONE);
                }
            }
        }
    }

    /// g (xi + id) - m.
    fn add_table(&self, sums: &mut [Scalar], coset: &Coset, helpers: &Helpers, weight: Scalar) {
        let identity = values_on(coset, &self.identity, helpers.xi);
        let table = values_on(coset, &helpers.table, Scalar::ZERO);
        let multiplicities = values_on(coset, &self.multiplicities, Scalar::ZERO);
        for ((sum, m), (g, id)) in sums.iter_mut().zip(&multiplicities).zip(table.iter().zip(&identity)) {
            *sum += weight * (*g * id - *m);
        }
    }
}

impl Helpers {
    /// The sum of all fractions of lanes less those of the table.
    pub(super) fn difference(&self) -> Vec<Scalar> {
        let mut sum: Vec<Scalar> = self.table.iter().map(|coefficient| -*coefficient).collect();
        self.pairs.iter().for_each(|pair| add_multiple(&mut sum, Scalar::ONE, pair));
        sum
    }
}

fn values_on(coset: &Coset, polynomial: &[Scalar], constant: Scalar) -> Vec<Scalar> {
    let mut values = polynomial.to_vec();
    values[0] += constant;
    coset.evaluate(&mut values);
    values
}

/// The quotient by Z of a polynomial with these values on the two cosets, where it is q0 + X^n q1 with X^n a constant.
fn divided(mut values: [Vec<Scalar>; 2]) -> [Vec<Scalar>; 2] {
    let [first, second] = domain::cosets().each_ref().map(|coset| coset.power);
    // neither X^n - 1 on a coset nor the difference of both is 0
    let inverse = |number: Scalar| number.invert().unwrap_or(Scalar::ZERO);
    for (values, coset) in values.iter_mut().zip(domain::cosets()) {
        let scale = inverse(coset.power - Scalar::ONE);
        values.iter_mut().for_each(|value| *value *= scale);
        coset.interpolate(values);
    }
    let scale = inverse(second - first);
    let [mut lower, mut upper] = values;
    for (low, high) in lower.iter_mut().zip(&mut upper) {
        *high = (*high - *low) * scale;
        *low -= first * *high;
    }
    [lower, upper]
}
