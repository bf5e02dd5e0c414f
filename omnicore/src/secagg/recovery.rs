//! The border of policy `recover`: a member's secrets and its steps.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use omnilytics_blobs::mask::in_blobs;
use omnilytics_core::digest::Hash;
use omnilytics_core::mask::{Masker, disclosed_seeds as seeds_of_sum};
use omnilytics_core::params::Suite;
use omnilytics_core::places::Places;
use omnilytics_core::recovery::{
    Checked, Dealt, Keyed, Masked, MemberSecrets, Received, Refused, Revealing, simulated_dealing,
};
use omnilytics_core::secret::SecretScalar;
use omnilytics_core::shamir::Weights;
use omnilytics_core::sharing::{self, Dealing};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::{PyBytes, PyDict};
use rand_core::OsRng;

use super::keys::{SignedSeed, signed};
use super::{PyCodec, PyMaskKey, Upload, kernels, read_context};
use crate::arrays;
use crate::error::{InputError, ProtocolError, to_python};

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<PyMemberSecrets>()?;
    m.add_class::<PyRecovery>()?;
    m.add_function(wrap_pyfunction!(rebuild, m)?)?;
    m.add_function(wrap_pyfunction!(public_address, m)?)?;
    m.add_function(wrap_pyfunction!(share_addresses, m)?)?;
    m.add_function(wrap_pyfunction!(disclosed_seeds, m)?)
}

#[pyclass(name = "MemberSecrets", module = "omnilytics._omnicore", frozen)]
struct PyMemberSecrets(Arc<MemberSecrets>);

#[pymethods]
impl PyMemberSecrets {
    #[staticmethod]
    fn generate() -> Self {
        Self(Arc::new(MemberSecrets::generate(&mut OsRng)))
    }

    #[staticmethod]
    fn from_seed(seed: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self(Arc::new(MemberSecrets::from_seed(&arrays::fixed("seed", seed)?))))
    }

    #[getter]
    fn key(&self) -> PyMaskKey {
        PyMaskKey(self.0.key().clone())
    }

    #[getter]
    fn transport<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.transport())
    }
}

enum State {
    Keyed(Keyed),
    Dealt(Dealt),
    Objecting,
    Checked(Checked),
    Masked(Masked),
    Revealing(Revealing),
}

impl State {
    /// The step that is to be made from here.
    fn next(&self) -> &'static str {
        match self {
            Self::Keyed(_) => "deal",
            Self::Dealt(_) => "receive",
            Self::Objecting => "none after an objection",
            Self::Checked(_) => "encode or mask",
            Self::Masked(_) => "reveal",
            Self::Revealing(_) => "reveal_shares",
        }
    }

    fn refuse<T>(self, given: &str) -> (Self, PyResult<T>) {
        let error = ProtocolError::new_err(format!("step: expected {}, got {given}", self.next()));
        (self, Err(error))
    }
}

/// A refused step, as the border's states have it.
fn back<S, T>(refused: Refused<S>, state: impl FnOnce(S) -> State) -> (State, PyResult<T>) {
    (state(refused.state), Err(to_python(refused.error)))
}

/// Seeds to be taken off and to be added (E36).
type Seeds<'py> = (Vec<Bound<'py, PyBytes>>, Vec<Bound<'py, PyBytes>>);

/// Secret, addresses, shares by place.
type Release<'py> = (Bound<'py, PyBytes>, Bound<'py, PyBytes>, Bound<'py, PyDict>);

#[pyclass(name = "Recovery", module = "omnilytics._omnicore", frozen)]
struct PyRecovery {
    state: Mutex<Option<State>>,
    members: usize,
}

#[pymethods]
impl PyRecovery {
    #[new]
    fn new(
        threshold: &Bound<'_, PyAny>,
        secrets: &PyMemberSecrets,
        context: &Bound<'_, PyAny>,
        transports: Vec<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let threshold = arrays::number("threshold", threshold)?;
        let context = read_context(context)?;
        let members = context.peers.len();
        let transports = transports.iter().map(|key| arrays::fixed("transport", key)).collect::<PyResult<_>>()?;
        let keyed = Keyed::new(secrets.0.clone(), threshold, context, transports).map_err(to_python)?;
        Ok(Self { state: Mutex::new(Some(State::Keyed(keyed))), members })
    }

    #[pyo3(signature = (seed=None))]
    fn deal<'py>(&self, py: Python<'py>, seed: Option<&Bound<'py, PyAny>>) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let seed: Option<[u8; 32]> = seed.map(|seed| arrays::fixed("seed", seed)).transpose()?;
        let dealing = py.detach(|| {
            self.step(|state| {
                let State::Keyed(keyed) = state else { return state.refuse("deal") };
                let (dealt, dealing) = match seed {
                    Some(seed) => keyed.deal(&mut simulated_dealing(&seed)),
                    None => keyed.deal(&mut OsRng),
                };
                (State::Dealt(dealt), Ok(dealing))
            })
        })?;
        let addresses = sharing::share_addresses(dealing.points.as_chunks().0);
        Ok([&dealing.points[..], &dealing.sealed, &addresses, &dealing.root]
            .map(|bytes| PyBytes::new(py, bytes))
            .into())
    }

    fn receive(
        &self,
        py: Python<'_>,
        dealings: Vec<(Bound<'_, PyAny>, PyBackedBytes, PyBackedBytes, Bound<'_, PyAny>)>,
    ) -> PyResult<BTreeMap<usize, String>> {
        let read =
            |(place, points, sealed, root): &(Bound<'_, PyAny>, PyBackedBytes, PyBackedBytes, Bound<'_, PyAny>)| {
                let dealing =
                    Dealing { points: points.to_vec(), sealed: sealed.to_vec(), root: arrays::fixed("root", root)? };
                Ok((arrays::number("place", place)?, dealing))
            };
        let dealings = dealings.iter().map(read).collect::<PyResult<BTreeMap<usize, Dealing>>>()?;
        let objections = py.detach(|| {
            self.step(|state| {
                let State::Dealt(dealt) = state else { return state.refuse("receive") };
                match dealt.receive(&dealings, &mut OsRng) {
                    Ok(Received::Accepted(checked)) => (State::Checked(checked), Ok(BTreeMap::new())),
                    Ok(Received::Objections(objections)) => (State::Objecting, Ok(objections)),
                    Err(refused) => back(*refused, State::Dealt),
                }
            })
        })?;
        Ok(objections.into_iter().map(|(place, objection)| (place, objection.to_string())).collect())
    }

    fn encode<'py>(
        &self,
        py: Python<'py>,
        codec: &PyCodec,
        weights: &Bound<'py, PyAny>,
        published: &Bound<'py, PyAny>,
        rounding_seed: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Upload<'py>> {
        self.expect_masking(py, "encode")?;
        codec.encoded(py, weights, published, rounding_seed, true, || self.masker(codec.0.suite(), "encode").map(Some))
    }

    fn mask<'py>(&self, py: Python<'py>, codec: &PyCodec, words: &[u8]) -> PyResult<Upload<'py>> {
        self.expect_masking(py, "mask")?;
        codec.masked(py, words, || self.masker(codec.0.suite(), "mask"))
    }

    fn mask_words<'py>(&self, py: Python<'py>, words: &Bound<'py, PyAny>, suite: u64) -> PyResult<()> {
        let mut words = arrays::words(words)?;
        let (suite, words) = (kernels::suite_of(suite)?, words.as_slice_mut()?.as_chunks_mut().0);
        py.detach(|| self.masker(suite, "mask_words").map(|masker| masker.mask(words)))
    }

    fn blob_seeds<'py>(&self, py: Python<'py>) -> PyResult<Vec<SignedSeed<'py>>> {
        let seeds = py.detach(|| {
            self.step(|state| {
                let State::Checked(checked) = state else { return state.refuse("blob_seeds") };
                let (masked, seeds) = checked.seeds();
                (State::Masked(masked), Ok(in_blobs(seeds)))
            })
        })?;
        Ok(signed(py, &seeds))
    }

    fn reveal<'py>(&self, py: Python<'py>, delivered: &Bound<'py, PyAny>) -> PyResult<Release<'py>> {
        let given = arrays::places("delivered", delivered, self.members)?;
        py.detach(|| {
            self.step(|state| match state {
                State::Masked(masked) => match masked.reveal(given) {
                    Ok(revealing) => (State::Revealing(revealing), Ok(())),
                    Err(refused) => back(*refused, State::Masked),
                },
                State::Revealing(revealing) => {
                    let result = same_places(revealing.delivered(), &given);
                    (State::Revealing(revealing), result)
                }
                other => other.refuse("reveal"),
            })
        })?;
        self.revealing("reveal", |revealing| {
            let secret = PyBytes::new(py, &*revealing.self_mask().to_bytes());
            let shares = shares_of(py, revealing.key_shares().iter().map(|(place, share)| (*place, share)))?;
            Ok((secret, PyBytes::new(py, revealing.addresses()), shares))
        })
    }

    fn reveal_shares<'py>(&self, py: Python<'py>, opened: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
        let opened = arrays::places("opened", opened, self.members)?;
        self.revealing("reveal_shares", |revealing| {
            shares_of(py, revealing.self_mask_shares(&opened).map_err(to_python)?)
        })
    }
}

impl PyRecovery {
    /// Makes a step: takes the state away and puts back the one that comes with the result.
    fn step<T>(&self, make: impl FnOnce(State) -> (State, PyResult<T>)) -> PyResult<T> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let before =
            state.take().ok_or_else(|| ProtocolError::new_err("step: expected none after a panic, got one"))?;
        let (after, result) = make(before);
        *state = Some(after);
        result
    }

    fn masker(&self, suite: Suite, given: &str) -> PyResult<Masker> {
        self.step(|state| {
            let State::Checked(checked) = state else { return state.refuse(given) };
            let (masked, masker) = checked.masker(suite);
            (State::Masked(masked), Ok(masker))
        })
    }

    /// Whether the next step is to mask, before any work is done.
    fn expect_masking(&self, py: Python<'_>, given: &str) -> PyResult<()> {
        py.detach(|| {
            self.step(|state| if matches!(state, State::Checked(_)) { (state, Ok(())) } else { state.refuse(given) })
        })
    }

    fn revealing<T>(&self, given: &str, read: impl FnOnce(&Revealing) -> PyResult<T>) -> PyResult<T> {
        self.step(|state| {
            let State::Revealing(revealing) = state else { return state.refuse(given) };
            let result = read(&revealing);
            (State::Revealing(revealing), result)
        })
    }
}

/// No second U.
fn same_places(expected: &Places, given: &Places) -> PyResult<()> {
    if expected == given {
        return Ok(());
    }
    let (expected, given): (Vec<usize>, Vec<usize>) = (expected.iter().collect(), given.iter().collect());
    let text = format!("delivered: expected places {expected:?}, as revealed before, got {given:?}");
    Err(ProtocolError::new_err(text))
}

fn shares_of<'py, 'a>(
    py: Python<'py>,
    shares: impl IntoIterator<Item = (usize, &'a SecretScalar)>,
) -> PyResult<Bound<'py, PyDict>> {
    let by_place = PyDict::new(py);
    for (place, share) in shares {
        by_place.set_item(place, PyBytes::new(py, &*share.to_bytes()))?;
    }
    Ok(by_place)
}

/// A secret scalar; what was given instead isn't shown.
fn scalar(name: &str, bytes: &[u8]) -> PyResult<SecretScalar> {
    let refused = || InputError::new_err(format!("{name}: expected an integer from 1 to n-1, got one outside"));
    bytes.try_into().ok().and_then(SecretScalar::from_bytes).ok_or_else(refused)
}

fn number_as_scalar(name: &str, value: &Bound<'_, PyAny>) -> PyResult<SecretScalar> {
    let bytes = value.call_method1("to_bytes", (32, "big")).and_then(|bytes| Ok(bytes.extract::<PyBackedBytes>()?));
    let refused = |_| InputError::new_err(format!("{name}: expected an integer from 1 to n-1, got something else"));
    scalar(name, &bytes.map_err(refused)?)
}

/// `rows`: for each secret the shares of `ids`, 32 bytes each.
#[pyfunction]
fn rebuild<'py>(
    py: Python<'py>,
    ids: Vec<u64>,
    rows: Vec<PyBackedBytes>,
    threshold: usize,
) -> PyResult<Vec<Bound<'py, PyBytes>>> {
    let weights = Weights::new(threshold, &ids).map_err(to_python)?;
    let secrets = py.detach(|| {
        let secret = |row: &PyBackedBytes| {
            let shares = row.chunks(32).map(|share| scalar("share", share)).collect::<PyResult<Vec<_>>>()?;
            weights.interpolate(&shares.iter().take(threshold).collect::<Vec<_>>()).map_err(to_python)
        };
        rows.iter().map(secret).collect::<PyResult<Vec<_>>>()
    })?;
    Ok(secrets.iter().map(|secret| PyBytes::new(py, &*secret.to_bytes())).collect())
}

#[pyfunction]
fn public_address<'py>(py: Python<'py>, secret: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let secret = number_as_scalar("secret", secret)?;
    Ok(PyBytes::new(py, &py.detach(|| secret.address())))
}

#[pyfunction]
fn share_addresses<'py>(py: Python<'py>, points: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    let (points, rest) = points.as_chunks();
    if !rest.is_empty() {
        let given = points.len() * sharing::POINT_BYTES + rest.len();
        return Err(InputError::new_err(format!("points: expected 64 bytes for each, got {given} bytes")));
    }
    Ok(PyBytes::new(py, &py.detach(|| sharing::share_addresses(points))))
}

/// (minus, plus) of E36; `context` has the group, whichever its place.
#[pyfunction]
fn disclosed_seeds<'py>(
    py: Python<'py>,
    context: &Bound<'py, PyAny>,
    sharers: &Bound<'py, PyAny>,
    delivered: &Bound<'py, PyAny>,
    secrets: BTreeMap<usize, Bound<'py, PyAny>>,
) -> PyResult<Seeds<'py>> {
    let context = read_context(context)?;
    let places = |name, value| -> PyResult<Places> { arrays::places(name, value, context.peers.len()) };
    let (sharers, delivered) = (places("sharers", sharers)?, places("delivered", delivered)?);
    let read = |(place, secret): (&usize, &Bound<'py, PyAny>)| Ok((*place, number_as_scalar("secret", secret)?));
    let secrets = secrets.iter().map(read).collect::<PyResult<BTreeMap<_, _>>>()?;
    let (minus, plus) = py.detach(|| seeds_of_sum(&context, &sharers, &delivered, &secrets)).map_err(to_python)?;
    let bytes = |seeds: Vec<Hash>| seeds.iter().map(|seed| PyBytes::new(py, seed)).collect();
    Ok((bytes(minus), bytes(plus)))
}
