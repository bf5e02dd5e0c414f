//! The crate's errors as Python's own classes of `omnilytics.errors`.

use omnilytics_core::Error;
use pyo3::import_exception;
use pyo3::prelude::*;

import_exception!(omnilytics.errors, EncodingError);
import_exception!(omnilytics.errors, InputError);
import_exception!(omnilytics.errors, NotFiniteError);
import_exception!(omnilytics.errors, ProtocolError);

/// An algorithm's error as `NotFiniteError`, `EncodingError` or `InputError`.
pub(crate) fn to_python(error: Error) -> PyErr {
    if matches!(error, Error::NotFinite { .. }) {
        NotFiniteError::new_err(error.to_string())
    } else if error.is_about_encoding() {
        EncodingError::new_err(error.to_string())
    } else {
        InputError::new_err(error.to_string())
    }
}
