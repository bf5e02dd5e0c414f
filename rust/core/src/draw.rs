//! The permutation that seats members (PROTOCOL.md section 6.1, E14).
//!
//! A balanced Feistel network of four rounds over 2h bits, walked until it lands below n: the members below n are a union of
//! parts of its cycles, so the walk is a permutation of them, and no place has to be stored.

use crate::digest::{Address, Hash, abi_address, keccak256, uint256};
use crate::error::{Result, in_range};

const ROUNDS: u64 = 4;

/// Most members that a draw takes: its round function hashes `4 r + k` as a 64-bit number.
pub const MAX_COUNT: u64 = 1 << 62;

/// The seed of a draw: keccak256 of the draw block's hash and the session's address as 32 bytes.
#[must_use]
pub fn draw_seed(block_hash: &Hash, session: &Address) -> Hash {
    keccak256(&[block_hash, &abi_address(session)])
}

/// pi(index) over `[0, count)`. The number of hashes is 4 on average up to 16, whatever `count`.
///
/// # Errors
/// [`crate::Error::OutOfRange`] unless `index < count <= 2^62`.
pub fn permutation(seed: &Hash, count: u64, index: u64) -> Result<u64> {
    let count = in_range("count", 1, MAX_COUNT, count)?;
    let mut x = in_range("index", 0, count - 1, index)?;
    let half = (1..31).find(|half| 1 << (2 * half) >= count).unwrap_or(31);
    let mask = (1 << half) - 1;
    loop {
        let (mut left, mut right) = (x >> half, x & mask);
        for round in 0..ROUNDS {
            let hash = keccak256(&[seed, &uint256(ROUNDS * right + round)]);
            let low = hash[24..].iter().fold(0, |low, byte| low << 8 | u64::from(*byte));
            (left, right) = (right, left ^ (low & mask));
        }
        x = left << half | right;
        if x < count {
            return Ok(x);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::permutation;

    #[test]
    fn every_count_is_permuted() {
        for count in 1..=70 {
            let mut places: Vec<u64> = (0..count).map(|index| permutation(&[7; 32], count, index).unwrap()).collect();
            places.sort_unstable();
            assert_eq!((0..count).collect::<Vec<_>>(), places);
        }
    }

    #[test]
    fn what_cannot_be_permuted_is_refused() {
        assert!(permutation(&[0; 32], 0, 0).is_err());
        assert!(permutation(&[0; 32], 5, 5).is_err());
        assert!(permutation(&[0; 32], u64::MAX, 0).is_err());
        assert!(permutation(&[0; 32], 1 << 62, (1 << 62) - 1).is_ok());
    }
}
