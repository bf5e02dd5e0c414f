//! The published weights as words (PROTOCOL.md section 4): float32 bit patterns, eight a word, lane 0 lowest.

use crate::error::{Error, Result, same_length};
use crate::lanes::WORD_BYTES;

/// float32 lanes of a word.
pub const FLOAT_LANES: usize = 8;

/// A vector's wire bytes, `32 * ceil(d / 8)` of them; unused lanes are zero.
///
/// # Errors
/// [`Error::NotFinite`].
pub fn float_words(vector: &[f32]) -> Result<Vec<u8>> {
    check_finite(vector)?;
    let mut bytes = Vec::with_capacity(vector.len().div_ceil(FLOAT_LANES) * WORD_BYTES);
    for lanes in vector.chunks(FLOAT_LANES) {
        let mut word = [0; WORD_BYTES];
        for (lane, value) in word.as_chunks_mut::<4>().0.iter_mut().rev().zip(lanes) {
            *lane = value.to_bits().to_be_bytes();
        }
        bytes.extend_from_slice(&word);
    }
    Ok(bytes)
}

/// The vector of `count` values that [`float_words`] packed.
///
/// # Errors
/// [`Error::Length`], [`Error::NotFinite`], [`Error::Padding`] when an unused lane isn't zero.
pub fn from_float_words(bytes: &[u8], count: usize) -> Result<Vec<f32>> {
    same_length("bytes of published words", count.div_ceil(FLOAT_LANES).saturating_mul(WORD_BYTES), bytes.len())?;
    let words = bytes.as_chunks::<WORD_BYTES>().0;
    let lanes = words.iter().flat_map(|word| word.as_chunks::<4>().0.iter().rev());
    let bits: Vec<u32> = lanes.map(|lane| u32::from_be_bytes(*lane)).collect();
    let (used, unused) = bits.split_at(count.min(bits.len()));
    if let Some(&given) = unused.iter().find(|bits| **bits != 0) {
        return Err(Error::Padding { given });
    }
    let vector: Vec<f32> = used.iter().map(|bits| f32::from_bits(*bits)).collect();
    check_finite(&vector)?;
    Ok(vector)
}

fn check_finite(vector: &[f32]) -> Result<()> {
    match vector.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(Error::NotFinite { what: "published weights", index, value: vector[index] }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{float_words, from_float_words};

    #[test]
    fn round_trip_and_refusals() {
        let vector: Vec<f32> = (0..11).map(|k| k as f32 - 4.5).collect();
        let bytes = float_words(&vector).unwrap();
        assert_eq!(64, bytes.len());
        assert_eq!((-4.5f32).to_bits().to_be_bytes(), bytes[28..32]);
        assert_eq!(Ok(vector), from_float_words(&bytes, 11));
        assert!(from_float_words(&bytes, 10).is_err());
        assert!(from_float_words(&bytes, 8).is_err());
        assert!(float_words(&[f32::NAN]).is_err());
        assert!(from_float_words(&[0x7f, 0x80, 0, 0].repeat(8), 8).is_err());
    }
}
