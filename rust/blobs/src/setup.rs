//! The ceremony's points, and commitments by them (B2).

use std::sync::LazyLock;

use blst::{MultiPoint, blst_p1_affine};
use ekzg_bls12_381::group::Group;
use ekzg_bls12_381::{G1Projective, G2Prepared, multi_pairings};
use ekzg_trusted_setup::TrustedSetup;

use crate::blob;
use crate::domain::interpolate;
use crate::error::Result;
use crate::field::Scalar;
use crate::point::Point;

/// Bits of a scalar.
const SCALAR_BITS: usize = 255;

static SETUP: LazyLock<Setup> = LazyLock::new(Setup::new);

/// The structured reference string of Ethereum's KZG ceremony.
struct Setup {
    /// `[tau^i]G1` for i < n.
    powers: Vec<blst_p1_affine>,
    /// G2's generator, and `[tau]G2`.
    g2: [G2Prepared; 2],
}

impl Setup {
    fn new() -> Self {
        let setup = TrustedSetup::default();
        let g2 = |power: usize| G2Prepared::from(setup.g2_monomial.get(power).copied().unwrap_or_default());
        Self { powers: setup.g1_monomial.iter().map(|point| *point.as_ref()).collect(), g2: [g2(0), g2(1)] }
    }
}

/// The commitment to the blob's polynomial, equal to `blob_to_kzg_commitment` of EIP-4844.
///
/// # Errors
/// [`crate::Error::Length`], [`crate::Error::NotCanonical`] for an element of q or above.
pub fn commit(blob: &[u8]) -> Result<Point> {
    let mut values = blob::read(blob)?;
    interpolate(&mut values);
    Ok(commit_to(&values))
}

/// The commitment to the polynomial with these at most n coefficients.
pub(crate) fn commit_to(coefficients: &[Scalar]) -> Point {
    let powers = &SETUP.powers[..coefficients.len().min(SETUP.powers.len())];
    if powers.is_empty() {
        return Point::of(&G1Projective::identity());
    }
    let scalars: Vec<u8> = coefficients.iter().flat_map(Scalar::to_bytes_le).collect();
    let mut sum = G1Projective::identity();
    *sum.as_mut() = powers.mult(&scalars, SCALAR_BITS);
    Point::of(&sum)
}

/// `[tau^i]G1` for i < n.
pub(crate) fn powers() -> &'static [blst_p1_affine] {
    &SETUP.powers
}

/// Whether `value` = `witness` times tau: that the polynomial of commitment `value` is X times that of `witness`.
pub(crate) fn is_times_tau(value: &Point, witness: &Point) -> bool {
    let [one, tau] = &SETUP.g2;
    multi_pairings(&[(&-value.0, one), (&witness.0, tau)])
}

#[cfg(test)]
mod tests {
    use ekzg_bls12_381::G2Point;
    use ekzg_bls12_381::ff::Field;
    use ekzg_bls12_381::lincomb::g1_lincomb;
    use ekzg_bls12_381::traits::PrimeCurveAffine;

    use super::{Point, SETUP, Scalar, TrustedSetup, commit_to, is_times_tau};
    use crate::domain::N;

    #[test]
    fn commitments_are_sums_of_multiples() {
        let setup = TrustedSetup::default();
        assert_eq!((setup.g1_monomial.len(), SETUP.powers.len()), (N, N));
        assert_eq!(setup.g2_monomial[0], G2Point::generator());
        for count in [0, 1, 2, 33, N] {
            let coefficients: Vec<Scalar> = (0..count).map(|place| -Scalar::from(place as u64).square()).collect();
            let expected = g1_lincomb(&setup.g1_monomial[..count], &coefficients).unwrap();
            assert_eq!(Point::of(&expected), commit_to(&coefficients));
        }
    }

    #[test]
    fn x_times_a_polynomial_is_seen() {
        let coefficients: Vec<Scalar> = (1..9).map(Scalar::from).collect();
        let shifted: Vec<Scalar> = std::iter::once(Scalar::ZERO).chain(coefficients.iter().copied()).collect();
        let (witness, value) = (commit_to(&coefficients), commit_to(&shifted));
        assert!(is_times_tau(&value, &witness));
        assert!(!is_times_tau(&witness, &value));
        assert!(is_times_tau(&commit_to(&[]), &commit_to(&[])));
    }
}
