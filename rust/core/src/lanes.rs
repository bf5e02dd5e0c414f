//! Signed lanes in 256-bit words (PROTOCOL.md section 3, E5 and E6).
//!
//! With `B = sum_l 2^(b-1) 2^(bl)` both directions lose their carries: `word = (unsigned lanes v_l + 2^(b-1)) - B`, and the
//! lanes of `S + B`, less `2^(b-1)`, are those that E6 peels off one by one.

use fearless_simd::{Level, dispatch};

use crate::error::{Error, Result, same_length};

/// 256 bits as four 64-bit limbs, the lowest first.
pub type Word = [u64; 4];

/// Bytes of a word on the wire.
pub const WORD_BYTES: usize = 32;

/// A word on the wire: 32 bytes, big-endian.
pub type WireWord = [u8; WORD_BYTES];

/// Lanes of a word of the narrowest width.
pub(crate) const MAX_LANES: usize = 42;

/// A lane width of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LaneWidth {
    /// 6 bits, 42 lanes a word.
    W6 = 6,
    /// 8 bits, 32 lanes a word.
    W8 = 8,
    /// 10 bits, 25 lanes a word.
    W10 = 10,
    /// 12 bits, 21 lanes a word.
    W12 = 12,
    /// 16 bits, 16 lanes a word.
    W16 = 16,
    /// 32 bits, 8 lanes a word.
    W32 = 32,
}

impl LaneWidth {
    /// The table, narrowest first.
    pub const ALL: [Self; 6] = [Self::W6, Self::W8, Self::W10, Self::W12, Self::W16, Self::W32];

    /// The width of `bits` bits.
    ///
    /// # Errors
    /// [`Error::LaneWidth`] when it isn't in the table.
    pub fn from_bits(bits: u64) -> Result<Self> {
        Self::ALL.into_iter().find(|width| u64::from(width.bits()) == bits).ok_or(Error::LaneWidth { given: bits })
    }

    /// The narrowest width with `members * bound < 2^(b-1)`: it holds every sum of `members` integers in `[-bound, bound]`.
    ///
    /// # Errors
    /// [`Error::NoLane`] when not even 32 bits hold it.
    pub fn smallest(members: u64, bound: u64) -> Result<Self> {
        let sum = u128::from(members) * u128::from(bound);
        let holds = |width: &Self| sum < 1 << (width.bits() - 1);
        Self::ALL.into_iter().find(holds).ok_or(Error::NoLane { members, bound })
    }

    /// b, in bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self as u32
    }

    /// L = floor(256 / b).
    #[must_use]
    pub const fn lanes(self) -> usize {
        256 / self as usize
    }
}

struct Lane<const B: usize>;

impl<const B: usize> Lane<B> {
    const LANES: usize = 256 / B;
    /// Lanes that are joined before they go into a word's limbs: as many as fit one, 2, 4 or 8.
    const GROUP: usize = 1 << (64 / B).ilog2();
    const HALF: u32 = 1 << (B - 1);
    const MASK: u64 = (1 << B) - 1;
    const BIAS: Word = {
        let mut word = [0; 4];
        let mut lane = 0;
        while lane < Self::LANES {
            let bit = B * lane + B - 1;
            word[bit / 64] |= 1 << (bit % 64);
            lane += 1;
        }
        word
    };

    #[inline(always)]
    fn pack(values: &[i32]) -> Word {
        let mut lanes = [0; MAX_LANES.next_multiple_of(8)];
        for (lane, value) in lanes.iter_mut().zip(values.iter().take(Self::LANES)) {
            *lane = value.cast_unsigned().wrapping_add(Self::HALF) & Self::MASK as u32;
        }
        let mut word = [0; 4];
        let groups = lanes.chunks_exact(Self::GROUP).take(Self::LANES.div_ceil(Self::GROUP));
        for (group, lanes) in groups.enumerate() {
            let bits = lanes.iter().rev().fold(0, |bits, lane| bits << B | u64::from(*lane));
            let (limb, shift) = (B * Self::GROUP * group / 64, B * Self::GROUP * group % 64);
            word[limb] |= bits << shift;
            if shift + B * Self::GROUP > 64 && limb < 3 {
                word[limb + 1] |= bits >> (64 - shift);
            }
        }
        sub(&mut word, &Self::BIAS);
        word
    }

    fn unpack(mut word: Word, values: &mut [i32]) {
        add(&mut word, &Self::BIAS);
        for (lane, value) in values.iter_mut().take(Self::LANES).enumerate() {
            let (limb, shift) = (B * lane / 64, B * lane % 64);
            let mut biased = word[limb] >> shift;
            if shift + B > 64 {
                biased |= word[limb + 1] << (64 - shift);
            }
            *value = ((biased & Self::MASK) as u32).wrapping_sub(Self::HALF).cast_signed();
        }
    }

    #[inline(always)]
    fn pack_all(values: &[i32], words: &mut [WireWord]) {
        let full = values.chunks_exact(Self::LANES);
        let rest = full.remainder();
        for (word, lanes) in words.iter_mut().zip(full) {
            *word = to_bytes(&Self::pack(lanes));
        }
        if let (false, Some(word)) = (rest.is_empty(), words.get_mut(values.len() / Self::LANES)) {
            let mut lanes = [0; MAX_LANES];
            lanes[..rest.len()].copy_from_slice(rest);
            *word = to_bytes(&Self::pack(&lanes));
        }
    }

    fn unpack_all(words: &[WireWord], values: &mut [i32]) {
        for (lanes, word) in values.chunks_mut(Self::LANES).zip(words) {
            Self::unpack(from_bytes(word), lanes);
        }
    }
}

/// Packs integers that are known to fit their lanes into words on the wire; `words` has `ceil(values / L)` places.
pub(crate) fn pack_into(width: LaneWidth, values: &[i32], words: &mut [WireWord]) {
    dispatch!(Level::new(), _simd => pack_any(width, values, words));
}

#[inline(always)]
fn pack_any(width: LaneWidth, values: &[i32], words: &mut [WireWord]) {
    match width {
        LaneWidth::W6 => Lane::<6>::pack_all(values, words),
        LaneWidth::W8 => Lane::<8>::pack_all(values, words),
        LaneWidth::W10 => Lane::<10>::pack_all(values, words),
        LaneWidth::W12 => Lane::<12>::pack_all(values, words),
        LaneWidth::W16 => Lane::<16>::pack_all(values, words),
        LaneWidth::W32 => Lane::<32>::pack_all(values, words),
    }
}

/// Integers to words on the wire (E5): parameter `k` in word `k / L`, lane `k % L`; unused lanes of the last word are zero.
///
/// # Errors
/// [`Error::LaneValue`] when a value isn't in `[-2^(b-1), 2^(b-1))`.
pub fn pack(width: LaneWidth, values: &[i32]) -> Result<Vec<WireWord>> {
    let (min, max) = (-(1i64 << (width.bits() - 1)), (1i64 << (width.bits() - 1)) - 1);
    if let Some(index) = values.iter().position(|&value| !(min..=max).contains(&i64::from(value))) {
        return Err(Error::LaneValue { index, min, max, given: values[index] });
    }
    let mut words = vec![[0; WORD_BYTES]; values.len().div_ceil(width.lanes())];
    pack_into(width, values, &mut words);
    Ok(words)
}

/// A sum's words to integers (E6), shape (`count`,), each in `[-2^(b-1), 2^(b-1))`. Lanes beyond `count` are dropped.
///
/// # Errors
/// [`Error::Length`] when there aren't `ceil(count / L)` words.
pub fn unpack(width: LaneWidth, words: &[WireWord], count: usize) -> Result<Vec<i32>> {
    same_length("words", count.div_ceil(width.lanes()), words.len())?;
    let mut values = vec![0; count];
    match width {
        LaneWidth::W6 => Lane::<6>::unpack_all(words, &mut values),
        LaneWidth::W8 => Lane::<8>::unpack_all(words, &mut values),
        LaneWidth::W10 => Lane::<10>::unpack_all(words, &mut values),
        LaneWidth::W12 => Lane::<12>::unpack_all(words, &mut values),
        LaneWidth::W16 => Lane::<16>::unpack_all(words, &mut values),
        LaneWidth::W32 => Lane::<32>::unpack_all(words, &mut values),
    }
    Ok(values)
}

/// `word += other` modulo 2^256.
#[inline]
pub fn add(word: &mut Word, other: &Word) {
    let mut carry = false;
    for (limb, other) in word.iter_mut().zip(other) {
        (*limb, carry) = limb.carrying_add(*other, carry);
    }
}

/// `word -= other` modulo 2^256.
#[inline]
pub fn sub(word: &mut Word, other: &Word) {
    let mut borrow = false;
    for (limb, other) in word.iter_mut().zip(other) {
        (*limb, borrow) = limb.borrowing_sub(*other, borrow);
    }
}

/// A word on the wire.
#[must_use]
pub fn to_bytes(word: &Word) -> WireWord {
    let mut bytes = [0; WORD_BYTES];
    for (bytes, limb) in bytes.as_chunks_mut::<8>().0.iter_mut().rev().zip(word) {
        *bytes = limb.to_be_bytes();
    }
    bytes
}

/// A word from the wire.
#[must_use]
pub fn from_bytes(bytes: &WireWord) -> Word {
    let limbs = bytes.as_chunks::<8>().0;
    std::array::from_fn(|limb| u64::from_be_bytes(limbs[3 - limb]))
}

/// Adds a vector to another modulo 2^256, word by word, as far as both go.
pub fn add_all(sums: &mut [WireWord], words: &[WireWord]) {
    for (sum, other) in sums.iter_mut().zip(words) {
        let mut word = from_bytes(sum);
        add(&mut word, &from_bytes(other));
        *sum = to_bytes(&word);
    }
}

/// A vector's bytes as words.
///
/// # Errors
/// [`Error::Length`] when there aren't exactly `32 * words` bytes.
pub fn read_words(bytes: &[u8], words: usize) -> Result<&[WireWord]> {
    same_length("bytes of words", words.saturating_mul(WORD_BYTES), bytes.len())?;
    Ok(bytes.as_chunks().0)
}

#[cfg(test)]
mod tests {
    use fearless_simd::{Level, dispatch};
    use proptest::prelude::*;

    use super::{LaneWidth, Word, add, add_all, from_bytes, pack, pack_any, read_words, sub, to_bytes, unpack};

    /// E5 by Horner's rule: double b times, add the sign-extended value.
    fn pack_as_written(width: LaneWidth, values: &[i32]) -> Word {
        let mut word = [0; 4];
        for value in values.iter().rev() {
            for _ in 0..width.bits() {
                let same = word;
                add(&mut word, &same);
            }
            let sign = i64::from(*value >> 31).cast_unsigned();
            add(&mut word, &[i64::from(*value).cast_unsigned(), sign, sign, sign]);
        }
        word
    }

    /// E6 digit by digit: what `(x - d) / 2^b` leaves above the raw digits is a carry of 0 or 1.
    fn unpack_as_written(width: LaneWidth, word: &Word) -> Vec<i32> {
        let (bits, half) = (width.bits() as usize, 1i64 << (width.bits() - 1));
        let bit = |index: usize| (word[index / 64] >> (index % 64) & 1) as i64;
        let mut carry = 0;
        let mut values = Vec::new();
        for lane in 0..width.lanes() {
            let raw: i64 = (0..bits).map(|index| bit(bits * lane + index) << index).sum::<i64>() + carry;
            let digit = (raw + half).rem_euclid(1 << bits) - half;
            carry = (raw - digit) >> bits;
            values.push(digit as i32);
        }
        values
    }

    fn any_width() -> impl Strategy<Value = LaneWidth> {
        prop::sample::select(LaneWidth::ALL.to_vec())
    }

    #[test]
    fn the_smallest_lane_that_holds_the_sum() {
        for (bound, bits) in [(7, 6), (8, 8), (31, 8), (32, 10), (127, 10), (128, 12), (511, 12), (512, 16), (8191, 16)]
        {
            assert_eq!(bits, LaneWidth::smallest(4, bound).unwrap().bits());
        }
        assert_eq!(Ok(LaneWidth::W32), LaneWidth::smallest(4, (1 << 29) - 1));
        assert!(LaneWidth::smallest(4, 1 << 29).is_err());
        assert!(LaneWidth::smallest(u64::MAX, u64::MAX).is_err());
    }

    #[test]
    fn values_outside_their_lane_are_refused() {
        for width in LaneWidth::ALL {
            let half = 1i64 << (width.bits() - 1);
            assert!(pack(width, &[-half as i32, (half - 1) as i32]).is_ok());
            if width != LaneWidth::W32 {
                assert!(pack(width, &[0, half as i32]).is_err());
                assert!(pack(width, &[0, (-half - 1) as i32]).is_err());
            }
        }
    }

    proptest! {
        #[test]
        fn any_word_unpacks_as_written(width in any_width(), word: Word) {
            prop_assert_eq!(Ok(unpack_as_written(width, &word)), unpack(width, &[to_bytes(&word)], width.lanes()));
        }

        #[test]
        fn any_values_pack_as_written(width in any_width(), raw in prop::collection::vec(any::<i32>(), 42)) {
            let values: Vec<i32> = raw[..width.lanes()].iter().map(|value| value >> (32 - width.bits())).collect();
            let words = pack(width, &values).unwrap();
            prop_assert_eq!(vec![to_bytes(&pack_as_written(width, &values))], words.clone());
            let mut portable = [[0; 32]];
            dispatch!(Level::baseline(), _simd => pack_any(width, &values, &mut portable));
            prop_assert_eq!(&words[..], &portable[..]);
            prop_assert_eq!(Ok(values), unpack(width, &words, width.lanes()));
        }

        #[test]
        fn words_round_trip(words in prop::collection::vec(any::<Word>(), 0..5)) {
            let wire: Vec<_> = words.iter().map(to_bytes).collect();
            prop_assert_eq!(Ok(&wire[..]), read_words(wire.as_flattened(), words.len()));
            prop_assert_eq!(words.clone(), wire.iter().map(from_bytes).collect::<Vec<_>>());
            prop_assert!(read_words(wire.as_flattened(), words.len() + 1).is_err());
        }

        #[test]
        fn addition_is_modulo_two_to_the_256(a: Word, b: Word) {
            let mut word = a;
            add(&mut word, &b);
            let carried = a.iter().zip(&b).fold((Vec::new(), 0), |(mut limbs, carry), (a, b)| {
                let sum = u128::from(*a) + u128::from(*b) + carry;
                limbs.push(sum as u64);
                (limbs, sum >> 64)
            });
            prop_assert_eq!(carried.0, word.to_vec());
            let mut sums = [to_bytes(&a)];
            add_all(&mut sums, &[to_bytes(&b)]);
            prop_assert_eq!([to_bytes(&word)], sums);
            sub(&mut word, &b);
            prop_assert_eq!(a, word);
            prop_assert_eq!(a, from_bytes(&to_bytes(&a)));
        }
    }
}
