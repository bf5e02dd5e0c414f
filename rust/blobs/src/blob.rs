//! Blobs: what a member uploads, sums of them, and what a sum says (B1, B8).

use ekzg_bls12_381::ff::Field;
use omnilytics_core::mask::PairSeed;

use crate::domain::N;
use crate::error::{Error, Result, in_range, same_length};
use crate::field::{Scalar, WORD_BYTES, from_word};
use crate::mask;
use crate::statement::{MAX_BOUND, MAX_MEMBERS, MIN_MEMBERS};

/// Bytes of a blob.
pub const BLOB_BYTES: usize = N * WORD_BYTES;

/// The elements of a blob.
///
/// # Errors
/// [`Error::Length`], [`Error::NotCanonical`].
pub(crate) fn read(blob: &[u8]) -> Result<Vec<Scalar>> {
    same_length("bytes of a blob", BLOB_BYTES, blob.len())?;
    blob.as_chunks().0.iter().enumerate().map(|(index, word)| from_word(word, index)).collect()
}

pub(crate) fn write(values: &[Scalar]) -> Vec<u8> {
    values.iter().flat_map(Scalar::to_bytes_be).collect()
}

/// The blob of a chunk of a member's values, which are the vector's from `index` on: the value plus Q, and the masks of all
/// pairs. What the chunk lacks of 4,096 values is 0.
///
/// # Errors
/// [`Error::Length`] for more values, [`Error::OutOfRange`] for the bound, an index, or a value beyond the bound.
pub fn masked(values: &[i32], bound: u64, index: u64, pairs: &[PairSeed]) -> Result<Vec<u8>> {
    if values.len() > N {
        return Err(Error::Length { what: "values of a chunk", expected: N, given: values.len() });
    }
    let offset = in_range("bound", 1, MAX_BOUND, bound)? as i64;
    let mut elements = vec![Scalar::from(bound); N];
    for (place, (element, value)) in elements.iter_mut().zip(values).enumerate() {
        let raised = u64::try_from(i64::from(*value) + offset).ok().filter(|raised| *raised <= 2 * bound);
        *element = Scalar::from(raised.ok_or(Error::Value { place, bound })?);
    }
    mask::add(&mut elements, index, pairs)?;
    let blob = write(&elements);
    elements.fill(Scalar::ZERO);
    Ok(blob)
}

/// The blob whose elements are the sums of these blobs'.
///
/// # Errors
/// [`Error::Length`], [`Error::NotCanonical`].
pub fn sum<B: AsRef<[u8]>>(blobs: &[B]) -> Result<Vec<u8>> {
    let mut sums = vec![Scalar::ZERO; N];
    for blob in blobs {
        sums.iter_mut().zip(read(blob.as_ref())?).for_each(|(sum, value)| *sum += value);
    }
    Ok(write(&sums))
}

/// How sums of values are read.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// N Q, which stands for 0.
    offset: u64,
}

impl Range {
    /// That of the sums of `members` uploads, -Q to Q each.
    ///
    /// # Errors
    /// [`Error::OutOfRange`].
    pub fn new(members: u64, bound: u64) -> Result<Self> {
        let members = in_range("members", MIN_MEMBERS, MAX_MEMBERS, members)?;
        Ok(Self { offset: members * in_range("bound", 1, MAX_BOUND, bound)? })
    }

    /// N Q.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The values of a sum's blob, which is that of chunk `chunk` of group `group`; all 4,096 of them.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::SumOutOfRange`] for the first element that no uploads in their range add up to.
    pub fn values(&self, blob: &[u8], group: usize, chunk: usize) -> Result<Vec<i64>> {
        same_length("bytes of a blob", BLOB_BYTES, blob.len())?;
        let max = 2 * self.offset;
        let words = blob.as_chunks::<WORD_BYTES>().0.iter();
        let value = |(place, word): (usize, &[u8; WORD_BYTES])| {
            let (high, low) = word.split_at(WORD_BYTES - 8);
            let sum = u64::from_be_bytes(low.try_into().unwrap_or([0xff; 8]));
            if high.iter().any(|byte| *byte != 0) || sum > max {
                let digits = word.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
                return Err(Error::SumOutOfRange {
                    group,
                    index: N * chunk + place,
                    max,
                    given: format!("0x{digits}"),
                });
            }
            Ok(sum as i64 - self.offset as i64)
        };
        words.enumerate().map(value).collect()
    }

    /// The first `count` values of a sum's blob; the others must be 0.
    ///
    /// # Errors
    /// Those of [`Range::values`], [`Error::OutOfRange`] for `count`, [`Error::Padding`].
    pub fn decode(&self, blob: &[u8], count: usize) -> Result<Vec<i64>> {
        in_range("count", 0, N as u64, count as u64)?;
        let mut values = self.values(blob, 0, 0)?;
        if let Some(place) = values[count..].iter().position(|value| *value != 0) {
            let (index, expected) = (count + place, self.offset);
            let given = values[index].wrapping_add(expected as i64) as u64;
            return Err(Error::Padding { group: 0, index, expected, given });
        }
        values.truncate(count);
        Ok(values)
    }
}

#[cfg(test)]
mod tests {
    use omnilytics_core::mask::{PairSeed, Sign};
    use proptest::prelude::*;

    use super::{BLOB_BYTES, N, Range, masked, sum};

    fn pair(seed: u8, sign: Sign) -> PairSeed {
        PairSeed { peer: 0, seed: [seed; 32].into(), sign }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8))]

        /// Three members, whose masks cancel.
        #[test]
        fn sums_are_those_of_the_values(
            values in prop::collection::vec((-9..10i32, -9..10i32, -9..10i32), 0..100), index in 0..1u64 << 40
        ) {
            let count = values.len();
            let of = |member: usize| values.iter().map(|row| [row.0, row.1, row.2][member]).collect::<Vec<_>>();
            let blobs = [
                masked(&of(0), 9, index, &[pair(1, Sign::Plus), pair(2, Sign::Plus)]).unwrap(),
                masked(&of(1), 9, index, &[pair(1, Sign::Minus), pair(3, Sign::Plus)]).unwrap(),
                masked(&of(2), 9, index, &[pair(2, Sign::Minus), pair(3, Sign::Minus)]).unwrap(),
            ];
            let range = Range::new(3, 9).unwrap();
            prop_assert!(range.decode(&blobs[0], count).is_err());
            let expected: Vec<i64> = values.iter().map(|row| i64::from(row.0 + row.1 + row.2)).collect();
            prop_assert_eq!(expected, range.decode(&sum(&blobs).unwrap(), count).unwrap());
        }
    }

    #[test]
    fn what_is_out_of_range_is_refused() {
        let message = |values: &[i32], bound| masked(values, bound, 0, &[]).unwrap_err().to_string();
        assert_eq!(message(&[7, -8], 7), "value 1: expected -7 to 7, got one outside");
        assert_eq!(message(&[i32::MIN], 1), "value 0: expected -1 to 1, got one outside");
        assert_eq!(message(&[], 0), "bound: expected 1 to 2147483647, got 0");
        assert_eq!(message(&[0; N + 1], 7), "values of a chunk: expected 4096, got 4097");
        let (range, low) = (Range::new(2, 7).unwrap(), masked(&[-7], 7, 0, &[]).unwrap());
        let refused = |blob: &[u8], count| range.decode(blob, count).unwrap_err().to_string();
        let blob = sum(&[&low, &low]).unwrap();
        assert_eq!(range.decode(&blob, 1), Ok(vec![-14]));
        assert_eq!(refused(&blob, 0), "group 0, element 0: expected padding, 14, got 0");
        assert_eq!(refused(&blob[1..], 1), "bytes of a blob: expected 131072, got 131071");
        let mut beyond = blob.clone();
        beyond[BLOB_BYTES - 1] = 29;
        assert!(refused(&beyond, 1).starts_with("group 0, element 4095: expected a sum of 0 to 28, got 0x0000"));
        assert_eq!(Range::new(1, 1).unwrap_err().to_string(), "members: expected 2 to 255, got 1");
        beyond[0] = 0xff;
        assert!(sum(&[&beyond]).unwrap_err().to_string().starts_with("element 0: expected a number below"));
    }
}
