//! Several values in one element (B12): digits of 12 bits, lowest first, one of each lane of 4,096 values.
//!
//! Value i of a vector is in lane i // n at index i % n; lane m is digit m % 21 of the elements of chunk m // 21. Masks and
//! errors count elements, not values.

use ekzg_bls12_381::ff::Field;
use omnilytics_core::mask::PairSeed;

use crate::blob::{BLOB_BYTES, Range, write};
use crate::domain::N;
use crate::error::{Error, Result, in_range, same_length};
use crate::field::{Scalar, WORD_BYTES, Word};
use crate::mask;

/// Bits of a lane.
pub const LANE_BITS: u32 = 12;

/// L, lanes of an element: 252 bits, below q.
pub const LANES: usize = 21;

/// The largest sum of a lane, 2 N Q.
pub const MAX_SUM: u64 = (1 << LANE_BITS) - 1;

/// The blob of a chunk of a member's values, in lanes of 4,096: each value plus Q, and the masks of all pairs from element
/// `index` on. What the last lane lacks is 0; lanes beyond it add nothing.
///
/// # Errors
/// [`Error::OutOfRange`] for the bound, an index, no values or more than 86,016, or a value beyond the bound.
pub fn masked(values: &[i32], bound: u64, index: u64, pairs: &[PairSeed]) -> Result<Vec<u8>> {
    in_range("values of a chunk", 1, (LANES * N) as u64, values.len() as u64)?;
    let offset = in_range("bound", 1, MAX_SUM / 2, bound)? as i64;
    let shift = Scalar::from(1 << LANE_BITS);
    let mut elements = vec![Scalar::ZERO; N];
    for (lane, values) in values.chunks(N).enumerate().rev() {
        for (place, element) in elements.iter_mut().enumerate() {
            let raised = i64::from(values.get(place).copied().unwrap_or(0)) + offset;
            let raised = u64::try_from(raised).ok().filter(|raised| *raised <= 2 * bound);
            *element = *element * shift + Scalar::from(raised.ok_or(Error::Value { place: N * lane + place, bound })?);
        }
    }
    mask::add(&mut elements, index, pairs)?;
    let blob = write(&elements);
    elements.fill(Scalar::ZERO);
    Ok(blob)
}

/// The values of the first `lanes` lanes of a sum's blob, which is that of chunk `chunk` of group `group`, lane after lane;
/// 4,096 each.
///
/// # Errors
/// [`Error::OutOfRange`] for a range whose sums don't fit a lane, or no lanes or more than 21; [`Error::Length`];
/// [`Error::DigitOutOfRange`] or [`Error::AboveLanes`] for the first element that no uploads in their range add up to.
pub fn values(range: Range, blob: &[u8], lanes: usize, group: usize, chunk: usize) -> Result<Vec<i64>> {
    in_range("members * bound", 1, MAX_SUM / 2, range.offset())?;
    in_range("lanes", 1, LANES as u64, lanes as u64)?;
    same_length("bytes of a blob", BLOB_BYTES, blob.len())?;
    let mut values = vec![0; lanes * N];
    for (place, word) in blob.as_chunks::<WORD_BYTES>().0.iter().enumerate() {
        let index = N * chunk + place;
        for lane in 0..lanes {
            let (given, max) = (digit(word, lane), 2 * range.offset());
            if given > max {
                return Err(Error::DigitOutOfRange { group, index, digit: lane, max, given });
            }
            values[N * lane + place] = given as i64 - range.offset() as i64;
        }
        if (lanes..=LANES).any(|lane| digit(word, lane) != 0) {
            return Err(Error::AboveLanes { group, index, lanes });
        }
    }
    Ok(values)
}

/// The first `count` values of a sum's blob, which has as many lanes as they fill; what the last one has beyond them must be 0.
///
/// # Errors
/// Those of [`values`], [`Error::OutOfRange`] for `count`, [`Error::DigitPadding`].
pub fn decode(range: Range, blob: &[u8], count: usize) -> Result<Vec<i64>> {
    in_range("count", 1, (LANES * N) as u64, count as u64)?;
    let mut values = values(range, blob, count.div_ceil(N), 0, 0)?;
    if let Some(beyond) = values[count..].iter().position(|value| *value != 0) {
        let (at, expected) = (count + beyond, range.offset());
        let given = values[at].wrapping_add(expected as i64) as u64;
        return Err(Error::DigitPadding { group: 0, index: at % N, digit: at / N, expected, given });
    }
    values.truncate(count);
    Ok(values)
}

/// Digit `lane` of an element; of lane 21 the 4 bits that are left.
fn digit(word: &Word, lane: usize) -> u64 {
    let bit = LANE_BITS as usize * lane;
    let byte = |above: usize| (WORD_BYTES - 1).checked_sub(bit / 8 + above).map_or(0, |at| u64::from(word[at]));
    (byte(0) | byte(1) << 8) >> (bit % 8) & MAX_SUM
}

#[cfg(test)]
mod tests {
    use omnilytics_core::mask::{PairSeed, Sign};
    use proptest::prelude::*;

    use super::{LANES, N, Range, WORD_BYTES, decode, masked, values};
    use crate::blob::sum;

    fn pair(seed: u8, sign: Sign) -> PairSeed {
        PairSeed { peer: 0, seed: [seed; 32].into(), sign }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]

        /// Two members, whose masks cancel; the last lane is part of one.
        #[test]
        fn sums_are_those_of_the_values(
            rows in prop::collection::vec((-1023..1024i32, -1023..1024i32), 1..100),
            lanes in 1..=LANES,
            count in 1..=N,
            index in 0..1u64 << 40,
        ) {
            let count = (lanes - 1) * N + count;
            let of = |member: usize| {
                (0..count).map(|at| [rows[at % rows.len()].0, rows[at % rows.len()].1][member]).collect::<Vec<_>>()
            };
            let blobs = [
                masked(&of(0), 1023, index, &[pair(1, Sign::Plus)]).unwrap(),
                masked(&of(1), 1023, index, &[pair(1, Sign::Minus)]).unwrap(),
            ];
            let range = Range::new(2, 1023).unwrap();
            prop_assert!(decode(range, &blobs[0], count).is_err());
            let expected: Vec<i64> = of(0).iter().zip(of(1)).map(|(a, b)| i64::from(a + b)).collect();
            prop_assert_eq!(expected, decode(range, &sum(&blobs).unwrap(), count).unwrap());
        }
    }

    #[test]
    fn a_value_stands_where_it_belongs() {
        let mut vector = vec![0; 2 * N + 1];
        (vector[3], vector[N + 3], vector[2 * N]) = (1, -1, -7);
        let blob = masked(&vector, 7, 0, &[]).unwrap();
        let word = |place: usize| &blob[WORD_BYTES * place..][..WORD_BYTES];
        let low = |place: usize| u64::from_be_bytes(word(place)[24..].try_into().unwrap());
        assert_eq!(low(3), 8 | 6 << 12 | 7 << 24);
        assert_eq!(low(0), 7 | 7 << 12);
        assert!((0..N).all(|place| word(place)[..24].iter().all(|byte| *byte == 0)));
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        let message = |values: &[i32], bound| masked(values, bound, 0, &[]).unwrap_err().to_string();
        let mut vector = vec![0; N + 2];
        vector[N + 1] = -8;
        assert_eq!(message(&vector, 7), "value 4097: expected -7 to 7, got one outside");
        assert_eq!(message(&[0], 2048), "bound: expected 1 to 2047, got 2048");
        assert_eq!(message(&[], 7), "values of a chunk: expected 1 to 86016, got 0");
        assert_eq!(message(&[0; LANES * N + 1], 7), "values of a chunk: expected 1 to 86016, got 86017");
        let range = Range::new(2, 7).unwrap();
        let low = masked(&vec![-7; N + 1], 7, 0, &[]).unwrap();
        let blob = sum(&[&low, &low]).unwrap();
        let refused = |blob: &[u8], count| decode(range, blob, count).unwrap_err().to_string();
        assert_eq!(decode(range, &blob, N + 1), Ok(vec![-14; N + 1]));
        assert_eq!(refused(&blob, 1), "group 0, element 1: expected nothing above 1 digits, got more");
        let mut one = masked(&[-7; N], 7, 0, &[]).unwrap();
        one[WORD_BYTES * 5 + 31] = 3;
        let one = sum(&[&one, &masked(&[-7; N], 7, 0, &[]).unwrap()]).unwrap();
        assert_eq!(refused(&one, 5), "group 0, element 5, digit 0: expected padding, 14, got 3");
        assert_eq!(refused(&one, N + 1), "group 0, element 1, digit 1: expected padding, 14, got 0");
        assert_eq!(refused(&one[1..], 1), "bytes of a blob: expected 131072, got 131071");
        assert_eq!(refused(&one, 0), "count: expected 1 to 86016, got 0");
        let wide = decode(Range::new(2, 1024).unwrap(), &one, 1).unwrap_err().to_string();
        assert_eq!(wide, "members * bound: expected 1 to 2047, got 2048");
    }

    #[test]
    fn each_digit_and_what_is_above_is_looked_at() {
        let range = Range::new(2, 7).unwrap();
        let zeros = masked(&[0; LANES * N], 7, 0, &[]).unwrap();
        let honest = sum(&[&zeros, &zeros]).unwrap();
        let raised = |lane: usize| {
            let mut blob = honest.clone();
            // 14 becomes 14 + 16 at least: the fifth bit of the digit
            let bit = 12 * lane + 4;
            blob[WORD_BYTES * 9 + 31 - bit / 8] |= 1 << (bit % 8);
            values(range, &blob, LANES, 2, 1).unwrap_err().to_string()
        };
        for lane in 0..LANES {
            let expected = format!("group 2, element 4105, digit {lane}: expected a sum of 0 to 28, got 30");
            assert_eq!(raised(lane), expected);
        }
        let mut above = honest.clone();
        above[WORD_BYTES * 9] |= 16;
        let message = values(range, &above, LANES, 2, 1).unwrap_err().to_string();
        assert_eq!(message, "group 2, element 4105: expected nothing above 21 digits, got more");
        assert!(values(range, &honest, LANES + 1, 0, 0).is_err() && values(range, &honest, 0, 0, 0).is_err());
        assert_eq!(values(range, &honest, LANES, 0, 0), Ok(vec![0; LANES * N]));
    }
}
