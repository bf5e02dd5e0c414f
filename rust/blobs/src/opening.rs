//! Openings of one element of a blob, by which anybody refutes a sum that is out of range, padding, or an upload (B8).

use crate::blob;
use crate::domain::{N, interpolate, root_of};
use crate::error::{Result, in_range};
use crate::field::{Word, from_word, quotient};
use crate::point::{Compressed, G1Projective, Point};
use crate::setup::{commit_to, is_times_tau};

/// Element `place` of a blob, and the proof of it, equal to `compute_kzg_proof` of EIP-4844 at [`point_of`] the place.
///
/// # Errors
/// [`crate::Error::Length`], [`crate::Error::NotCanonical`], [`crate::Error::OutOfRange`] for the place.
pub fn open(blob: &[u8], place: usize) -> Result<(Word, Compressed)> {
    in_range("place", 0, N as u64 - 1, place as u64)?;
    let mut polynomial = blob::read(blob)?;
    let value = polynomial[place].to_bytes_be();
    interpolate(&mut polynomial);
    Ok((value, commit_to(&quotient(&polynomial, root_of(place))).compressed()))
}

/// Whether the blob of `commitment` has `value` at `place`.
///
/// # Errors
/// [`crate::Error::OutOfRange`] for the place, [`crate::Error::NotCanonical`], [`crate::Error::NotAPoint`].
pub fn holds(commitment: &Compressed, place: usize, value: &Word, proof: &Compressed) -> Result<bool> {
    in_range("place", 0, N as u64 - 1, place as u64)?;
    let value = from_word(value, place)?;
    let commitment = Point::from_compressed("commitment", commitment)?;
    let proof = Point::from_compressed("proof", proof)?;
    let root = root_of(place);
    let moved = G1Projective::from(commitment.0) - generator() * value + proof.0 * root;
    Ok(is_times_tau(&Point::of(&moved), &proof))
}

/// The root of unity where a blob's polynomial has element `place`.
///
/// # Errors
/// [`crate::Error::OutOfRange`].
pub fn point_of(place: usize) -> Result<Word> {
    in_range("place", 0, N as u64 - 1, place as u64)?;
    Ok(root_of(place).to_bytes_be())
}

fn generator() -> G1Projective {
    ekzg_bls12_381::group::Group::generator()
}

#[cfg(test)]
mod tests {
    use super::{holds, open, point_of};
    use crate::{blob, commit};

    #[test]
    fn elements_open_and_nothing_else_does() {
        let values: Vec<i32> = (0..4096).map(|place| place * place % 1_000).collect();
        let blob = blob::masked(&values, 1_000, 0, &[]).unwrap();
        let commitment = commit(&blob).unwrap().compressed();
        for place in [0, 1, 5, 4095] {
            let (value, proof) = open(&blob, place).unwrap();
            assert_eq!(value, blob[32 * place..][..32]);
            assert_eq!(Ok(true), holds(&commitment, place, &value, &proof));
            assert_eq!(Ok(false), holds(&commitment, (place + 7) % 4096, &value, &proof));
            assert_eq!(Ok(false), holds(&commitment, place, &[1; 32], &proof));
            assert_eq!(Ok(false), holds(&proof, place, &value, &proof));
            assert_eq!(Ok(false), holds(&commitment, place, &value, &commitment));
        }
        let (value, proof) = open(&blob, 0).unwrap();
        let message = |refused: crate::Error| refused.to_string();
        assert_eq!(message(open(&blob, 4096).unwrap_err()), "place: expected 0 to 4095, got 4096");
        assert_eq!(message(point_of(4096).unwrap_err()), "place: expected 0 to 4095, got 4096");
        assert!(message(holds(&commitment, 0, &[0xff; 32], &proof).unwrap_err()).starts_with("element 0: expected"));
        assert!(message(holds(&[0; 48], 0, &value, &proof).unwrap_err()).starts_with("commitment: expected a point"));
    }
}
