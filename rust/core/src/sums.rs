//! Sums of many 256-bit words whose carries wait until all summands are in.
//!
//! Of each 64-bit limb two sums are kept: that of the limbs modulo 2^64 and that of their upper halves. Up to 2^31 summands,
//! they tell the exact sums of both halves, and with them the carries. Adding a word is then the same three operations on
//! every limb, in registers and as vector code; the serial work comes once a word, not once a summand.

use fearless_simd::{Level, Simd, SimdBase, dispatch, u64x8};

use crate::lanes::{WORD_BYTES, WireWord};

/// Words of a tile: 2 KiB, so that the summands of a group of 16 stay in the first-level cache.
pub const TILE_WORDS: usize = 64;

/// A tile of summands, each word as 32 little-endian bytes.
pub type Tile = [WireWord; TILE_WORDS];

/// Limbs that are summed at once: those of two words.
const LIMBS: usize = 8;
const LOWER: u64 = u32::MAX as u64;

/// Adds the tiles `plus` to `words`, each 32 big-endian bytes, at most [`TILE_WORDS`] of them, and takes the tiles `minus`
/// off, modulo 2^256.
pub fn combine(words: &mut [WireWord], plus: &[Tile], minus: &[Tile]) {
    dispatch!(Level::new(), simd => combine_pairs(simd, words, plus, minus));
}

#[inline(always)]
fn combine_pairs<S: Simd>(simd: S, words: &mut [WireWord], plus: &[Tile], minus: &[Tile]) {
    let (pairs, last) = words.as_chunks_mut::<2>();
    for (index, pair) in pairs.iter_mut().enumerate() {
        combine_pair(simd, index, pair, plus, minus);
    }
    if let [word] = last {
        let mut pair = [*word, [0; WORD_BYTES]];
        combine_pair(simd, pairs.len(), &mut pair, plus, minus);
        *word = pair[0];
    }
}

#[inline(always)]
fn combine_pair<S: Simd>(simd: S, index: usize, pair: &mut [WireWord; 2], plus: &[Tile], minus: &[Tile]) {
    let mut limbs = u64x8::splat(simd, 0);
    let mut uppers = u64x8::splat(simd, 0);
    for tile in plus {
        let summand = u64x8::from_slice(simd, &limbs_of(tile, index));
        limbs += summand;
        uppers += summand >> 32;
    }
    for tile in minus {
        let summand = u64x8::from_slice(simd, &limbs_of(tile, index));
        limbs -= summand;
        uppers -= summand >> 32;
    }
    for (word, start) in pair.iter_mut().zip([0, 4]) {
        let mut carry = 0;
        for (bytes, limb) in word.as_chunks_mut::<8>().0.iter_mut().rev().zip(start..) {
            let first = u64::from_be_bytes(*bytes);
            let (sum, upper) = (limbs[limb].wrapping_add(first), uppers[limb].wrapping_add(first >> 32));
            let lower = sum.wrapping_sub(upper << 32).cast_signed().wrapping_add(carry);
            let upper = upper.cast_signed().wrapping_add(lower >> 32);
            *bytes = (upper.cast_unsigned() << 32 | lower.cast_unsigned() & LOWER).to_be_bytes();
            carry = upper >> 32;
        }
    }
}

#[inline(always)]
fn limbs_of(tile: &Tile, pair: usize) -> [u64; LIMBS] {
    let bytes = &tile.as_flattened().as_chunks::<8>().0.as_chunks::<LIMBS>().0[pair];
    std::array::from_fn(|limb| u64::from_le_bytes(bytes[limb]))
}

#[cfg(test)]
mod tests {
    use fearless_simd::Level;
    use proptest::prelude::*;

    use super::{TILE_WORDS, Tile, combine, combine_pairs};
    use crate::lanes::{self, WireWord, Word};

    fn little_endian(word: &Word) -> WireWord {
        let mut bytes = lanes::to_bytes(word);
        bytes.reverse();
        bytes
    }

    fn tiles(summands: &[Word]) -> Vec<Tile> {
        summands.iter().map(|summand| [little_endian(summand); TILE_WORDS]).collect()
    }

    fn one_by_one(mut word: Word, plus: &[Word], minus: &[Word]) -> WireWord {
        plus.iter().for_each(|summand| lanes::add(&mut word, summand));
        minus.iter().for_each(|summand| lanes::sub(&mut word, summand));
        lanes::to_bytes(&word)
    }

    /// Limbs of ones and of zeros, which carry furthest, among random ones.
    fn any_word() -> impl Strategy<Value = Word> {
        let limb = || prop_oneof![Just(0), Just(1), Just(u64::MAX), Just(u64::from(u32::MAX)), any::<u64>()];
        [limb(), limb(), limb(), limb()]
    }

    fn any_words() -> impl Strategy<Value = Vec<Word>> {
        prop::collection::vec(any_word(), 0..20)
    }

    proptest! {
        #[test]
        fn carries_may_wait(start in any_word(), plus in any_words(), minus in any_words(), count in 0..=TILE_WORDS) {
            let mut words = vec![lanes::to_bytes(&start); count];
            combine(&mut words, &tiles(&plus), &tiles(&minus));
            prop_assert_eq!(vec![one_by_one(start, &plus, &minus); count], words);
        }

        #[test]
        fn the_portable_code_does_the_same(words: [WireWord; 3], plus in any_words(), minus in any_words()) {
            let (mut dispatched, mut portable) = (words, words);
            let (plus, minus) = (tiles(&plus), tiles(&minus));
            combine(&mut dispatched, &plus, &minus);
            fearless_simd::dispatch!(Level::baseline(), simd => combine_pairs(simd, &mut portable, &plus, &minus));
            prop_assert_eq!(dispatched, portable);
        }
    }
}
