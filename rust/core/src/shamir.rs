//! Shamir's secret sharing over the scalar field of secp256k1 (PROTOCOL.md section 5, E31).
//!
//! Source: A. Shamir, "How to share a secret", CACM 22 (1979). Coefficients are uniform in 0..n-1, the leading one and zero
//! included: leaving zero out would tell T - 1 holders something. Ids are x coordinates, from 1 to 255.

use k256::Scalar;
use k256::elliptic_curve::ops::BatchInvert;
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use crate::digest::Address;
use crate::error::{Error, Result, in_range, same_length};
use crate::keys::hexadecimal;
use crate::places::MAX_PLACES;
use crate::secret::{SecretScalar, uniform};

/// A secret polynomial of degree T - 1 whose constant term is the secret. Wiped when dropped.
pub struct Polynomial(Zeroizing<Vec<Scalar>>);

impl Polynomial {
    /// The polynomial of a secret that `threshold` shares rebuild, with coefficients from x^1 up as `rng` draws them.
    pub fn random(secret: &SecretScalar, threshold: usize, rng: &mut impl CryptoRngCore) -> Self {
        let mut coefficients = Zeroizing::new(Vec::with_capacity(threshold));
        coefficients.push(*secret.scalar());
        coefficients.extend((1..threshold).map(|_| *uniform(rng)));
        Self(coefficients)
    }

    /// The share of an id, by Horner's rule; `None` if it is 0, which has no address.
    #[must_use]
    pub fn share(&self, id: u64) -> Option<SecretScalar> {
        let x = Scalar::from(id);
        let mut sum = Zeroizing::new(Scalar::ZERO);
        for coefficient in self.0.iter().rev() {
            *sum = *sum * x + coefficient;
        }
        SecretScalar::new(*sum)
    }
}

/// The Lagrange weights at 0 of one set of T holders, for any number of secrets that they hold shares of.
#[derive(Clone, Debug)]
pub struct Weights(Vec<Scalar>);

impl Weights {
    /// The weights of the first `threshold` of these ids. T^2 small multiplications and one inversion.
    ///
    /// # Errors
    /// [`Error::TooFewShares`], [`Error::OutOfRange`] for an id of 0 or above 255, [`Error::DuplicateShare`].
    pub fn new(threshold: usize, ids: &[u64]) -> Result<Self> {
        in_range("threshold", 1, MAX_PLACES as u64, threshold as u64)?;
        for (index, &id) in ids.iter().enumerate() {
            in_range("id of a share", 1, MAX_PLACES as u64, id)?;
            if ids[..index].contains(&id) {
                return Err(Error::DuplicateShare { id });
            }
        }
        let ids = ids.get(..threshold).ok_or(Error::TooFewShares { expected: threshold, given: ids.len() })?;
        // prod_{m != k} x_m / (x_m - x_k) = (-1)^(T-1) (prod_m x_m) / (x_k prod_{m != k} (x_k - x_m))
        let nodes: Vec<u64> = [0].iter().chain(ids).copied().collect();
        let numerator = product(ids.iter().copied());
        let numerator = if threshold % 2 == 1 { numerator } else { -numerator };
        Ok(Self(barycentric(&nodes).iter().skip(1).map(|weight| numerator * weight).collect()))
    }

    /// The secret of the polynomial through these shares, in the order of the ids. Wrong shares give another one: see
    /// [`Self::rebuild`].
    ///
    /// # Errors
    /// [`Error::Length`] unless there is a share for each weight, [`Error::ZeroSecret`].
    pub fn interpolate(&self, shares: &[&SecretScalar]) -> Result<SecretScalar> {
        same_length("shares", self.0.len(), shares.len())?;
        let mut secret = Zeroizing::new(Scalar::ZERO);
        for (weight, share) in self.0.iter().zip(shares) {
            *secret += *weight * share.scalar();
        }
        SecretScalar::new(*secret).ok_or(Error::ZeroSecret)
    }

    /// [`Self::interpolate`], checked: the secret whose point has this address.
    ///
    /// # Errors
    /// Those of [`Self::interpolate`], [`Error::NotTheSecret`].
    pub fn rebuild(&self, shares: &[&SecretScalar], address: &Address) -> Result<SecretScalar> {
        let secret = self.interpolate(shares)?;
        let given = secret.address();
        if given == *address {
            Ok(secret)
        } else {
            Err(Error::NotTheSecret { expected: hexadecimal(address), given: hexadecimal(&given) })
        }
    }
}

/// `prod_{m != k} 1 / (x_k - x_m)` for each of different public nodes below 2^32, with one inversion (Montgomery's trick).
pub(crate) fn barycentric(nodes: &[u64]) -> Vec<Scalar> {
    let differences = |k: usize| {
        let others = nodes.iter().enumerate().filter(move |(m, _)| *m != k);
        let magnitude = product(others.clone().map(|(_, node)| nodes[k].abs_diff(*node)));
        let negative = others.filter(|(_, node)| **node > nodes[k]).count() % 2 == 1;
        if negative { -magnitude } else { magnitude }
    };
    let products: Vec<Scalar> = (0..nodes.len()).map(differences).collect();
    let inverses: Option<Vec<Scalar>> = <Scalar as BatchInvert<[Scalar]>>::batch_invert(&products).into_option();
    inverses.unwrap_or_default()
}

/// The product of small public factors; as many at a time as a 64-bit number holds.
fn product(factors: impl Iterator<Item = u64>) -> Scalar {
    let (mut product, mut part) = (Scalar::ONE, 1u64);
    for factor in factors {
        part = part.checked_mul(factor).unwrap_or_else(|| {
            product *= Scalar::from(part);
            factor
        });
    }
    product * Scalar::from(part)
}

#[cfg(test)]
mod tests {
    use k256::Scalar;
    use k256::elliptic_curve::PrimeField;
    use proptest::prelude::*;
    use zeroize::Zeroizing;

    use super::{Polynomial, Weights, barycentric};
    use crate::error::Error;
    use crate::secret::SecretScalar;
    use crate::simulated::SeedStream;
    use crate::testing::{cases, fixed_bytes, load, number};

    fn stream(seed: u8) -> SeedStream {
        SeedStream::new([0; 32], &[seed; 32])
    }

    fn scalar(value: u64) -> SecretScalar {
        SecretScalar::new(Scalar::from(value)).unwrap()
    }

    fn polynomial(coefficients: &[Scalar]) -> Polynomial {
        Polynomial(Zeroizing::new(coefficients.to_vec()))
    }

    /// `prod x_m / (x_m - x_k)`, with an inversion each.
    fn lagrange(ids: &[u64]) -> Vec<Scalar> {
        let weight = |k: &u64| {
            let others = ids.iter().filter(|m| *m != k).map(|m| Scalar::from(*m));
            others.fold(Scalar::ONE, |product, m| product * m * (m - Scalar::from(*k)).invert().unwrap())
        };
        ids.iter().map(weight).collect()
    }

    #[test]
    fn any_of_64_holders_rebuild_the_secret_and_one_wrong_share_shows() {
        let mut rng = stream(1);
        for threshold in [1, 2, 3, 42, 43, 63, 64] {
            let secret = SecretScalar::generate(&mut rng);
            let polynomial = Polynomial::random(&secret, threshold, &mut rng);
            for start in 0..8 {
                let ids: Vec<u64> = (0..threshold as u64).map(|k| 1 + (start * 11 + k * 27) % 64).collect();
                let mut shares: Vec<SecretScalar> = ids.iter().map(|id| polynomial.share(*id).unwrap()).collect();
                let weights = Weights::new(threshold, &ids).unwrap();
                let rebuilt = weights.rebuild(&shares.iter().collect::<Vec<_>>(), &secret.address()).unwrap();
                assert_eq!(*secret.to_bytes(), *rebuilt.to_bytes());
                let wrong = start as usize % threshold;
                shares[wrong] = SecretScalar::new(*shares[wrong].scalar() + Scalar::ONE).unwrap();
                let refused = weights.rebuild(&shares.iter().collect::<Vec<_>>(), &secret.address());
                assert!(matches!(refused, Err(Error::NotTheSecret { .. })));
            }
        }
    }

    #[test]
    fn coefficients_are_uniform_and_zero_is_one_of_them() {
        let mut rng = stream(2);
        let secret = scalar(7);
        let high = (0..500).filter(|_| {
            let drawn = Polynomial::random(&secret, 2, &mut rng);
            drawn.0[1].to_bytes()[0] >= 128
        });
        assert!((200..300).contains(&high.count()));
        let constant = polynomial(&[Scalar::from(7u64), Scalar::ZERO, Scalar::ZERO]);
        let shares: Vec<_> = (1..=3).map(|id| constant.share(id).unwrap()).collect();
        let weights = Weights::new(3, &[1, 2, 3]).unwrap();
        assert!(weights.rebuild(&shares.iter().collect::<Vec<_>>(), &secret.address()).is_ok());
    }

    #[test]
    fn sets_of_holders_that_cannot_rebuild_are_refused() {
        let refused = |threshold, ids: &[u64]| Weights::new(threshold, ids).unwrap_err();
        assert_eq!(Error::DuplicateShare { id: 4 }, refused(3, &[4, 1, 4]));
        assert_eq!(Error::DuplicateShare { id: 4 }, refused(2, &[4, 1, 4]));
        assert_eq!(Error::TooFewShares { expected: 3, given: 2 }, refused(3, &[4, 1]));
        assert!(matches!(refused(2, &[0, 1]), Error::OutOfRange { min: 1, max: 255, given: 0, .. }));
        assert!(matches!(refused(2, &[1, 256]), Error::OutOfRange { given: 256, .. }));
        assert!(matches!(refused(0, &[1]), Error::OutOfRange { name: "threshold", given: 0, .. }));
        let weights = Weights::new(2, &[1, 2, 3]).unwrap();
        assert!(matches!(weights.interpolate(&[&scalar(1)]), Err(Error::Length { expected: 2, given: 1, .. })));
        assert!(matches!(weights.interpolate(&[&scalar(1), &scalar(2)]), Err(Error::ZeroSecret)));
    }

    #[test]
    fn golden_vectors() {
        let vectors = load("recover.json");
        for case in cases(&vectors, "rebuilds") {
            let ids: Vec<u64> = cases(&case, "xs").iter().map(number).collect();
            let threshold = number(&case["threshold"]) as usize;
            let weights = Weights::new(threshold, &ids).unwrap();
            let expected: Vec<Scalar> = cases(&case, "weights").iter().map(scalar_of).collect();
            assert_eq!(expected, weights.0, "{}", case["name"]);
        }
        for case in cases(&vectors, "degree_tests") {
            let ids: Vec<u64> = cases(&case, "xs").iter().map(number).collect();
            let expected: Vec<Scalar> = cases(&case, "weights").iter().map(scalar_of).collect();
            assert_eq!(expected, barycentric(&ids), "{}", case["name"]);
        }
        for case in cases(&vectors, "zero_shares") {
            let coefficients: Vec<Scalar> = cases(&case, "coefficients").iter().map(scalar_of).collect();
            let (polynomial, zero) = (polynomial(&coefficients), number(&case["place"]));
            for place in (0..number(&case["members"])).filter(|place| *place != number(&case["dealer"])) {
                assert_eq!(place == zero, polynomial.share(place + 1).is_none());
            }
        }
    }

    fn scalar_of(value: &serde_json::Value) -> Scalar {
        Scalar::from_repr(fixed_bytes::<32>(value).into()).unwrap()
    }

    proptest! {
        #[test]
        fn one_inversion_gives_the_weights_of_many(ids in prop::collection::hash_set(1..=255u64, 1..40)) {
            let ids: Vec<u64> = ids.into_iter().collect();
            prop_assert_eq!(lagrange(&ids), Weights::new(ids.len(), &ids).unwrap().0);
        }
    }
}
