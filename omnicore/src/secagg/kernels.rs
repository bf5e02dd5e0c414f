//! The kernels below a session: vectors of any length, and pair seeds instead of keys.

use omnilytics_core::fixed::{self, Encoded, ROUNDING_SEED_BYTES};
use omnilytics_core::lanes::WORD_BYTES;
use omnilytics_core::mask::{Masker, PairSeed, Sign};
use omnilytics_core::params::{Coding, RawParams, Suite};
use omnilytics_core::paths;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::arrays;
use crate::error::{InputError, to_python};

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(encode_words, m)?)?;
    m.add_function(wrap_pyfunction!(mask_words, m)?)?;
    m.add_function(wrap_pyfunction!(code_paths, m)?)
}

/// Encodes into a new bytes object, which nobody else has yet, and masks where it stands.
pub(super) fn encoded<'py>(
    py: Python<'py>,
    coding: &Coding,
    vectors: (&[f32], &[f32]),
    rounding_seed: &[u8; ROUNDING_SEED_BYTES],
    shrink: bool,
    masker: impl FnOnce() -> PyResult<Option<Masker>> + Send,
) -> PyResult<(Bound<'py, PyBytes>, Encoded)> {
    let (weights, published) = vectors;
    let words = weights.len().div_ceil(coding.width().lanes());
    let mut found = Encoded { clipped: 0, scale: 1.0 };
    let bytes = PyBytes::new_with(py, words.saturating_mul(WORD_BYTES), |bytes| {
        let words = bytes.as_chunks_mut().0;
        let work = || -> PyResult<_> {
            let found = fixed::encode(coding, weights, published, rounding_seed, shrink, words).map_err(to_python)?;
            masker()?.into_iter().for_each(|masker| masker.mask(words));
            Ok(found)
        };
        found = py.detach(work)?;
        Ok(())
    })?;
    Ok((bytes, found))
}

#[pyfunction]
#[pyo3(signature = (weights, published, *, encoding, members, clip, bound, lane_bits, rounding_seed, shrink, suite, seeds,
                    place))]
#[expect(clippy::too_many_arguments, reason = "keywords in Python")]
fn encode_words<'py>(
    py: Python<'py>,
    weights: &Bound<'py, PyAny>,
    published: &Bound<'py, PyAny>,
    encoding: u64,
    members: u64,
    clip: u64,
    bound: u64,
    lane_bits: u64,
    rounding_seed: &Bound<'py, PyAny>,
    shrink: bool,
    suite: u64,
    seeds: Vec<Bound<'py, PyAny>>,
    place: usize,
) -> PyResult<(Bound<'py, PyBytes>, usize, f64)> {
    let length = weights.len()?;
    let weights = arrays::floats("weights", weights, length)?;
    let published = arrays::floats("published", published, length)?;
    let raw = RawParams { members, encoding, clip, bound, lane_bits, suite, ..RawParams::default() };
    let coding = Coding::new(&raw).map_err(to_python)?;
    let masker = masker(suite, &seeds, place)?;
    let vectors = (weights.as_slice()?, published.as_slice()?);
    let rounding_seed = arrays::fixed("rounding_seed", rounding_seed)?;
    let (bytes, found) = encoded(py, &coding, vectors, &rounding_seed, shrink, || Ok(Some(masker)))?;
    Ok((bytes, found.clipped, found.scale))
}

#[pyfunction]
fn mask_words<'py>(
    py: Python<'py>,
    words: &Bound<'py, PyAny>,
    suite: u64,
    seeds: Vec<Bound<'py, PyAny>>,
    place: usize,
) -> PyResult<()> {
    let mut array = arrays::words(words)?;
    let masker = masker(suite, &seeds, place)?;
    let words = array.as_slice_mut()?.as_chunks_mut().0;
    py.detach(|| masker.mask(words));
    Ok(())
}

/// (of AES, of loops over vectors)
#[pyfunction]
fn code_paths() -> (&'static str, &'static str) {
    (paths::aes(), paths::vectors())
}

pub(super) fn suite_of(code: u64) -> PyResult<Suite> {
    match code {
        0 => Ok(Suite::Aes),
        1 => Ok(Suite::Keccak),
        _ => Err(InputError::new_err(format!("suite: expected 0 or 1, got {code}"))),
    }
}

fn masker(suite: u64, seeds: &[Bound<'_, PyAny>], place: usize) -> PyResult<Masker> {
    let suite = suite_of(suite)?;
    let pair = |(index, seed): (usize, &Bound<'_, PyAny>)| {
        let (peer, sign) = if index < place { (index, Sign::Minus) } else { (index.saturating_add(1), Sign::Plus) };
        Ok(PairSeed { peer, seed: arrays::fixed("seed", seed)?.into(), sign })
    };
    let seeds: Vec<PairSeed> = seeds.iter().enumerate().map(pair).collect::<PyResult<_>>()?;
    Ok(Masker::from_seeds(suite, &seeds))
}
