//! What a receiver checks of the dealings of its group (PROTOCOL.md section 5): all at once, one by one only to find who is
//! to be objected to.
//!
//! Degree test: I. Cascudo and B. David, "SCRAPE", ACNS 2017, section 2.1. That of many polynomials together takes random
//! multiples, each with probability 2^-l at most: that is the probability with which a dealer passes whose points have too
//! high a degree. One objection dissolves the group, so that it would have to pass with each honest receiver, whose draws are
//! independent. At most T - 2 members collude, so that among |S| sharers h = |S| - (T - 2) >= 2 are honest: with l = 64 / h
//! none of them objects with probability 2^-64; l is 5 at least. What such a dealer gains is a failed group, for its bond: the
//! contract names it when its secret doesn't rebuild.

use k256::elliptic_curve::ops::MulByGenerator;
use k256::{ProjectivePoint, Scalar};
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use crate::error::Objection;
use crate::msm::{FULL_DIGITS, Point, Sum, digits_of, evaluate};
use crate::secret::uniform;
use crate::shamir::barycentric;
use crate::sharing::{SharePair, SharePoints, Shared, coordinates, holders};

const BOTH: [Shared; 2] = [Shared::MaskKey, Shared::SelfMask];

/// With probability 2^-64 no honest receiver objects to points of too high a degree.
const SECURITY_BITS: usize = 64;

/// A dealing that has been opened.
pub(crate) struct Opened {
    pub(crate) points: SharePoints,
    pub(crate) pair: SharePair,
    /// PK of the dealer.
    pub(crate) key: Point,
}

/// What a polynomial is multiplied by before it is added to others: a number times one of the curve's six automorphisms,
/// which cost next to nothing.
#[derive(Clone, Copy)]
struct Multiple {
    magnitude: u64,
    turns: u32,
    negative: bool,
}

impl Multiple {
    const ONE: Self = Self { magnitude: 1, turns: 0, negative: false };

    /// Each multiple with probability 2^-`bits` at most.
    fn random(bits: usize, rng: &mut impl CryptoRngCore) -> Self {
        let magnitudes = 1 << bits.saturating_sub(2).min(62);
        Self {
            magnitude: 1 + rng.next_u64() % magnitudes,
            turns: rng.next_u32() % 3,
            negative: rng.next_u32() % 2 == 1,
        }
    }
}

/// A receiver's group, and where it is in it.
#[derive(Clone, Copy)]
pub(crate) struct Receiver {
    pub(crate) members: usize,
    pub(crate) place: usize,
    pub(crate) threshold: usize,
}

impl Receiver {
    /// The objections to dealings whose shares aren't those of their points, or whose points have too high a degree.
    pub(crate) fn objections(&self, opened: &[Opened], rng: &mut impl CryptoRngCore) -> Vec<(usize, Objection)> {
        let mut found = Vec::new();
        if !self.shares_hold(opened, rng) {
            found.extend(opened.iter().filter_map(|dealing| Some((dealing.points.dealer, self.wrong_share(dealing)?))));
        }
        let honest = (opened.len() + 3).saturating_sub(self.threshold).max(1);
        let bits = SECURITY_BITS.div_ceil(honest);
        let all: Vec<_> = opened.iter().flat_map(|dealing| BOTH.map(|shared| (dealing, shared))).collect();
        let together: Vec<_> = all.iter().map(|(it, shared)| (*it, *shared, Multiple::random(bits, rng))).collect();
        if !self.degrees_hold(&together, rng) {
            let alone = all.into_iter().filter(|(it, shared)| !self.degrees_hold(&[(it, *shared, Multiple::ONE)], rng));
            let expected = self.threshold.saturating_sub(1);
            found.extend(alone.map(|(it, shared)| (it.points.dealer, Objection::Degree { shared, expected })));
        }
        found
    }

    fn wrong_share(&self, dealing: &Opened) -> Option<Objection> {
        let expected = dealing.points.of(self.place).map(|point| point.bytes());
        let given = dealing.pair.points().map(|point| coordinates(&point.to_affine()));
        let index = expected.iter().zip(&given).position(|(expected, given)| expected != given)?;
        Some(Objection::WrongShare { shared: BOTH[index] })
    }

    /// `sum_k r_k (s_k G - P_k)` is the identity, for r random of 64 bits.
    fn shares_hold(&self, opened: &[Opened], rng: &mut impl CryptoRngCore) -> bool {
        let (mut points, mut shares) = (Sum::new(digits_of(u64::MAX.into())), Zeroizing::new(Scalar::ZERO));
        for dealing in opened {
            for (point, share) in dealing.points.of(self.place).into_iter().zip(dealing.pair.scalars()) {
                let multiple = rng.next_u64();
                *shares += Scalar::from(multiple) * share.scalar();
                points.push(point, [multiple, 0, 0, 0], false);
            }
        }
        let expected = Point::from_affine(&ProjectivePoint::mul_by_generator(&shares).to_affine());
        let bytes = |point: Option<Point>| point.map(|point| point.bytes());
        bytes(expected) == bytes(evaluate(&[points])[0])
    }

    /// For each polynomial the points at 0 and at x_k = k + 1 for every holder k lie on one of degree T - 1 at most.
    ///
    /// The dealer's own x is missing, so that with v_k for all of 0..=N the test of its points is
    /// `sum_k v_k (x_k - x_dealer) q(x_k) P_k`, q random of degree N - T - 1, one for all of them: first the random multiples
    /// of all polynomials are added up for each x, short numbers, then the sums are multiplied by `v_k q(x_k)`.
    fn degrees_hold(&self, tested: &[(&Opened, Shared, Multiple)], rng: &mut impl CryptoRngCore) -> bool {
        let Some(degree) = self.members.saturating_sub(self.threshold).checked_sub(1) else { return true };
        let largest = tested.iter().map(|(.., multiple)| multiple.magnitude).max().unwrap_or(0);
        let digits = digits_of(u128::from(largest) * self.members as u128);
        let mut columns: Vec<Sum> = (0..=self.members).map(|_| Sum::new(digits)).collect();
        for (dealing, shared, multiple) in tested {
            let own = dealing.points.dealer + 1;
            for (node, point) in self.polynomial(dealing, *shared) {
                let magnitude = u128::from(multiple.magnitude) * node.abs_diff(own) as u128;
                let magnitude = [magnitude as u64, (magnitude >> 64) as u64, 0, 0];
                columns[node].push(point.turned(multiple.turns), magnitude, (node < own) != multiple.negative);
            }
        }
        let q: Vec<Scalar> = (0..=degree).map(|_| *uniform(rng)).collect();
        let weights = barycentric(&(0..=self.members as u64).collect::<Vec<_>>());
        let mut sum = Sum::new(FULL_DIGITS);
        for (x, (column, weight)) in (0u64..).zip(evaluate(&columns).into_iter().zip(weights)) {
            let value = q.iter().rev().fold(Scalar::ZERO, |value, coefficient| value * Scalar::from(x) + coefficient);
            if let Some(point) = column {
                sum.push(point, limbs(&(weight * value)), false);
            }
        }
        evaluate(&[sum])[0].is_none()
    }

    /// The points of a dealer's polynomial, each with its x: PK or B at 0, then those of the holders.
    fn polynomial(&self, dealing: &Opened, shared: Shared) -> impl Iterator<Item = (usize, Point)> {
        let (first, index) = match shared {
            Shared::MaskKey => (dealing.key, 0),
            Shared::SelfMask => (dealing.points.self_mask(), 1),
        };
        let share = move |holder: usize| (holder + 1, dealing.points.of(holder)[index]);
        std::iter::once((0, first)).chain(holders(self.members, dealing.points.dealer).map(share))
    }
}

/// Little-endian.
fn limbs(scalar: &Scalar) -> [u64; 4] {
    let bytes = scalar.to_bytes();
    let mut limbs = [0; 4];
    for (limb, bytes) in limbs.iter_mut().rev().zip(bytes.as_chunks::<8>().0) {
        *limb = u64::from_be_bytes(*bytes);
    }
    limbs
}
