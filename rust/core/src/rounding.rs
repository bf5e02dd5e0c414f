//! Stochastic rounding of a tile (PROTOCOL.md section 3, E2 and E3).
//!
//! All steps are branch-free arithmetic that compilers turn into vector code, for the widest vectors that the machine has:
//! `floor` and conversions go through 1.5 * 2^52, whose neighbours are the integers.

use aes::Aes128;
use ctr::Ctr64LE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use fearless_simd::{Level, dispatch};

use crate::gram::squared_norm_here;
use crate::params::WEIGHTS_SCALE;

/// Bytes of a rounding seed; AES takes the first 16.
pub const ROUNDING_SEED_BYTES: usize = 32;

/// Values of a tile: their weights, draws and integers stay in the first-level cache.
pub(crate) const TILE: usize = 1024;

const DRAW_BYTES: usize = 8;
const NEAREST: f64 = 6_755_399_441_055_744.0;
/// 2^-53, the step of a draw.
const ULP: f64 = f64::EPSILON / 2.0;

/// What was seen on the way.
#[derive(Clone, Copy, Default)]
pub(crate) struct Seen {
    /// A weight or difference isn't finite.
    pub(crate) not_finite: bool,
    /// Weights or differences outside the clip.
    pub(crate) clipped: usize,
    /// `sum v^2`, where it is asked for.
    pub(crate) squared_norm: u128,
}

impl Seen {
    pub(crate) fn add(&mut self, other: Self) {
        self.not_finite |= other.not_finite;
        self.clipped = self.clipped.wrapping_add(other.clipped);
        self.squared_norm = self.squared_norm.wrapping_add(other.squared_norm);
    }
}

/// A difference to the published weights, to be clipped to `[-clip, clip]` and rounded to `[-bound, bound]`.
pub(crate) struct Delta<'a> {
    pub(crate) weights: &'a [f32],
    pub(crate) published: &'a [f32],
    pub(crate) clip: f32,
    pub(crate) bound: f64,
    /// Whether the squared norm is asked for.
    pub(crate) measured: bool,
}

impl Delta<'_> {
    /// Rounds the `values.len()` differences from `start` on, at most [`TILE`] of them, by the next draws.
    pub(crate) fn round(&self, start: usize, scale: f64, draws: &mut Draws, values: &mut [i32]) -> Seen {
        let tile = start..start + values.len();
        let (weights, published) = (&self.weights[tile.clone()], &self.published[tile]);
        let draws = draws.next(values.len());
        dispatch!(Level::new(), _simd => self.round_tile(weights, published, scale, draws, values))
    }

    #[inline(always)]
    fn round_tile(
        &self,
        weights: &[f32],
        published: &[f32],
        scale: f64,
        draws: &[[u8; DRAW_BYTES]],
        values: &mut [i32],
    ) -> Seen {
        let (clip, bound) = (f64::from(self.clip), self.bound);
        let (mut not_finite, mut clipped) = (0u32, 0u32);
        for (((value, weight), published), draw) in values.iter_mut().zip(weights).zip(published).zip(draws) {
            let difference = weight - published;
            not_finite |= u32::from(!difference.is_finite());
            clipped = clipped.wrapping_add(u32::from(difference.abs() > self.clip));
            let y = within(f64::from(difference) * scale, clip) * bound / clip;
            *value = stochastic(within(y, bound), u64::from_le_bytes(*draw));
        }
        let squared_norm = if self.measured { squared_norm_here(values) } else { 0 };
        Seen { not_finite: not_finite != 0, clipped: clipped as usize, squared_norm }
    }
}

/// Rounds `weights * 10^8` to `[-bound, bound]`, ties to even (E3).
pub(crate) fn round_weights(weights: &[f32], bound: f64, values: &mut [i32]) -> Seen {
    dispatch!(Level::new(), _simd => round_weights_tile(weights, bound, values))
}

#[inline(always)]
fn round_weights_tile(weights: &[f32], bound: f64, values: &mut [i32]) -> Seen {
    let (mut not_finite, mut clipped) = (0u32, 0u32);
    for (value, weight) in values.iter_mut().zip(weights) {
        not_finite |= u32::from(!weight.is_finite());
        let scaled = f64::from(*weight) * WEIGHTS_SCALE;
        clipped = clipped.wrapping_add(u32::from(scaled.abs() > bound));
        *value = nearest(within(scaled, bound));
    }
    Seen { not_finite: not_finite != 0, clipped: clipped as usize, squared_norm: 0 }
}

/// `y` clipped to `[-limit, limit]`; `f64::clamp` would check its limits for each value, which forbids vector code.
#[inline(always)]
fn within(y: f64, limit: f64) -> f64 {
    let y = if y > limit { limit } else { y };
    if y < -limit { -limit } else { y }
}

/// `floor(y) + [u < y - floor(y)]` with `u = (draw >> 11) 2^-53` (E2), for |y| < 2^31.
#[inline(always)]
fn stochastic(y: f64, draw: u64) -> i32 {
    let nearest_to_y = (y + NEAREST) - NEAREST;
    let floor = nearest_to_y - if nearest_to_y > y { 1.0 } else { 0.0 };
    let up = if uniform(draw) < y - floor { 1.0 } else { 0.0 };
    nearest(floor + up)
}

/// `(draw >> 11) 2^-53`, exactly.
#[inline(always)]
fn uniform(draw: u64) -> f64 {
    (draw >> 11) as f64 * ULP
}

/// The nearest integer, ties to even, for |y| < 2^31: adding 1.5 * 2^52 leaves it in the low bits of the mantissa.
#[inline(always)]
fn nearest(y: f64) -> i32 {
    ((y + NEAREST).to_bits() as u32).cast_signed()
}

/// The draws of a rounding seed, in order.
pub(crate) struct Draws {
    stream: Ctr64LE<Aes128>,
    buffer: [[u8; DRAW_BYTES]; TILE],
}

impl Draws {
    pub(crate) fn new(seed: &[u8; ROUNDING_SEED_BYTES]) -> Self {
        let mut key = [0; 16];
        key.copy_from_slice(&seed[..16]);
        let stream = Ctr64LE::new(&key.into(), &[0; 16].into());
        Self { stream, buffer: [[0; DRAW_BYTES]; TILE] }
    }

    pub(crate) fn next(&mut self, count: usize) -> &[[u8; DRAW_BYTES]] {
        let draws = &mut self.buffer[..count.min(TILE)];
        self.stream.write_keystream(draws.as_flattened_mut());
        draws
    }
}

#[cfg(test)]
mod tests {
    use fearless_simd::{Level, dispatch};
    use proptest::prelude::*;

    use super::{Delta, Draws, TILE, nearest, round_weights, round_weights_tile, stochastic};

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

        #[test]
        fn the_portable_code_does_the_same(weights in prop::collection::vec(any::<f32>(), 1..99), clip in 1e-30f32..1e30) {
            let published = vec![clip; weights.len()];
            let delta = Delta { weights: &weights, published: &published, clip, bound: 7.0, measured: true };
            let (mut dispatched, mut portable) = (vec![0; weights.len()], vec![0; weights.len()]);
            let (mut draws, mut same_draws) = (Draws::new(&[5; 32]), Draws::new(&[5; 32]));
            let seen = delta.round(0, 0.5, &mut draws, &mut dispatched);
            let draws = same_draws.next(TILE.min(weights.len()));
            let expected = dispatch!(Level::baseline(), _simd => {
                delta.round_tile(&weights, &published, 0.5, draws, &mut portable)
            });
            if !expected.not_finite {
                prop_assert_eq!(&portable, &dispatched);
                prop_assert_eq!(expected.squared_norm, seen.squared_norm);
            }
            prop_assert_eq!((expected.not_finite, expected.clipped), (seen.not_finite, seen.clipped));
            let seen = round_weights(&weights, 1e9, &mut dispatched);
            let expected =
                dispatch!(Level::baseline(), _simd => round_weights_tile(&weights, 1e9, &mut portable));
            prop_assert_eq!((expected.not_finite, expected.clipped), (seen.not_finite, seen.clipped));
            if !expected.not_finite {
                prop_assert_eq!(portable, dispatched);
            }
        }
    }
}
