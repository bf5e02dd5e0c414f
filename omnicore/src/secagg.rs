//! The border of secure aggregation: read, compute without the interpreter's lock, write. `omnilytics.codec` alone uses it.

mod kernels;
mod keys;
mod recovery;

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use omnilytics_core::digest::{self, Hash};
use omnilytics_core::fixed::{self, ROUNDING_SEED_BYTES};
use omnilytics_core::keys::PublicMaskKey;
use omnilytics_core::lanes::{self, LaneWidth, WORD_BYTES};
use omnilytics_core::mask::{GroupContext, Masker, PairSeed, Sign};
use omnilytics_core::params::{self, CodecParams, RawParams, Rule};
use omnilytics_core::places::Places;
use omnilytics_core::select::{self, Distances, Selection};
use omnilytics_core::{Result, draw, floats, gram};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;
use rand_core::{OsRng, RngCore};

use crate::arrays::{self, numbers};
use crate::error::{InputError, to_python};

use keys::PyMaskKey;

/// Words, the hashes of their chunks, their root, clipped values, scale.
type Upload<'py> = (Bound<'py, PyBytes>, Vec<Bound<'py, PyBytes>>, Bound<'py, PyBytes>, usize, f64);

#[pyclass(name = "Codec", module = "omnilytics._omnicore", frozen)]
struct PyCodec(CodecParams);

#[pymethods]
impl PyCodec {
    #[new]
    fn new(params: &Bound<'_, PyAny>) -> PyResult<Self> {
        let field = |name: &str| arrays::number(name, &params.getattr(name)?);
        let raw = RawParams {
            parameter_count: field("parameter_count")?,
            members: field("members")?,
            encoding: field("encoding")?,
            clip: field("clip")?,
            bound: field("bound")?,
            lane_bits: field("lane_bits")?,
            chunk_words: field("chunk_words")?,
            suite: field("suite")?,
            rule: field("rule")?,
            krum_mu_bps: field("krum_mu_bps")?,
            krum_m: field("krum_m")?,
            krum_m_rule: field("krum_m_rule")?,
            policy: field("policy")?,
            threshold: field("threshold")?,
            colluders: field("colluders")?,
            unsafe_small: field("unsafe_small")?,
        };
        CodecParams::new(&raw).map(Self).map_err(to_python)
    }

    #[getter]
    fn lanes(&self) -> usize {
        self.0.width().lanes()
    }

    #[getter]
    fn words(&self) -> usize {
        self.0.words()
    }

    #[getter]
    fn chunks(&self) -> usize {
        self.0.chunks()
    }

    #[pyo3(signature = (weights, published, rounding_seed, shrink, key=None, context=None))]
    #[allow(clippy::too_many_arguments)]
    fn encode<'py>(
        &self,
        py: Python<'py>,
        weights: &Bound<'py, PyAny>,
        published: &Bound<'py, PyAny>,
        rounding_seed: Option<&Bound<'py, PyAny>>,
        shrink: bool,
        key: Option<&PyMaskKey>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Upload<'py>> {
        let group = context.map(read_context).transpose()?;
        let masker = || match (key, &group) {
            (Some(key), Some(group)) => Masker::new(&self.0, &key.0, group).map(Some).map_err(to_python),
            _ => Ok(None),
        };
        self.encoded(py, weights, published, rounding_seed, shrink, masker)
    }

    fn mask<'py>(
        &self,
        py: Python<'py>,
        words: &[u8],
        key: &PyMaskKey,
        context: &Bound<'py, PyAny>,
    ) -> PyResult<Upload<'py>> {
        let group = read_context(context)?;
        self.masked(py, words, || Masker::new(&self.0, &key.0, &group).map_err(to_python))
    }

    fn unmask<'py>(
        &self,
        py: Python<'py>,
        words: &[u8],
        minus: Vec<Bound<'py, PyAny>>,
        plus: Vec<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let (minus, plus) = (hashes("seed", &minus)?, hashes("seed", &plus)?);
        let signed =
            |seeds: Vec<Hash>, sign| seeds.into_iter().map(move |seed| PairSeed { peer: 0, seed: seed.into(), sign });
        let seeds: Vec<PairSeed> = signed(minus, Sign::Minus).chain(signed(plus, Sign::Plus)).collect();
        let (sum, ..) = self.masked(py, words, || Ok(Masker::from_seeds(self.0.suite(), &seeds)))?;
        Ok(sum)
    }

    fn split<'py>(&self, py: Python<'py>, words: &[u8]) -> PyResult<Upload<'py>> {
        self.read(words)?;
        self.upload(py, PyBytes::new(py, words), 0, 1.0)
    }

    fn sum<'py>(&self, py: Python<'py>, vectors: Vec<PyBackedBytes>) -> PyResult<Bound<'py, PyBytes>> {
        PyBytes::new_with(py, self.0.words().saturating_mul(WORD_BYTES), |sum| {
            let add = || -> Result<_> {
                for vector in &vectors {
                    lanes::add_all(sum.as_chunks_mut().0, lanes::read_words(vector, self.0.words())?);
                }
                Ok(())
            };
            py.detach(add).map_err(to_python)
        })
    }

    fn decode<'py>(&self, py: Python<'py>, words: &[u8]) -> PyResult<Bound<'py, PyArray1<i64>>> {
        let values = py.detach(|| self.integers(words)).map_err(to_python)?;
        Ok(values.into_iter().map(i64::from).collect::<Vec<_>>().into_pyarray(py))
    }

    fn pack<'py>(&self, py: Python<'py>, values: PyReadonlyArray1<'py, i32>) -> PyResult<Bound<'py, PyBytes>> {
        let values = values.as_slice()?;
        let words = py.detach(|| lanes::pack(self.0.width(), values)).map_err(to_python)?;
        Ok(PyBytes::new(py, words.as_flattened()))
    }

    fn decode_mean<'py>(
        &self,
        py: Python<'py>,
        vectors: Vec<PyBackedBytes>,
        counts: Vec<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray1<f32>>> {
        let counts: Vec<u64> = numbers("counts", &counts)?;
        let mean = py.detach(|| {
            let aggregates = vectors.iter().map(|words| self.integers(words)).collect::<Result<Vec<_>>>()?;
            fixed::decode_mean(&self.0, &aggregates, &counts)
        });
        let mean = mean.map_err(to_python)?;
        Ok(mean.into_pyarray(py))
    }

    fn squared_norm(&self, py: Python<'_>, words: &[u8]) -> PyResult<u128> {
        py.detach(|| Ok(gram::squared_norm(&self.integers(words)?))).map_err(to_python)
    }

    fn products(&self, py: Python<'_>, aggregates: Vec<PyBackedBytes>) -> PyResult<Vec<i128>> {
        py.detach(|| {
            let vectors: Result<Vec<_>> = aggregates.iter().map(|words| self.integers(words)).collect();
            gram::products(&vectors?)
        })
        .map_err(to_python)
    }

    fn norm_limit(&self, count: &Bound<'_, PyAny>) -> PyResult<u128> {
        self.0.norm_limit(arrays::number("count", count)?).map_err(to_python)
    }

    fn select_norm(&self, norms: Vec<Bound<'_, PyAny>>, counts: Vec<Bound<'_, PyAny>>) -> PyResult<Vec<bool>> {
        select::norm(&self.0, &numbers("norms", &norms)?, &numbers("counts", &counts)?).map_err(to_python)
    }

    fn select_norm_vote(
        &self,
        norms: Vec<Bound<'_, PyAny>>,
        counts: Vec<Bound<'_, PyAny>>,
        against: Vec<Bound<'_, PyAny>>,
        cast: &Bound<'_, PyAny>,
    ) -> PyResult<Vec<bool>> {
        let (norms, counts): (Vec<u128>, Vec<u64>) = (numbers("norms", &norms)?, numbers("counts", &counts)?);
        let (against, cast): (Vec<u64>, u64) = (numbers("against", &against)?, arrays::number("cast", cast)?);
        select::norm_vote(&self.0, &norms, &counts, &against, cast).map_err(to_python)
    }

    #[pyo3(signature = (norms, products, counts=None))]
    fn select_krum(
        &self,
        norms: Vec<Bound<'_, PyAny>>,
        products: Vec<Bound<'_, PyAny>>,
        counts: Option<Vec<Bound<'_, PyAny>>>,
    ) -> PyResult<Option<Vec<bool>>> {
        let (mu_bps, m, picks) = self.krum()?;
        match select::krum(&self.distances(&norms, &products, counts)?, mu_bps, m, picks).map_err(to_python)? {
            Selection::Accepted(accepted) => Ok(Some(accepted)),
            Selection::Undefined => Ok(None),
        }
    }

    #[pyo3(signature = (norms, products, counts=None))]
    fn krum_scores(
        &self,
        norms: Vec<Bound<'_, PyAny>>,
        products: Vec<Bound<'_, PyAny>>,
        counts: Option<Vec<Bound<'_, PyAny>>>,
    ) -> PyResult<Vec<i128>> {
        let (mu_bps, ..) = self.krum()?;
        Ok(select::krum_scores(&self.distances(&norms, &products, counts)?, mu_bps))
    }
}

impl PyCodec {
    fn read(&self, words: &[u8]) -> PyResult<()> {
        lanes::read_words(words, self.0.words()).map(|_| ()).map_err(to_python)
    }

    /// Encodes and, once that has worked, masks.
    fn encoded<'py>(
        &self,
        py: Python<'py>,
        weights: &Bound<'py, PyAny>,
        published: &Bound<'py, PyAny>,
        rounding_seed: Option<&Bound<'py, PyAny>>,
        shrink: bool,
        masker: impl FnOnce() -> PyResult<Option<Masker>> + Send,
    ) -> PyResult<Upload<'py>> {
        let weights = arrays::floats("weights", weights, self.0.parameter_count())?;
        let published = arrays::floats("published", published, self.0.parameter_count())?;
        let vectors = (weights.as_slice()?, published.as_slice()?);
        let seed = rounding_seed_or_random(rounding_seed)?;
        let shrink = shrink && self.0.rule().shrinks();
        let (bytes, found) = kernels::encoded(py, self.0.coding(), vectors, &seed, shrink, masker)?;
        self.upload(py, bytes, found.clipped, found.scale)
    }

    /// Masks a copy of words of the right length.
    fn masked<'py>(
        &self,
        py: Python<'py>,
        words: &[u8],
        masker: impl FnOnce() -> PyResult<Masker> + Send,
    ) -> PyResult<Upload<'py>> {
        self.read(words)?;
        let masked = PyBytes::new_with(py, words.len(), |masked| {
            masked.copy_from_slice(words);
            py.detach(|| masker().map(|masker| masker.mask(masked.as_chunks_mut().0)))
        })?;
        self.upload(py, masked, 0, 1.0)
    }

    fn integers(&self, words: &[u8]) -> Result<Vec<i32>> {
        let words = lanes::read_words(words, self.0.words())?;
        lanes::unpack(self.0.width(), words, self.0.parameter_count())
    }

    fn upload<'py>(
        &self,
        py: Python<'py>,
        words: Bound<'py, PyBytes>,
        clipped: usize,
        scale: f64,
    ) -> PyResult<Upload<'py>> {
        let bytes = words.as_bytes();
        let hashes = py.detach(|| digest::chunk_hashes(bytes, self.0.chunk_words()));
        let root = digest::commitment_root(&hashes).map_err(to_python)?;
        let hashes = hashes.iter().map(|hash| PyBytes::new(py, hash)).collect();
        let root = PyBytes::new(py, &root);
        Ok((words, hashes, root, clipped, scale))
    }

    fn distances(
        &self,
        norms: &[Bound<'_, PyAny>],
        products: &[Bound<'_, PyAny>],
        counts: Option<Vec<Bound<'_, PyAny>>>,
    ) -> PyResult<Distances> {
        let (norms, products): (Vec<i128>, Vec<i128>) = (numbers("norms", norms)?, numbers("products", products)?);
        match counts {
            Some(counts) => Distances::of_means(&norms, &products, &numbers("counts", &counts)?, self.0.members()),
            None => Distances::new(&norms, &products),
        }
        .map_err(to_python)
    }

    fn krum(&self) -> PyResult<(u64, u64, params::KrumPicks)> {
        match self.0.rule() {
            Rule::Krum { mu_bps, m, picks } => Ok((mu_bps, m, picks)),
            Rule::Norm => Err(InputError::new_err("rule: expected 1 (krum), got 0 (norm)")),
            Rule::NormVote => Err(InputError::new_err("rule: expected 1 (krum), got 2 (norm+vote)")),
        }
    }
}

fn rounding_seed_or_random(seed: Option<&Bound<'_, PyAny>>) -> PyResult<[u8; ROUNDING_SEED_BYTES]> {
    match seed {
        Some(seed) => arrays::fixed("rounding_seed", seed),
        None => {
            let mut seed = [0; ROUNDING_SEED_BYTES];
            OsRng.try_fill_bytes(&mut seed).map_err(|error| InputError::new_err(error.to_string()))?;
            Ok(seed)
        }
    }
}

fn read_context(context: &Bound<'_, PyAny>) -> PyResult<GroupContext> {
    let peers: Vec<(Bound<'_, PyAny>, Bound<'_, PyAny>)> = context.getattr("peers")?.extract()?;
    Ok(GroupContext {
        chain_id: arrays::number("chain_id", &context.getattr("chain_id")?)?,
        session: arrays::address("session", &context.getattr("session")?)?,
        group: arrays::number("group", &context.getattr("group")?)?,
        place: arrays::number("place", &context.getattr("place")?)?,
        model_hash: arrays::fixed("model_hash", &context.getattr("model_hash")?)?,
        peers: read_peers(&peers)?,
    })
}

fn read_peers(peers: &[(Bound<'_, PyAny>, Bound<'_, PyAny>)]) -> PyResult<Vec<PublicMaskKey>> {
    let read = |(x, parity): &(Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        let parity: u64 = arrays::number("parity", parity)?;
        if parity > 1 {
            return Err(InputError::new_err(format!("parity: expected 0 or 1, got {parity}")));
        }
        Ok(PublicMaskKey { x: arrays::uint256("x", x)?, odd: parity == 1 })
    };
    peers.iter().map(read).collect()
}

fn hashes(name: &str, hashes: &[Bound<'_, PyAny>]) -> PyResult<Vec<Hash>> {
    hashes.iter().map(|hash| arrays::fixed(name, hash)).collect()
}

#[pyfunction]
fn smallest_lane_bits(members: &Bound<'_, PyAny>, bound: &Bound<'_, PyAny>) -> PyResult<u32> {
    let (members, bound) = (arrays::number("members", members)?, arrays::number("bound", bound)?);
    Ok(LaneWidth::smallest(members, bound).map_err(to_python)?.bits())
}

#[pyfunction]
fn weights_bound(members: &Bound<'_, PyAny>) -> PyResult<u64> {
    params::weights_bound(arrays::number("members", members)?).map_err(to_python)
}

#[pyfunction]
fn keccak256<'py>(py: Python<'py>, data: &[u8]) -> Bound<'py, PyBytes> {
    PyBytes::new(py, &py.detach(|| digest::keccak256(&[data])))
}

#[pyfunction]
fn float_words<'py>(py: Python<'py>, vector: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let length = vector.len().unwrap_or(0);
    let vector = arrays::floats("vector", vector, length)?;
    let vector = vector.as_slice()?;
    Ok(PyBytes::new(py, &py.detach(|| floats::float_words(vector)).map_err(to_python)?))
}

#[pyfunction]
fn from_float_words<'py>(
    py: Python<'py>,
    data: &[u8],
    parameter_count: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyArray1<f32>>> {
    let count = arrays::number("parameter_count", parameter_count)?;
    Ok(py.detach(|| floats::from_float_words(data, count)).map_err(to_python)?.into_pyarray(py))
}

#[pyfunction]
fn published_hash(py: Python<'_>, chunks: Vec<PyBackedBytes>) -> Bound<'_, PyBytes> {
    let hash = py.detach(|| digest::published_hash(chunks.iter().map(|chunk| &chunk[..])));
    PyBytes::new(py, &hash)
}

#[pyfunction]
fn vote_commitment<'py>(
    py: Python<'py>,
    chain_id: &Bound<'py, PyAny>,
    session: &Bound<'py, PyAny>,
    member: &Bound<'py, PyAny>,
    bits: &Bound<'py, PyAny>,
    salt: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    let (session, member) = (arrays::address("session", session)?, arrays::address("member", member)?);
    let (chain_id, bits) = (arrays::number("chain_id", chain_id)?, arrays::uint256("bits", bits)?);
    let hash = digest::vote_commitment(chain_id, &session, &member, &bits, &arrays::fixed("salt", salt)?);
    Ok(PyBytes::new(py, &hash))
}

#[pyfunction]
fn model_hash<'py>(py: Python<'py>, params: &[u8], published: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let hash = digest::model_hash(params, &arrays::fixed("published_hash", published)?).map_err(to_python)?;
    Ok(PyBytes::new(py, &hash))
}

#[pyfunction]
#[pyo3(signature = (peers, sharers=None))]
fn set_hash<'py>(
    py: Python<'py>,
    peers: Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
    sharers: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyBytes>> {
    let keys = read_peers(&peers)?;
    let sharers = match sharers {
        Some(sharers) => arrays::places("sharers", sharers, keys.len())?,
        None => Places::all(keys.len()),
    };
    Ok(PyBytes::new(py, &digest::set_hash_of(&keys, &sharers)))
}

#[pyfunction]
fn commitment_root<'py>(py: Python<'py>, chunk_hashes: Vec<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyBytes>> {
    let root = digest::commitment_root(&hashes("chunk hash", &chunk_hashes)?).map_err(to_python)?;
    Ok(PyBytes::new(py, &root))
}

#[pyfunction]
fn permutation(seed: &Bound<'_, PyAny>, count: &Bound<'_, PyAny>, index: &Bound<'_, PyAny>) -> PyResult<u64> {
    let (count, index) = (arrays::number("count", count)?, arrays::number("index", index)?);
    draw::permutation(&arrays::fixed("seed", seed)?, count, index).map_err(to_python)
}

#[pyfunction]
fn draw_seed<'py>(
    py: Python<'py>,
    block_hash: &Bound<'py, PyAny>,
    session: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    let seed = draw::draw_seed(&arrays::fixed("block_hash", block_hash)?, &arrays::address("session", session)?);
    Ok(PyBytes::new(py, &seed))
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    kernels::register(m)?;
    recovery::register(m)?;
    m.add_class::<PyMaskKey>()?;
    m.add_class::<PyCodec>()?;
    m.add_function(wrap_pyfunction!(smallest_lane_bits, m)?)?;
    m.add_function(wrap_pyfunction!(weights_bound, m)?)?;
    m.add_function(wrap_pyfunction!(keccak256, m)?)?;
    m.add_function(wrap_pyfunction!(float_words, m)?)?;
    m.add_function(wrap_pyfunction!(from_float_words, m)?)?;
    m.add_function(wrap_pyfunction!(published_hash, m)?)?;
    m.add_function(wrap_pyfunction!(model_hash, m)?)?;
    m.add_function(wrap_pyfunction!(vote_commitment, m)?)?;
    m.add_function(wrap_pyfunction!(set_hash, m)?)?;
    m.add_function(wrap_pyfunction!(commitment_root, m)?)?;
    m.add_function(wrap_pyfunction!(permutation, m)?)?;
    m.add_function(wrap_pyfunction!(draw_seed, m)?)
}
