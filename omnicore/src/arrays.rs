//! Reading what Python hands over: vectors, numbers, hashes, addresses. Errors name what was expected and what was given.

use numpy::{
    Element, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadwriteArray2, PyUntypedArray,
    PyUntypedArrayMethods,
};
use omnilytics_core::lanes::WORD_BYTES;
use omnilytics_core::places::Places;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::error::{EncodingError, InputError, to_python};

/// A one-dimensional, contiguous numpy float32 array of `length` values, borrowed.
pub(crate) fn floats<'py>(
    name: &str,
    array: &Bound<'py, PyAny>,
    length: usize,
) -> PyResult<PyReadonlyArray1<'py, f32>> {
    vector(name, array, length)
}

/// A one-dimensional, contiguous numpy array of `length` values, borrowed.
pub(crate) fn vector<'py, T: Element>(
    name: &str,
    array: &Bound<'py, PyAny>,
    length: usize,
) -> PyResult<PyReadonlyArray1<'py, T>> {
    let refused = |given: String| {
        let expected = format!("a contiguous {} array of shape ({length},)", T::get_dtype(array.py()));
        EncodingError::new_err(format!("{name}: expected {expected}, got {given}"))
    };
    if let Ok(vector) = array.cast::<PyArray1<T>>()
        && vector.len() == length
        && vector.is_c_contiguous()
    {
        return vector.try_readonly().map_err(|_| refused("an array that is being written to".to_owned()));
    }
    Err(refused(match array.cast::<PyUntypedArray>() {
        Ok(array) => {
            let layout = if array.is_c_contiguous() { "contiguous" } else { "strided" };
            format!("a {layout} {} array of shape {}", array.dtype(), array.getattr("shape")?)
        }
        Err(_) => array.get_type().qualname()?.to_string(),
    }))
}

/// Words, shape (words, 32), to be changed where they stand.
pub(crate) fn words<'py>(array: &Bound<'py, PyAny>) -> PyResult<PyReadwriteArray2<'py, u8>> {
    let refused = || EncodingError::new_err("words: expected a writable, contiguous uint8 array of shape (words, 32)");
    let words = array.cast::<PyArray2<u8>>().map_err(|_| refused())?;
    if !words.is_c_contiguous() || words.shape()[1] != WORD_BYTES {
        return Err(refused());
    }
    words.try_readwrite().map_err(|_| refused())
}

/// A Python int as `T`.
pub(crate) fn number<'py, T>(name: &str, value: &Bound<'py, PyAny>) -> PyResult<T>
where
    T: FromPyObjectOwned<'py>,
{
    value.extract().map_err(|_| {
        let (digits, rust) = ((size_of::<T>() * 8), std::any::type_name::<T>());
        let sign = if rust.starts_with('u') { "non-negative" } else { "signed" };
        InputError::new_err(format!("{name}: expected a {sign} integer of {digits} bits, got {value}"))
    })
}

/// A Python int from 0 to 2^256 - 1 as 32 big-endian bytes.
pub(crate) fn uint256(name: &str, value: &Bound<'_, PyAny>) -> PyResult<[u8; 32]> {
    let bytes = value
        .call_method1("to_bytes", (32, "big"))
        .map_err(|_| InputError::new_err(format!("{name}: expected an integer from 0 to 2^256 - 1, got {value}")))?;
    fixed(name, &bytes)
}

/// A bitmap over the places of a group of `members`.
pub(crate) fn places(name: &str, value: &Bound<'_, PyAny>, members: usize) -> PyResult<Places> {
    Places::from_bytes(&uint256(name, value)?, members).map_err(to_python)
}

/// Exactly `N` bytes.
pub(crate) fn fixed<const N: usize>(name: &str, value: &Bound<'_, PyAny>) -> PyResult<[u8; N]> {
    let given = match value.cast::<PyBytes>() {
        Ok(bytes) => match bytes.as_bytes().try_into() {
            Ok(array) => return Ok(array),
            Err(_) => format!("{} bytes", bytes.as_bytes().len()),
        },
        Err(_) => value.get_type().qualname()?.to_string(),
    };
    Err(InputError::new_err(format!("{name}: expected {N} bytes, got {given}")))
}

/// An address written as 0x and 40 hexadecimal digits.
pub(crate) fn address(name: &str, value: &Bound<'_, PyAny>) -> PyResult<[u8; 20]> {
    let refused = || InputError::new_err(format!("{name}: expected 0x and 40 hexadecimal digits, got {value}"));
    let text: String = value.extract().map_err(|_| refused())?;
    let digits =
        text.strip_prefix("0x").filter(|digits| digits.len() == 40 && digits.is_ascii()).ok_or_else(refused)?;
    let mut bytes = [0; 20];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16).ok_or_else(refused);
        *byte = (digit(pair[0])? << 4 | digit(pair[1])?) as u8;
    }
    Ok(bytes)
}

/// As many 64- or 128-bit numbers; `name` is that of each in errors.
pub(crate) fn numbers<'py, T>(name: &str, values: &[Bound<'py, PyAny>]) -> PyResult<Vec<T>>
where
    T: FromPyObjectOwned<'py>,
{
    values.iter().map(|value| number(name, value)).collect()
}
