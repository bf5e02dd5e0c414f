//! Scalars: words, hashes and signed integers as elements of the field, powers, evaluation and division of polynomials.

pub(crate) use ekzg_bls12_381::Scalar;
use ekzg_bls12_381::ff::Field;
use ekzg_bls12_381::reduce_bytes_to_scalar_bias;

use crate::error::{Error, Result};

/// Bytes of an element, big-endian.
pub const WORD_BYTES: usize = 32;

/// A word on the wire.
pub type Word = [u8; WORD_BYTES];

/// The element that the word `index` of something is.
///
/// # Errors
/// [`Error::NotCanonical`] for q and above.
pub(crate) fn from_word(word: &Word, index: usize) -> Result<Scalar> {
    Option::from(Scalar::from_bytes_be(word)).ok_or(Error::NotCanonical { index })
}

/// A hash modulo q.
pub(crate) fn from_hash(hash: &Word) -> Scalar {
    reduce_bytes_to_scalar_bias(*hash)
}

/// The element of a signed integer.
pub(crate) fn from_integer(integer: i128) -> Scalar {
    let magnitude = integer.unsigned_abs();
    let (high, low) = ((magnitude >> 64) as u64, magnitude as u64);
    let scalar = match high {
        0 => Scalar::from(low),
        _ => Scalar::from(high) * Scalar::from(1 << 32).square() + Scalar::from(low),
    };
    if integer < 0 { -scalar } else { scalar }
}

/// 1, x, x^2 and so on.
pub(crate) fn powers(x: Scalar, count: usize) -> Vec<Scalar> {
    std::iter::successors(Some(Scalar::ONE), |power| Some(*power * x)).take(count).collect()
}

/// The value at `x` of the polynomial with these coefficients, lowest first.
pub(crate) fn evaluate(coefficients: &[Scalar], x: Scalar) -> Scalar {
    coefficients.iter().rev().fold(Scalar::ZERO, |value, coefficient| value * x + coefficient)
}

/// The quotient of a polynomial by X - x; the remainder is its value there.
pub(crate) fn quotient(coefficients: &[Scalar], x: Scalar) -> Vec<Scalar> {
    let mut quotient = vec![Scalar::ZERO; coefficients.len().saturating_sub(1)];
    let mut value = Scalar::ZERO;
    for (place, coefficient) in quotient.iter_mut().zip(coefficients.iter().skip(1)).rev() {
        value = value * x + coefficient;
        *place = value;
    }
    quotient
}

/// Adds `factor` times each of `values` to its place in `sums`.
pub(crate) fn add_multiple(sums: &mut [Scalar], factor: Scalar, values: &[Scalar]) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += factor * value);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Field, Scalar, evaluate, from_hash, from_integer, from_word, powers, quotient};

    /// q, in hexadecimal: EIP-4844's BLS_MODULUS.
    const ORDER: &str = "73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001";

    fn order() -> [u8; 32] {
        std::array::from_fn(|place| u8::from_str_radix(&ORDER[2 * place..2 * place + 2], 16).unwrap())
    }

    #[test]
    fn words_from_the_order_on_are_refused() {
        let mut below = order();
        below[31] -= 1;
        assert_eq!(from_word(&below, 0).unwrap(), -Scalar::ONE);
        assert!(from_word(&order(), 7).unwrap_err().to_string().starts_with("element 7: expected a number below"));
        assert_eq!(from_hash(&order()), Scalar::ZERO);
    }

    proptest! {
        #[test]
        fn integers_are_added_as_elements(a: i64, b: i64, c: i64) {
            let (a, b, c) = (i128::from(a), i128::from(b), i128::from(c));
            prop_assert_eq!(from_integer(a) * from_integer(b) + from_integer(c), from_integer(a * b + c));
        }

        #[test]
        fn quotient_times_divisor_and_value_are_the_polynomial(coefficients: Vec<u64>, x: u64, at: u64) {
            let coefficients: Vec<Scalar> = coefficients.into_iter().map(Scalar::from).collect();
            let (x, at) = (Scalar::from(x), Scalar::from(at));
            let divided = evaluate(&quotient(&coefficients, x), at);
            prop_assert_eq!(divided * (at - x) + evaluate(&coefficients, x), evaluate(&coefficients, at));
            let terms = coefficients.iter().zip(powers(at, coefficients.len())).map(|(c, power)| power * c);
            prop_assert_eq!(terms.sum::<Scalar>(), evaluate(&coefficients, at));
        }
    }
}
