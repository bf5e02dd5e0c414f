//! Weights to integers and back (PROTOCOL.md section 3, E2-E4).
//!
//! One pass makes the integers of a tile from the weights and, with `delta`, from the tile's random draws. All steps are
//! branch-free arithmetic that compilers turn into vector code: `floor` and conversions go through 1.5 * 2^52, whose
//! neighbours are the integers, and counters wrap (there are at most 2^20 parameters, so they never do).

use aes::Aes128;
use ctr::Ctr64LE;
use ctr::cipher::{KeyIvInit, StreamCipher};

use crate::error::{Error, Result, same_length};
use crate::gram::squared_norm;
use crate::params::{CodecParams, Encoding, Rule, WEIGHTS_SCALE};

/// Bytes of a rounding seed; AES takes the first 16.
pub const ROUNDING_SEED_BYTES: usize = 32;

const TILE: usize = 1024;
const DRAW_BYTES: usize = 8;
const SHRINK_STEP: f64 = 0.98;
/// 0.98^4096 is below 2^-119: whatever the draws, nothing but zeros is left long before.
const MAX_PASSES: u32 = 4096;
const NEAREST: f64 = 6_755_399_441_055_744.0;
/// 2^-53, the step of a draw.
const ULP: f64 = f64::EPSILON / 2.0;

/// Integers that can be packed, and what became of the weights on the way.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    /// v, shape (d,), each in `[-Q, Q]`.
    pub values: Vec<i32>,
    /// Weights or differences outside the clip, before any shrinking.
    pub clipped: usize,
    /// The factor by which rule `norm` made the difference smaller, in (0, 1]; 1.0 otherwise.
    pub scale: f64,
}

/// Encodes `weights` (E2 or E3), shape (d,). With `shrink` and rule `norm`, the difference is scaled down until
/// `4 N^2 sum v^2 <= d Q^2` (E4). `published` isn't looked at with `weights`; `rounding_seed` drives stochastic rounding.
///
/// # Errors
/// [`Error::Length`], [`Error::NotFinite`], and, with probability below 2^-100, [`Error::NotShrinkable`].
pub fn encode(
    params: &CodecParams,
    weights: &[f32],
    published: &[f32],
    rounding_seed: &[u8; ROUNDING_SEED_BYTES],
    shrink: bool,
) -> Result<Encoded> {
    same_length("weights", params.parameter_count(), weights.len())?;
    match params.encoding() {
        Encoding::Weights => encode_weights(params, weights),
        Encoding::Delta { clip } => {
            same_length("published weights", params.parameter_count(), published.len())?;
            let shrink = shrink && params.rule() == Rule::Norm;
            Delta { params, clip, weights, published }.encode(rounding_seed, shrink)
        }
    }
}

fn encode_weights(params: &CodecParams, weights: &[f32]) -> Result<Encoded> {
    check_finite("weights", weights)?;
    let bound = params.bound() as f64;
    let mut clipped = 0u32;
    let values = weights
        .iter()
        .map(|&weight| {
            let scaled = f64::from(weight) * WEIGHTS_SCALE;
            clipped = clipped.wrapping_add(u32::from(scaled.abs() > bound));
            nearest(within(scaled, bound))
        })
        .collect();
    Ok(Encoded { values, clipped: clipped as usize, scale: 1.0 })
}

struct Delta<'a> {
    params: &'a CodecParams,
    clip: f32,
    weights: &'a [f32],
    published: &'a [f32],
}

impl Delta<'_> {
    fn encode(&self, rounding_seed: &[u8; ROUNDING_SEED_BYTES], shrink: bool) -> Result<Encoded> {
        let mut draws = Draws::new(rounding_seed);
        let mut values = vec![0; self.weights.len()];
        let clipped = self.check_and_count()?;
        let mut scale = 1.0;
        self.round(scale, &mut draws, &mut values);
        if !shrink {
            return Ok(Encoded { values, clipped, scale });
        }
        let limit = self.params.norm_limit(1)?;
        let mut norm = squared_norm(&values);
        for _ in 0..MAX_PASSES {
            if norm <= limit {
                return Ok(Encoded { values, clipped, scale });
            }
            scale *= self.shrink_factor(norm);
            self.round(scale, &mut draws, &mut values);
            norm = squared_norm(&values);
        }
        Err(Error::NotShrinkable { passes: MAX_PASSES, squared_norm: norm, limit })
    }

    /// `min(0.98, sqrt(d Q^2 / (4 N^2 norm)))`; both integers are below 2^92.
    fn shrink_factor(&self, norm: u128) -> f64 {
        let (bound, members) = (u128::from(self.params.bound()), u128::from(self.params.members()));
        let corner = self.weights.len() as u128 * bound.pow(2);
        (corner as f64 / (4 * members.pow(2) * norm) as f64).sqrt().min(SHRINK_STEP)
    }

    fn check_and_count(&self) -> Result<usize> {
        let (mut infinite, mut clipped) = (0u32, 0u32);
        for (weight, published) in self.weights.iter().zip(self.published) {
            let difference = weight - published;
            infinite |= u32::from(!difference.is_finite());
            clipped = clipped.wrapping_add(u32::from(difference.abs() > self.clip));
        }
        if infinite == 0 {
            return Ok(clipped as usize);
        }
        check_finite("weights", self.weights)?;
        check_finite("published weights", self.published)?;
        let differences: Vec<f32> = self.weights.iter().zip(self.published).map(|(w, p)| w - p).collect();
        check_finite("differences to the published weights", &differences)?;
        Ok(clipped as usize)
    }

    fn round(&self, scale: f64, draws: &mut Draws, values: &mut [i32]) {
        let (clip, bound) = (f64::from(self.clip), self.params.bound() as f64);
        let weights = self.weights.chunks(TILE).zip(self.published.chunks(TILE));
        for (values, (weights, published)) in values.chunks_mut(TILE).zip(weights) {
            let draws = draws.next(values.len());
            for (((value, weight), published), draw) in values.iter_mut().zip(weights).zip(published).zip(draws) {
                let difference = f64::from(weight - published) * scale;
                let y = within(difference, clip) * bound / clip;
                *value = stochastic(within(y, bound), u64::from_le_bytes(*draw));
            }
        }
    }
}

/// `y` clipped to `[-limit, limit]`; `f64::clamp` would check its limits for each value, which forbids vector code.
#[inline]
fn within(y: f64, limit: f64) -> f64 {
    let y = if y > limit { limit } else { y };
    if y < -limit { -limit } else { y }
}

/// `floor(y) + [u < y - floor(y)]` with `u = (draw >> 11) 2^-53` (E2), for |y| < 2^31.
#[inline]
fn stochastic(y: f64, draw: u64) -> i32 {
    let nearest_to_y = (y + NEAREST) - NEAREST;
    let floor = nearest_to_y - if nearest_to_y > y { 1.0 } else { 0.0 };
    let up = if uniform(draw) < y - floor { 1.0 } else { 0.0 };
    nearest(floor + up)
}

/// `(draw >> 11) 2^-53`, exactly: the upper 52 bits as the mantissa of a number in [1, 2), less 1, and the bit below them.
#[inline]
fn uniform(draw: u64) -> f64 {
    let upper = f64::from_bits(draw >> 12 | 1f64.to_bits()) - 1.0;
    let lowest = f64::from_bits((draw >> 11 & 1).wrapping_neg() & ULP.to_bits());
    upper + lowest
}

/// The nearest integer, ties to even, for |y| < 2^31: adding 1.5 * 2^52 leaves it in the low bits of the mantissa.
#[inline]
fn nearest(y: f64) -> i32 {
    ((y + NEAREST).to_bits() as u32).cast_signed()
}

fn check_finite(what: &'static str, vector: &[f32]) -> Result<()> {
    match vector.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(Error::NotFinite { what, index, value: vector[index] }),
        None => Ok(()),
    }
}

struct Draws {
    stream: Ctr64LE<Aes128>,
    buffer: [[u8; DRAW_BYTES]; TILE],
}

impl Draws {
    fn new(seed: &[u8; ROUNDING_SEED_BYTES]) -> Self {
        let mut key = [0; 16];
        key.copy_from_slice(&seed[..16]);
        let stream = Ctr64LE::new(&key.into(), &[0; 16].into());
        Self { stream, buffer: [[0; DRAW_BYTES]; TILE] }
    }

    fn next(&mut self, count: usize) -> &[[u8; DRAW_BYTES]] {
        let draws = &mut self.buffer[..count.min(TILE)];
        self.stream.write_keystream(draws.as_flattened_mut());
        draws
    }
}

/// The mean of `count` summands in units of a weight, shape (d,): `S C / (Q count)` or `S / (10^8 count)`, in double
/// precision, then rounded to single. `sum` may be a sum over several groups of together `count` members.
#[must_use]
pub fn decode_mean(params: &CodecParams, sum: &[i64], count: u64) -> Vec<f32> {
    let (numerator, denominator) = params.mean_fraction(count as f64);
    sum.iter().map(|&sum| (sum as f64 * numerator / denominator) as f32).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{nearest, stochastic};

    fn stochastic_as_written(y: f64, draw: u64) -> i32 {
        let u = (draw >> 11) as f64 * 2f64.powi(-53);
        let floor = y.floor();
        floor as i32 + i32::from(u < y - floor)
    }

    #[test]
    fn borders_of_rounding() {
        for y in [0.0, -0.0, 0.5, -0.5, 1.5, 2.5, -1e-300, 1e-300, -7.0, 7.0, 2147483646.5, -2147483647.0] {
            for draw in [0, 1 << 10, 1 << 11, 1 << 63, u64::MAX] {
                assert_eq!(stochastic_as_written(y, draw), stochastic(y, draw), "y {y}, draw {draw}");
            }
            assert_eq!(y.round_ties_even() as i32, nearest(y));
        }
    }

    proptest! {
        #[test]
        fn rounding_is_as_written(y in -2147483646.0..2147483646.0f64, draw: u64) {
            prop_assert_eq!(stochastic_as_written(y, draw), stochastic(y, draw));
            prop_assert_eq!(y.round_ties_even() as i32, nearest(y));
        }
    }
}
