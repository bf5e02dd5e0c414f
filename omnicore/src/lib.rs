//! The Python border of OmniLytics' Rust core: `omnilytics._omnicore`.

mod arrays;
mod blobs;
mod chain;
mod error;
mod secagg;
mod training;

use pyo3::prelude::*;

/// `omnilytics._omnicore`.
#[pymodule]
fn _omnicore(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add("__version__", env!("CARGO_PKG_VERSION"))?;
    secagg::register(m)?;
    blobs::register(m)?;
    chain::register(m)?;
    training::register(m)
}
