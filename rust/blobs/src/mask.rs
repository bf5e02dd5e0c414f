//! Masks in the field, any element of which can be had alone (B1).
//!
//! Element i of the stream of seed s is (hi 2^256 + lo) mod q, hi = keccak256(s || i || 0x00), lo = keccak256(s || i || 0x01), i
//! as eight big-endian bytes. 512 bits modulo a number of 255 are within 2^-256 of uniform, without rejection: a contract
//! evaluates one element with two hashes.

use ekzg_bls12_381::ff::Field;
use omnilytics_core::digest::{domain, keccak256, keccak256_each};
use omnilytics_core::keys::MaskKey;
use omnilytics_core::mask::{GroupContext, PairSeed, Sign, pair_seeds};
use zeroize::{Zeroize, Zeroizing};

use crate::error::Result;
use crate::field::{Scalar, Word, from_hash};

/// Bytes of seed, index and half.
const MESSAGE_BYTES: usize = 41;

/// Elements whose hashes are made at once.
const TILE: usize = 64;

const SEED_DOMAIN: Word = domain("omnilytics/blob-mask/1");

/// The seeds that a member shares with each peer in blob mode: of those of calldata mode (E10), so that one who opens a
/// blob's seed tells nothing about the other.
///
/// # Errors
/// Those of [`pair_seeds`].
pub fn blob_seeds(members: u64, key: &MaskKey, context: &GroupContext) -> omnilytics_core::Result<Vec<PairSeed>> {
    Ok(in_blobs(pair_seeds(members, key, context)?))
}

/// Seeds of masks in calldata mode (E10, E34), as blob mode has them.
#[must_use]
pub fn in_blobs(mut seeds: Vec<PairSeed>) -> Vec<PairSeed> {
    seeds.iter_mut().for_each(|one| one.seed = Zeroizing::new(keccak256(&[&SEED_DOMAIN, &*one.seed])));
    seeds
}

/// Element `index` of the stream of `seed`, 32 big-endian bytes.
#[must_use]
pub fn mask_at(seed: &Word, index: u64) -> Word {
    let hash = |half: u8| keccak256(&[seed, &index.to_be_bytes(), &[half]]);
    wide(&hash(0), &hash(1)).to_bytes_be()
}

/// hi 2^256 + lo, modulo q.
fn wide(high: &Word, low: &Word) -> Scalar {
    // 2^256 mod q, by squaring 2^32 three times
    let shift = (0..3).fold(Scalar::from(1 << 32), |power, _| power.square());
    from_hash(high) * shift + from_hash(low)
}

/// Adds elements `index`, `index + 1` and so on of each stream to `values`, or takes them off.
///
/// # Errors
/// [`crate::Error::OutOfRange`] if an index would have more than 64 bits.
pub(crate) fn add(values: &mut [Scalar], index: u64, pairs: &[PairSeed]) -> Result<()> {
    let last = u64::MAX - values.len() as u64;
    crate::error::in_range("index", 0, last, index)?;
    for pair in pairs {
        for (tile, values) in (0..).zip(values.chunks_mut(TILE)) {
            add_tile(values, index + tile * TILE as u64, pair);
        }
    }
    Ok(())
}

fn add_tile(values: &mut [Scalar], index: u64, pair: &PairSeed) {
    let mut messages = Zeroizing::new([[0; MESSAGE_BYTES]; 2 * TILE]);
    for (half, message) in messages.iter_mut().enumerate() {
        message[..32].copy_from_slice(&*pair.seed);
        message[32..40].copy_from_slice(&(index.wrapping_add(half as u64 / 2)).to_be_bytes());
        message[40] = (half % 2) as u8;
    }
    let slices: Vec<&[u8]> = messages[..2 * values.len()].iter().map(<[u8; MESSAGE_BYTES]>::as_slice).collect();
    let mut hashes = keccak256_each(&slices);
    for (value, hash) in values.iter_mut().zip(hashes.as_chunks::<2>().0) {
        let mask = wide(&hash[0], &hash[1]);
        if pair.sign == Sign::Plus { *value += mask } else { *value -= mask }
    }
    hashes.zeroize();
}

#[cfg(test)]
mod tests {
    use ekzg_bls12_381::ff::Field;
    use proptest::prelude::*;

    use super::{PairSeed, Scalar, Sign, TILE, add, mask_at};
    use crate::field::from_word;

    fn pair(seed: u8, sign: Sign) -> PairSeed {
        PairSeed { peer: 0, seed: [seed; 32].into(), sign }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(16))]

        #[test]
        fn elements_are_those_of_the_streams(count in 0..3 * TILE, index in 0..u64::MAX / 2, seeds: [u8; 2]) {
            let mut values = vec![Scalar::ONE; count];
            add(&mut values, index, &[pair(seeds[0], Sign::Plus), pair(seeds[1], Sign::Minus)]).unwrap();
            let element = |seed: u8, place: usize| from_word(&mask_at(&[seed; 32], index + place as u64), 0).unwrap();
            let expected = (0..count).map(|place| Scalar::ONE + element(seeds[0], place) - element(seeds[1], place));
            prop_assert_eq!(expected.collect::<Vec<_>>(), values);
        }
    }

    #[test]
    fn both_halves_and_the_index_matter() {
        let all = [mask_at(&[1; 32], 0), mask_at(&[1; 32], 1), mask_at(&[2; 32], 0)];
        assert!(all[0] != all[1] && all[0] != all[2]);
        let message = add(&mut [Scalar::ZERO; 2], u64::MAX - 1, &[]).unwrap_err().to_string();
        assert!(message.starts_with("index: expected 0 to"), "{message}");
    }
}
