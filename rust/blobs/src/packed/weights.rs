//! What each polynomial counts in the one that is opened, W, and W's value (B14).

use ekzg_bls12_381::ff::Field;

use super::statement::Packed;
use super::transcript::Challenges;
use crate::field::{Scalar, from_integer, powers};
use crate::statement::Kind;
use crate::transcript::Combination;

/// The factor of each polynomial in W.
pub(super) struct Weights {
    pub(super) lanes: Vec<Scalar>,
    pub(super) multiplicities: Scalar,
    pub(super) helpers: Vec<Scalar>,
    pub(super) table: Scalar,
    pub(super) remainder: Scalar,
    pub(super) quotients: [Scalar; 2],
    pub(super) identity: Scalar,
    /// W(z).
    pub(super) value: Scalar,
}

impl Weights {
    /// `values` are those of all lanes at z, and that of the identity.
    pub(super) fn new(
        statement: &Packed,
        combination: &Combination,
        x: &Challenges,
        values: &[Scalar],
        delta: Scalar,
    ) -> Self {
        let (lanes, helpers) = (statement.lanes(), statement.helpers());
        let steps = powers(delta, lanes + 2);
        let etas = powers(x.eta, helpers + 2);
        let last = steps[lanes + 1];
        let shifted: Vec<Scalar> = values.iter().map(|value| x.xi + value).collect();
        let pairs = || shifted[..lanes].chunks(2);
        let numerator = |pair: &[Scalar]| if pair.len() == 1 { Scalar::ONE } else { pair.iter().sum() };
        let numerators: Scalar = pairs().zip(&etas[1..]).map(|(pair, eta)| numerator(pair) * eta).sum();
        let opened: Scalar = values.iter().zip(&steps).map(|(value, step)| *value * step).sum();
        let of_table = etas[helpers + 1];
        Self {
            multiplicities: -last * of_table,
            helpers: pairs()
                .zip(&etas[1..])
                .map(|(pair, eta)| last * (x.zeta + pair.iter().product::<Scalar>() * eta))
                .collect(),
            table: last * (of_table * shifted[lanes] - x.zeta),
            remainder: -last,
            quotients: [-last * x.at.vanishing, -last * x.at.vanishing * (x.at.vanishing + Scalar::ONE)],
            identity: steps[lanes],
            value: opened + last * (numerators - products_at(statement, combination, values)),
            lanes: steps[..lanes].to_vec(),
        }
    }
}

/// F(z), from the values of all lanes there.
fn products_at(statement: &Packed, combination: &Combination, values: &[Scalar]) -> Scalar {
    let (groups, lanes) = (statement.products().groups(), statement.products().chunks());
    let offset = from_integer(i128::from(statement.products().range().offset()));
    let centred = |group: usize, lane: usize| values[lane * groups + group] - offset;
    let of_lane = |lane: usize| {
        let combined = |factors: &[Scalar]| (0..groups).map(|r| factors[r] * centred(r, lane)).sum::<Scalar>();
        match statement.products().kind {
            Kind::Norms => (0..groups).map(|r| combination.left[r] * centred(r, lane).square()).sum(),
            Kind::Gram => combined(&combination.left) * combined(&combination.right),
        }
    };
    (0..lanes).map(of_lane).sum()
}
