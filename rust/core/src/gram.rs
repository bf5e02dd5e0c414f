//! Exact norms and inner products of decoded aggregates (PROTOCOL.md section 7).
//!
//! Lanes are in `[-2^31, 2^31)` and there are at most 2^20 of them, so every result is below 2^82 in absolute value.

use fearless_simd::{Level, dispatch};

use crate::error::{Result, same_length};

/// Elements whose products, each at most 2^62, are added in 64 bits before the 128-bit sum takes them.
const BLOCK: usize = 2;
/// The same for elements that fit 16 bits.
const SMALL_BLOCK: usize = 1 << 20;

/// `sum v^2`, below 2^82 for d <= 2^20.
#[must_use]
pub fn squared_norm(values: &[i32]) -> u128 {
    dispatch!(Level::new(), _simd => squared_norm_here(values))
}

/// [`squared_norm`] in the vector code of the caller.
#[inline(always)]
pub(crate) fn squared_norm_here(values: &[i32]) -> u128 {
    let square = |value: &i32| i64::from(*value).wrapping_mul(i64::from(*value)).cast_unsigned();
    let block = if fits_16_bits(values) { SMALL_BLOCK } else { BLOCK };
    values.chunks(block).map(|block| u128::from(block.iter().map(square).fold(0, u64::wrapping_add))).sum()
}

/// `sum a b`, below 2^82 in absolute value for d <= 2^20.
///
/// # Errors
/// [`crate::Error::Length`] when the lengths differ.
pub fn inner_product(a: &[i32], b: &[i32]) -> Result<i128> {
    same_length("parameters of the second vector", a.len(), b.len())?;
    Ok(dispatch!(Level::new(), _simd => inner_product_here(a, b)))
}

#[inline(always)]
fn inner_product_here(a: &[i32], b: &[i32]) -> i128 {
    let product = |(a, b): (&i32, &i32)| i64::from(*a).wrapping_mul(i64::from(*b));
    if fits_16_bits(a) && fits_16_bits(b) {
        let blocks = a.chunks(SMALL_BLOCK).zip(b.chunks(SMALL_BLOCK));
        return blocks.map(|(a, b)| i128::from(a.iter().zip(b).map(product).fold(0, i64::wrapping_add))).sum();
    }
    a.iter().zip(b).map(|pair| i128::from(product(pair))).sum()
}

/// The inner products of all pairs r < s, row by row: `R (R - 1) / 2` numbers.
///
/// # Errors
/// [`crate::Error::Length`] when the lengths differ.
pub fn products(vectors: &[Vec<i32>]) -> Result<Vec<i128>> {
    let pairs = vectors.iter().enumerate().flat_map(|(r, a)| vectors[r + 1..].iter().map(move |b| (a, b)));
    pairs.map(|(a, b)| inner_product(a, b)).collect()
}

#[inline(always)]
fn fits_16_bits(values: &[i32]) -> bool {
    values.iter().fold(true, |fits, &value| fits & (value as i16 as i32 == value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{inner_product, products, squared_norm};

    #[test]
    fn the_corner_does_not_overflow() {
        let corner = vec![i32::MIN; 1 << 20];
        assert_eq!(1 << 82, squared_norm(&corner));
        assert_eq!(Ok(1 << 82), inner_product(&corner, &corner));
        let small = vec![i32::from(i16::MIN); 1 << 20];
        assert_eq!(1 << 50, squared_norm(&small));
    }

    #[test]
    fn pairs_come_row_by_row() {
        let vectors = [vec![1, 0], vec![2, 3], vec![5, 7]];
        assert_eq!(Ok(vec![2, 5, 31]), products(&vectors));
        assert!(products(&[vec![1], vec![1, 2]]).is_err());
    }

    proptest! {
        #[test]
        fn blocks_are_as_written(pairs in prop::collection::vec((any::<i32>(), any::<i32>()), 0..50), small: bool) {
            let shift = if small { 16 } else { 0 };
            let (a, b): (Vec<i32>, Vec<i32>) = pairs.iter().map(|(a, b)| (a >> shift, b >> shift)).unzip();
            let exact: i128 = a.iter().zip(&b).map(|(a, b)| i128::from(*a) * i128::from(*b)).sum();
            prop_assert_eq!(Ok(exact), inner_product(&a, &b));
            let norm: u128 = a.iter().map(|a| u128::from(a.unsigned_abs()).pow(2)).sum();
            prop_assert_eq!(norm, squared_norm(&a));
        }
    }
}
