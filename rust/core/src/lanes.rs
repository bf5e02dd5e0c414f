//! Signed lanes in 256-bit words (PROTOCOL.md section 3, E5 and E6).
//!
//! With `B = sum_l 2^(b-1) 2^(bl)` both directions lose their carries: `word = (unsigned lanes v_l + 2^(b-1)) - B`, and the
//! lanes of `S + B`, less `2^(b-1)`, are those that E6 peels off one by one.

use crate::error::{Error, Result, same_length};

/// 256 bits as four 64-bit limbs, the lowest first.
pub type Word = [u64; 4];

/// Bytes of a word on the wire.
pub const WORD_BYTES: usize = 32;

const MAX_LANES: usize = 42;

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

    fn pack(values: &[i32]) -> Word {
        let mut word = [0; 4];
        for (lane, value) in values.iter().take(Self::LANES).enumerate() {
            let biased = u64::from(value.cast_unsigned().wrapping_add(Self::HALF)) & Self::MASK;
            let (limb, shift) = (B * lane / 64, B * lane % 64);
            word[limb] |= biased << shift;
            if shift + B > 64 {
                word[limb + 1] |= biased >> (64 - shift);
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

    fn pack_all(values: &[i32], words: &mut [Word]) {
        let full = values.chunks_exact(Self::LANES);
        let rest = full.remainder();
        for (word, lanes) in words.iter_mut().zip(full) {
            *word = Self::pack(lanes);
        }
        if let (false, Some(word)) = (rest.is_empty(), words.get_mut(values.len() / Self::LANES)) {
            let mut lanes = [0; MAX_LANES];
            lanes[..rest.len()].copy_from_slice(rest);
            *word = Self::pack(&lanes);
        }
    }

    fn unpack_all(words: &[Word], values: &mut [i32]) {
        for (lanes, word) in values.chunks_mut(Self::LANES).zip(words) {
            Self::unpack(*word, lanes);
        }
    }
}

/// Packs integers that are known to fit their lanes; `words` has `ceil(values / L)` places.
pub(crate) fn pack_into(width: LaneWidth, values: &[i32], words: &mut [Word]) {
    match width {
        LaneWidth::W6 => Lane::<6>::pack_all(values, words),
        LaneWidth::W8 => Lane::<8>::pack_all(values, words),
        LaneWidth::W10 => Lane::<10>::pack_all(values, words),
        LaneWidth::W12 => Lane::<12>::pack_all(values, words),
        LaneWidth::W16 => Lane::<16>::pack_all(values, words),
        LaneWidth::W32 => Lane::<32>::pack_all(values, words),
    }
}

/// Integers to words (E5): parameter `k` in word `k / L`, lane `k % L`; unused lanes of the last word are zero.
///
/// # Errors
/// [`Error::LaneValue`] when a value isn't in `[-2^(b-1), 2^(b-1))`.
pub fn pack(width: LaneWidth, values: &[i32]) -> Result<Vec<Word>> {
    let (min, max) = (-(1i64 << (width.bits() - 1)), (1i64 << (width.bits() - 1)) - 1);
    if let Some(index) = values.iter().position(|&value| !(min..=max).contains(&i64::from(value))) {
        return Err(Error::LaneValue { index, min, max, given: values[index] });
    }
    let mut words = vec![[0; 4]; values.len().div_ceil(width.lanes())];
    pack_into(width, values, &mut words);
    Ok(words)
}

/// A sum's words to integers (E6), shape (`count`,), each in `[-2^(b-1), 2^(b-1))`. Lanes beyond `count` are dropped.
///
/// # Errors
/// [`Error::Length`] when there aren't `ceil(count / L)` words.
pub fn unpack(width: LaneWidth, words: &[Word], count: usize) -> Result<Vec<i32>> {
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

/// A word as 32 big-endian bytes.
#[must_use]
pub fn to_bytes(word: &Word) -> [u8; WORD_BYTES] {
    let mut bytes = [0; WORD_BYTES];
    for (bytes, limb) in bytes.chunks_exact_mut(8).zip(word.iter().rev()) {
        bytes.copy_from_slice(&limb.to_be_bytes());
    }
    bytes
}

/// 32 big-endian bytes as a word; shorter input counts as padded with zeros on the right.
#[must_use]
pub fn from_bytes(bytes: &[u8]) -> Word {
    let mut padded = [0; WORD_BYTES];
    for (to, from) in padded.iter_mut().zip(bytes) {
        *to = *from;
    }
    let mut word = [0; 4];
    for (bytes, limb) in padded.chunks_exact(8).zip(word.iter_mut().rev()) {
        *limb = bytes.iter().fold(0, |limb, byte| limb << 8 | u64::from(*byte));
    }
    word
}

/// A vector's wire bytes as words.
///
/// # Errors
/// [`Error::Length`] when there aren't exactly `32 * words` bytes.
pub fn read_words(bytes: &[u8], words: usize) -> Result<Vec<Word>> {
    same_length("bytes of words", words.saturating_mul(WORD_BYTES), bytes.len())?;
    Ok(bytes.chunks_exact(WORD_BYTES).map(from_bytes).collect())
}

/// Words as wire bytes.
#[must_use]
pub fn write_words(words: &[Word]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(words.len() * WORD_BYTES);
    for word in words {
        bytes.extend_from_slice(&to_bytes(word));
    }
    bytes
}
