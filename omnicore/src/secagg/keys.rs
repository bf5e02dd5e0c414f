//! Mask keys: what is registered, and what seeds of blob mode they make.

use std::sync::Arc;

use omnilytics_blobs::mask::blob_seeds;
use omnilytics_core::digest;
use omnilytics_core::keys::MaskKey;
use omnilytics_core::mask::{PairSeed, Sign};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use rand_core::OsRng;

use super::read_context;
use crate::arrays;
use crate::error::to_python;

/// A seed, and whether its stream is added (1) or taken off (-1).
pub(super) type SignedSeed<'py> = (Bound<'py, PyBytes>, i64);

pub(super) fn signed<'py>(py: Python<'py>, seeds: &[PairSeed]) -> Vec<SignedSeed<'py>> {
    let one = |pair: &PairSeed| (PyBytes::new(py, &*pair.seed), if pair.sign == Sign::Plus { 1 } else { -1 });
    seeds.iter().map(one).collect()
}

#[pyclass(name = "MaskKey", module = "omnilytics._omnicore", frozen)]
pub(crate) struct PyMaskKey(pub(crate) Arc<MaskKey>);

#[pymethods]
impl PyMaskKey {
    #[staticmethod]
    fn generate() -> Self {
        Self(Arc::new(MaskKey::generate(&mut OsRng)))
    }

    #[staticmethod]
    fn from_seed(seed: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self(Arc::new(MaskKey::from_seed(&arrays::fixed("seed", seed)?))))
    }

    #[getter]
    fn x<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.public().x)
    }

    #[getter]
    fn parity(&self) -> u8 {
        self.0.public().odd.into()
    }

    #[getter]
    fn address<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.0.address())
    }

    fn sign<'py>(
        &self,
        py: Python<'py>,
        chain_id: &Bound<'py, PyAny>,
        session: &Bound<'py, PyAny>,
        sender: &Bound<'py, PyAny>,
    ) -> PyResult<(u8, Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
        let chain_id = arrays::number("chain_id", chain_id)?;
        let session = arrays::address("session", session)?;
        let sender = arrays::address("sender", sender)?;
        let signature =
            py.detach(|| self.0.sign(&digest::key_digest(chain_id, &session, &sender))).map_err(to_python)?;
        Ok((signature.v, PyBytes::new(py, &signature.r), PyBytes::new(py, &signature.s)))
    }

    fn blob_seeds<'py>(&self, py: Python<'py>, context: &Bound<'py, PyAny>) -> PyResult<Vec<SignedSeed<'py>>> {
        let context = read_context(context)?;
        let members = context.peers.len() as u64;
        let pairs = py.detach(|| blob_seeds(members, &self.0, &context)).map_err(to_python)?;
        Ok(signed(py, &pairs))
    }
}
