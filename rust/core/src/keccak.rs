//! keccak256 of many messages at once, as many as a vector has 64-bit places; above all suite `keccak` (PROTOCOL.md section 5,
//! E11), whose word `k` is the hash of seed and index, one permutation of 1,600 bits.
//!
//! The permutations of different messages do the same steps on different numbers, so each lane of the state is a vector. Source: FIPS 202, sections 3.2 and 3.3; the padding is
//! Ethereum's, 0x01 where SHA-3 has 0x06.

use fearless_simd::{Level, Simd, SimdBase, dispatch};

use crate::lanes::WireWord;

const ROUNDS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808a,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808b,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008a,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000a,
    0x0000_0000_8000_808b,
    0x8000_0000_0000_008b,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800a,
    0x8000_0000_8000_000a,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

/// Takes lanes along the one cycle of pi, which starts at lane 1, to places `to`, and turns them by `bits` (rho); written out,
/// since a loop would keep the state out of registers.
macro_rules! rho_pi {
    ($state:ident, $simd:ty, $($to:literal:$bits:literal)*) => {
        let mut carried = $state[1];
        $((carried, $state[$to]) = ($state[$to], turned::<$simd, $bits>(carried));)*
        let _ = carried;
    };
}

/// Lane and value of the padding of 64 bytes to the rate, 136.
const PADDING: [(usize, u64); 2] = [(8, 1), (16, 1 << 63)];

/// Words `next`, `next + 1` and so on of a seed, each as 32 little-endian bytes.
pub(crate) fn fill(seed: &[u8; 32], next: u64, words: &mut [WireWord]) {
    dispatch!(Level::new(), simd => fill_vectors(simd, seed, next, words));
}

#[inline(always)]
fn fill_vectors<S: Simd>(simd: S, seed: &[u8; 32], next: u64, words: &mut [WireWord]) {
    for (index, words) in words.chunks_mut(S::u64s::LEN).enumerate() {
        let first = next.wrapping_add((index * S::u64s::LEN) as u64);
        let digests = permuted(simd, seed, first);
        for (place, word) in words.iter_mut().enumerate() {
            for (bytes, lane) in word.as_chunks_mut::<8>().0.iter_mut().rev().zip(&digests) {
                *bytes = lane.as_slice()[place].to_be_bytes();
            }
        }
    }
}

/// The first four lanes of the states of words `first`, `first + 1` and so on.
#[inline(always)]
fn permuted<S: Simd>(simd: S, seed: &[u8; 32], first: u64) -> [S::u64s; 4] {
    let mut state = [S::u64s::splat(simd, 0); 25];
    for (lane, bytes) in state.iter_mut().zip(seed.as_chunks::<8>().0) {
        *lane = S::u64s::splat(simd, u64::from_le_bytes(*bytes));
    }
    for (place, index) in state[7].as_mut_slice().iter_mut().enumerate() {
        *index = first.wrapping_add(place as u64).swap_bytes();
    }
    for (lane, value) in PADDING {
        state[lane] = S::u64s::splat(simd, value);
    }
    for constant in ROUNDS {
        round::<S>(&mut state, constant);
    }
    [state[0], state[1], state[2], state[3]]
}

/// Lanes of a block, 136 bytes.
const RATE_LANES: usize = 17;

/// The hashes of messages of equal length; bytes beyond the length of the first one don't count.
pub(crate) fn hashes(messages: &[&[u8]]) -> Vec<[u8; 32]> {
    dispatch!(Level::new(), simd => hash_vectors(simd, messages))
}

#[inline(always)]
fn hash_vectors<S: Simd>(simd: S, messages: &[&[u8]]) -> Vec<[u8; 32]> {
    let mut hashes = Vec::with_capacity(messages.len());
    for messages in messages.chunks(S::u64s::LEN) {
        let state = absorbed(simd, messages);
        for place in 0..messages.len() {
            let mut hash = [0; 32];
            for (bytes, lane) in hash.as_chunks_mut::<8>().0.iter_mut().zip(&state) {
                *bytes = lane.as_slice()[place].to_le_bytes();
            }
            hashes.push(hash);
        }
    }
    hashes
}

/// The states of the sponges that have taken in a message each, at most as many as there are places.
#[inline(always)]
fn absorbed<S: Simd>(simd: S, messages: &[&[u8]]) -> [S::u64s; 25] {
    let mut state = [S::u64s::splat(simd, 0); 25];
    let length = messages.first().map_or(0, |message| message.len());
    let (rate, zero) = (8 * RATE_LANES, S::u64s::splat(simd, 0));
    for start in (0..=length).step_by(rate) {
        let mut block = [zero; RATE_LANES];
        for (place, message) in messages.iter().enumerate() {
            let rest = message.get(start..length).unwrap_or_default();
            let (lanes, tail) = rest[..rest.len().min(rate)].as_chunks::<8>();
            for (lane, bytes) in block.iter_mut().zip(lanes) {
                lane.as_mut_slice()[place] = u64::from_le_bytes(*bytes);
            }
            if rest.len() < rate {
                let mut last = [0; 8];
                last[..tail.len()].copy_from_slice(tail);
                last[tail.len()] = 1;
                block[lanes.len()].as_mut_slice()[place] = u64::from_le_bytes(last);
                block[RATE_LANES - 1].as_mut_slice()[place] |= 1 << 63;
            }
        }
        for (lane, word) in state.iter_mut().zip(block) {
            *lane ^= word;
        }
        for constant in ROUNDS {
            round::<S>(&mut state, constant);
        }
    }
    state
}

/// Without closures: one that isn't inlined would be compiled for the least of vector units.
#[inline(always)]
fn round<S: Simd>(state: &mut [S::u64s; 25], constant: u64) {
    let mut columns = [state[0], state[1], state[2], state[3], state[4]];
    for y in [5, 10, 15, 20] {
        for x in 0..5 {
            columns[x] ^= state[x + y];
        }
    }
    for x in 0..5 {
        let mix = columns[(x + 4) % 5] ^ turned::<S, 1>(columns[(x + 1) % 5]);
        for y in [0, 5, 10, 15, 20] {
            state[x + y] ^= mix;
        }
    }
    rho_pi!(state, S, 10:1 7:3 11:6 17:10 18:15 3:21 5:28 16:36 8:45 21:55 24:2 4:14 15:27 23:41 19:56 13:8 12:25 2:43 20:62 14:18 22:39 9:61 6:20 1:44);
    for y in [0, 5, 10, 15, 20] {
        let row = [state[y], state[y + 1], state[y + 2], state[y + 3], state[y + 4]];
        for x in 0..5 {
            state[y + x] = row[x] ^ (!row[(x + 1) % 5] & row[(x + 2) % 5]);
        }
    }
    state[0] ^= constant;
}

#[inline(always)]
fn turned<S: Simd, const BITS: u32>(lane: S::u64s) -> S::u64s {
    lane << BITS | lane >> (64 - BITS)
}

#[cfg(test)]
mod tests {
    use fearless_simd::{Level, dispatch};
    use proptest::prelude::*;

    use super::{fill, fill_vectors, hash_vectors, hashes};
    use crate::digest::{keccak256, uint256};
    use crate::lanes::WireWord;

    proptest! {
        #[test]
        fn many_hashes_are_those_of_each(message: [u8; 32], length in 0..300usize, count in 0..20u8) {
            let message = |index: u8| -> Vec<u8> { message.iter().cycle().take(length).map(|b| b ^ index).collect() };
            let messages: Vec<Vec<u8>> = (0..count).map(message).collect();
            let slices: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
            let expected: Vec<[u8; 32]> = slices.iter().map(|message| keccak256(&[message])).collect();
            prop_assert_eq!(&expected, &hashes(&slices));
            prop_assert_eq!(&expected, &dispatch!(Level::baseline(), simd => hash_vectors(simd, &slices)));
        }

        #[test]
        fn words_are_the_hashes_of_seed_and_index(seed: [u8; 32], next: u64, count in 0..20usize) {
            let mut words = vec![[0; 32]; count];
            fill(&seed, next, &mut words);
            let mut portable = words.clone();
            dispatch!(Level::baseline(), simd => fill_vectors(simd, &seed, next, &mut portable));
            prop_assert_eq!(&words, &portable);
            words.iter_mut().for_each(|word| word.reverse());
            let indices = (0..count as u64).map(|place| uint256(next.wrapping_add(place)));
            let expected: Vec<WireWord> = indices.map(|index| keccak256(&[&seed, &index])).collect();
            prop_assert_eq!(expected, words);
        }
    }
}
