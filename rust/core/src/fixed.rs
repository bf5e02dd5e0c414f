//! Weights to words and back (PROTOCOL.md section 3, E2-E5).
//!
//! A vector goes through memory once a pass, in tiles that stay in the first-level cache: rounded, counted, packed, and
//! written as words. No integer is kept, so encoding needs no room but that of the words.

use crate::error::{Error, Result, in_range, same_length};
use crate::lanes::{MAX_LANES, WireWord, pack_into};
use crate::params::{CodecParams, Coding, Encoding, MAX_GROUPS};
use crate::rounding::{Delta, Draws, Seen, TILE, round_weights};
use crate::select::least_common_multiple;

pub use crate::rounding::ROUNDING_SEED_BYTES;

const SHRINK_STEP: f64 = 0.98;
/// 0.98^4096 is below 2^-119: whatever the draws, nothing but zeros is left long before.
const MAX_PASSES: u32 = 4096;

/// What became of the weights on their way to words.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Encoded {
    /// Weights or differences outside the clip, before any shrinking.
    pub clipped: usize,
    /// The factor by which E4 made the difference smaller, in (0, 1]; 1.0 otherwise.
    pub scale: f64,
}

/// Encodes `weights` (E2 or E3), shape (d,), into `words`, `ceil(d / L)` words on the wire (E5). With `shrink`, a difference
/// is scaled down until `4 N^2 sum v^2 <= d Q^2` (E4), as rule `norm` asks. `published` isn't looked at with `weights`;
/// `rounding_seed` drives stochastic rounding.
///
/// # Errors
/// [`Error::Length`], [`Error::NotFinite`], and, with probability below 2^-100, [`Error::NotShrinkable`]; `words` then holds
/// nothing of use.
pub fn encode(
    coding: &Coding,
    weights: &[f32],
    published: &[f32],
    rounding_seed: &[u8; ROUNDING_SEED_BYTES],
    shrink: bool,
    words: &mut [WireWord],
) -> Result<Encoded> {
    same_length("words", weights.len().div_ceil(coding.width().lanes()), words.len())?;
    match coding.encoding() {
        Encoding::Weights => {
            let bound = coding.bound() as f64;
            let seen = pass(coding, weights.len(), words, |start, values| {
                round_weights(&weights[start..start + values.len()], bound, values)
            });
            if seen.not_finite {
                check_finite("weights", weights.iter().copied())?;
            }
            Ok(Encoded { clipped: seen.clipped, scale: 1.0 })
        }
        Encoding::Delta { clip } => {
            same_length("published weights", weights.len(), published.len())?;
            let delta = Delta { weights, published, clip, bound: coding.bound() as f64, measured: shrink };
            encode_delta(coding, &delta, rounding_seed, words)
        }
    }
}

fn encode_delta(
    coding: &Coding,
    delta: &Delta,
    rounding_seed: &[u8; ROUNDING_SEED_BYTES],
    words: &mut [WireWord],
) -> Result<Encoded> {
    let mut draws = Draws::new(rounding_seed);
    let mut round =
        |scale| pass(coding, delta.weights.len(), words, |start, values| delta.round(start, scale, &mut draws, values));
    let mut seen = round(1.0);
    if seen.not_finite {
        check_finite("weights", delta.weights.iter().copied())?;
        check_finite("published weights", delta.published.iter().copied())?;
        let differences = delta.weights.iter().zip(delta.published).map(|(weight, published)| weight - published);
        check_finite("differences to the published weights", differences)?;
    }
    let (clipped, mut scale) = (seen.clipped, 1.0);
    let limit = coding.norm_limit(delta.weights.len(), 1)?;
    for _ in 0..MAX_PASSES {
        if !delta.measured || seen.squared_norm <= limit {
            return Ok(Encoded { clipped, scale });
        }
        scale *= shrink_factor(coding, delta.weights.len(), seen.squared_norm);
        seen = round(scale);
    }
    Err(Error::NotShrinkable { passes: MAX_PASSES, squared_norm: seen.squared_norm, limit })
}

/// `min(0.98, sqrt(d Q^2 / (4 N^2 norm)))`; both integers are below 2^128.
fn shrink_factor(coding: &Coding, parameters: usize, norm: u128) -> f64 {
    let (bound, members) = (u128::from(coding.bound()), u128::from(coding.members()));
    let corner = parameters as u128 * bound.pow(2);
    (corner as f64 / (4 * members.pow(2) * norm) as f64).sqrt().min(SHRINK_STEP)
}

/// Fills tile after tile of integers by `round`, which gets the place of a tile's first, and packs what makes whole words.
fn pass(
    coding: &Coding,
    count: usize,
    words: &mut [WireWord],
    mut round: impl FnMut(usize, &mut [i32]) -> Seen,
) -> Seen {
    let lanes = coding.width().lanes();
    let mut seen = Seen::default();
    let mut values = [0; MAX_LANES + TILE];
    let (mut waiting, mut packed) = (0, 0);
    for start in (0..count).step_by(TILE) {
        let fresh = TILE.min(count - start);
        let ready = waiting + fresh;
        seen.add(round(start, &mut values[waiting..ready]));
        let whole = if start + fresh == count { ready } else { ready / lanes * lanes };
        pack_into(coding.width(), &values[..whole], &mut words[packed..]);
        packed += whole / lanes;
        values.copy_within(whole..ready, 0);
        waiting = ready - whole;
    }
    seen
}

fn check_finite(what: &'static str, mut vector: impl Iterator<Item = f32> + Clone) -> Result<()> {
    match vector.clone().position(|value| !value.is_finite()) {
        Some(index) => Err(Error::NotFinite { what, index, value: vector.nth(index).unwrap_or(f32::NAN) }),
        None => Ok(()),
    }
}

/// The mean over aggregates `S_r` of `counts` summands each, of `S_r C / (Q u_r)` or `S_r / (10^8 u_r)`, shape (d,), in units
/// of a weight: the exact `sum_r S_r K / u_r`, K the least common multiple of the counts, then divided by K and the number of
/// aggregates in double precision and rounded to single.
///
/// # Errors
/// [`Error::OutOfRange`] for no or more than 64 aggregates, or a count outside 1..=N; [`Error::Length`].
pub fn decode_mean(params: &CodecParams, aggregates: &[Vec<i32>], counts: &[u64]) -> Result<Vec<f32>> {
    let groups = in_range("aggregates", 1, MAX_GROUPS, aggregates.len() as u64)?;
    same_length("counts", aggregates.len(), counts.len())?;
    for count in counts {
        in_range("count", 1, params.members(), *count)?;
    }
    let multiple = least_common_multiple(counts.iter().copied());
    let mut total = vec![0i64; params.parameter_count()];
    for (values, count) in aggregates.iter().zip(counts) {
        same_length("values of an aggregate", total.len(), values.len())?;
        let factor = (multiple / count).cast_signed();
        total.iter_mut().zip(values).for_each(|(total, value)| *total += factor * i64::from(*value));
    }
    let (numerator, denominator) = params.mean_fraction((multiple * groups) as f64);
    Ok(total.iter().map(|&total| (total as f64 * numerator / denominator) as f32).collect())
}

#[cfg(test)]
mod tests {
    use super::encode;
    use crate::error::Error;
    use crate::lanes::{LaneWidth, unpack};
    use crate::params::{Coding, RawParams};
    use crate::rounding::{Delta, Draws, ROUNDING_SEED_BYTES, TILE};

    const SEED: [u8; ROUNDING_SEED_BYTES] = [3; ROUNDING_SEED_BYTES];

    fn coding(width: LaneWidth) -> Coding {
        let bound = [(6, 7), (8, 31), (10, 127), (12, 511), (16, 8_191), (32, 1 << 20)]
            .into_iter()
            .find_map(|(bits, bound)| (bits == width.bits()).then_some(bound));
        Coding::new(&RawParams {
            members: 4,
            encoding: 0,
            clip: 0.05f32.to_bits().into(),
            bound: bound.unwrap(),
            lane_bits: width.bits().into(),
            ..RawParams::default()
        })
        .unwrap()
    }

    fn vector(count: usize) -> Vec<f32> {
        (0..count).map(|k| (k % 997) as f32 * 1e-4 - 0.05).collect()
    }

    /// Tile by tile into one vector of integers, without packing.
    fn rounded(coding: &Coding, weights: &[f32], published: &[f32]) -> Vec<i32> {
        let delta = Delta { weights, published, clip: 0.05, bound: coding.bound() as f64, measured: false };
        let (mut draws, mut values) = (Draws::new(&SEED), vec![0; weights.len()]);
        for (tile, values) in values.chunks_mut(TILE).enumerate() {
            delta.round(tile * TILE, 1.0, &mut draws, values);
        }
        values
    }

    #[test]
    fn tiles_and_words_that_do_not_fit_each_other_do_not_show() {
        for width in LaneWidth::ALL {
            let coding = coding(width);
            for count in [0, 1, TILE - 1, TILE, TILE + 1, 2 * TILE, 3 * TILE + 5, 42 * TILE] {
                let (weights, published) = (vector(count), vec![0.001; count]);
                let mut words = vec![[0; 32]; count.div_ceil(width.lanes())];
                encode(&coding, &weights, &published, &SEED, false, &mut words).unwrap();
                assert_eq!(Ok(rounded(&coding, &weights, &published)), unpack(width, &words, count));
            }
        }
    }

    #[test]
    fn what_is_wrong_past_the_first_tile_is_found() {
        let coding = coding(LaneWidth::W6);
        let (weights, published) = (vector(3 * TILE), vector(3 * TILE));
        let mut words = vec![[0; 32]; (3 * TILE).div_ceil(42)];
        let mut given = |weights: &[f32], published: &[f32]| {
            encode(&coding, weights, published, &SEED, true, &mut words).map(|encoded| encoded.clipped)
        };
        assert_eq!(Ok(0), given(&weights, &published));
        let with = |value| [&weights[..2 * TILE], &[value], &weights[2 * TILE + 1..]].concat();
        assert_eq!(Ok(1), given(&with(2.0), &published));
        let refused = |what, value| Err(Error::NotFinite { what, index: 2 * TILE, value });
        assert_eq!(refused("weights", f32::INFINITY), given(&with(f32::INFINITY), &published));
        assert_eq!(refused("published weights", f32::INFINITY), given(&weights, &with(f32::INFINITY)));
        let far = refused("differences to the published weights", f32::INFINITY);
        assert_eq!(far, given(&with(f32::MAX), &with(f32::MIN)));
        assert!(matches!(given(&weights[42..], &published[42..]), Err(Error::Length { .. })));
        assert!(matches!(given(&weights, &published[1..]), Err(Error::Length { .. })));
    }
}
