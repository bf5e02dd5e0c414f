//! H and two of its cosets: from values to coefficients and back in n log n steps.
//!
//! Values stand in bit-reversed order, as blobs have them, so that neither way needs a permutation.

use std::sync::LazyLock;

use ekzg_bls12_381::ff::{Field, PrimeField};

use crate::field::{Scalar, powers};

/// Elements of a blob, n.
pub const N: usize = 4096;

static DOMAIN: LazyLock<Domain> = LazyLock::new(Domain::new);

/// Powers that transforms need.
struct Domain {
    /// w^i for i < n, w of order n as in EIP-4844.
    roots: Vec<Scalar>,
    /// w^-i for i < n.
    inverses: Vec<Scalar>,
    /// gH for g^n = -1, and for g^n a primitive fourth root of unity.
    cosets: [Coset; 2],
    /// 1 / n.
    scale: Scalar,
}

/// The values of a polynomial on gH.
pub(crate) struct Coset {
    /// g^i for i < n.
    shifts: Vec<Scalar>,
    /// g^-i for i < n.
    unshifts: Vec<Scalar>,
    /// g^n, which X^n is everywhere.
    pub(crate) power: Scalar,
}

/// 7^((q - 1) / order), the primitive root of unity of EIP-4844; `order` is a power of two.
fn root(order: usize) -> Scalar {
    // ROOT_OF_UNITY has order 2^S
    let squarings = Scalar::S - order.trailing_zeros();
    (0..squarings).fold(Scalar::ROOT_OF_UNITY, |root, _| root.square())
}

impl Domain {
    fn new() -> Self {
        Self {
            roots: powers(root(N), N),
            inverses: inverse_powers(N),
            cosets: [Coset::new(2 * N), Coset::new(4 * N)],
            scale: Scalar::from(N as u64).invert().unwrap_or(Scalar::ZERO),
        }
    }
}

/// Those of the root of unity of that order, from 1 to the n-th.
fn inverse_powers(order: usize) -> Vec<Scalar> {
    powers(root(order).pow_vartime([order as u64 - 1]), N)
}

impl Coset {
    /// That of the root of unity of that order.
    fn new(order: usize) -> Self {
        let power = root(order / N);
        Self { shifts: powers(root(order), N), unshifts: inverse_powers(order), power }
    }

    /// The values on the coset of the polynomial with these `n` coefficients, where they stand.
    pub(crate) fn evaluate(&self, coefficients: &mut [Scalar]) {
        coefficients.iter_mut().zip(&self.shifts).for_each(|(coefficient, shift)| *coefficient *= shift);
        evaluate(coefficients);
    }

    /// The coefficients of the polynomial with these `n` values on the coset.
    pub(crate) fn interpolate(&self, values: &mut [Scalar]) {
        interpolate(values);
        values.iter_mut().zip(&self.unshifts).for_each(|(value, unshift)| *value *= unshift);
    }
}

/// Two cosets, on which X^n is -1 and a primitive fourth root of unity.
pub(crate) fn cosets() -> &'static [Coset; 2] {
    &DOMAIN.cosets
}

/// 1 / n.
pub(crate) fn one_nth() -> Scalar {
    DOMAIN.scale
}

/// w^-power.
pub(crate) fn inverse_root(power: usize) -> Scalar {
    DOMAIN.inverses[power % N]
}

/// The root of unity of a blob's element `place`, w^rev(place).
pub(crate) fn root_of(place: usize) -> Scalar {
    DOMAIN.roots[reversed(place % N)]
}

/// The 12 bits of a place, the other way round.
pub(crate) fn reversed(place: usize) -> usize {
    place.reverse_bits() >> (usize::BITS - N.trailing_zeros())
}

/// Coefficients, lowest first, of the polynomial with these `n` values on H, where they stand.
pub(crate) fn interpolate(values: &mut [Scalar]) {
    debug_assert_eq!(values.len(), N);
    let mut half = 1;
    while half < N {
        let stride = N / (2 * half);
        for block in values.chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            let roots = DOMAIN.inverses.iter().step_by(stride);
            for ((low, high), root) in low.iter_mut().zip(high).zip(roots) {
                let turned = *high * root;
                *high = *low - turned;
                *low += turned;
            }
        }
        half *= 2;
    }
    values.iter_mut().for_each(|value| *value *= DOMAIN.scale);
}

/// The values on H of the polynomial with these `n` coefficients, where they stand.
pub(crate) fn evaluate(coefficients: &mut [Scalar]) {
    debug_assert_eq!(coefficients.len(), N);
    let mut half = N / 2;
    while half > 0 {
        let stride = N / (2 * half);
        for block in coefficients.chunks_exact_mut(2 * half) {
            let (low, high) = block.split_at_mut(half);
            for ((low, high), root) in low.iter_mut().zip(high).zip(DOMAIN.roots.iter().step_by(stride)) {
                let difference = *low - *high;
                *low += *high;
                *high = difference * root;
            }
        }
        half /= 2;
    }
}

/// The values on the coset gH, where Z = -2.
pub(crate) fn evaluate_on_coset(coefficients: &mut [Scalar]) {
    DOMAIN.cosets[0].evaluate(coefficients);
}

/// The coefficients of the polynomial with these `n` values on the coset.
pub(crate) fn interpolate_on_coset(values: &mut [Scalar]) {
    DOMAIN.cosets[0].interpolate(values);
}

#[cfg(test)]
mod tests {
    use ekzg_bls12_381::ff::Field;
    use proptest::prelude::*;

    use super::{N, Scalar, cosets, evaluate, evaluate_on_coset, interpolate, interpolate_on_coset, root, root_of};
    use crate::field;

    /// A polynomial with `seeds` for coefficients, over and over, times their place.
    fn polynomial(seeds: &[u64]) -> Vec<Scalar> {
        (0..N).map(|place| Scalar::from(seeds[place % seeds.len()]) * Scalar::from(place as u64 + 1)).collect()
    }

    #[test]
    fn roots_have_their_order() {
        assert_eq!(root(N).pow_vartime([N as u64]), Scalar::ONE);
        assert_eq!(root(N).pow_vartime([N as u64 / 2]), -Scalar::ONE);
        assert_eq!(root(2 * N).pow_vartime([N as u64]), -Scalar::ONE);
        assert_eq!(root(N), Scalar::from(7).pow_vartime(exponent()));
        let [minus_one, fourth] = cosets().each_ref().map(|coset| coset.power);
        assert_eq!((minus_one, fourth.square()), (-Scalar::ONE, -Scalar::ONE));
        assert_eq!(root(4 * N).pow_vartime([N as u64]), fourth);
        assert_eq!([root_of(0), root_of(1)], [Scalar::ONE, -Scalar::ONE]);
    }

    /// (q - 1) / 4096, limbs from the lowest.
    fn exponent() -> [u64; 4] {
        let minus_one = (-Scalar::ONE).to_bytes_le();
        let limbs: [u64; 4] =
            std::array::from_fn(|limb| u64::from_le_bytes(minus_one[8 * limb..8 * limb + 8].try_into().unwrap()));
        std::array::from_fn(|limb| limbs[limb] >> 12 | limbs.get(limb + 1).map_or(0, |next| next << 52))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]

        /// The oracle: Horner's rule at each root.
        #[test]
        fn values_are_those_of_the_polynomial(seeds in prop::collection::vec(any::<u64>(), 1..20), place in 0..N) {
            let (coefficients, g, k) = (polynomial(&seeds), root(2 * N), root(4 * N));
            let (mut on_domain, mut on_coset) = (coefficients.clone(), coefficients.clone());
            let mut on_other = coefficients.clone();
            evaluate(&mut on_domain);
            evaluate_on_coset(&mut on_coset);
            cosets()[1].evaluate(&mut on_other);
            prop_assert_eq!(on_domain[place], field::evaluate(&coefficients, root_of(place)));
            prop_assert_eq!(on_coset[place], field::evaluate(&coefficients, g * root_of(place)));
            prop_assert_eq!(on_other[place], field::evaluate(&coefficients, k * root_of(place)));
            interpolate(&mut on_domain);
            interpolate_on_coset(&mut on_coset);
            cosets()[1].interpolate(&mut on_other);
            prop_assert_eq!(&coefficients, &on_domain);
            prop_assert_eq!(&coefficients, &on_coset);
            prop_assert_eq!(&coefficients, &on_other);
        }
    }
}
