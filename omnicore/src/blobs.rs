//! The border of blob mode: read, compute without the interpreter's lock, write. `omnilytics.blobs.scheme` alone uses it.

use numpy::{IntoPyArray, PyArray1};
use omnilytics_blobs::blob::{self, Range};
use omnilytics_blobs::packed::{self, Packed};
use omnilytics_blobs::packing;
use omnilytics_blobs::point::{Point, read_points};
use omnilytics_blobs::statement::{Kind, Statement};
use omnilytics_blobs::{Error, commit, mask, opening, prove, verify};
use omnilytics_core::mask::{PairSeed, Sign};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use crate::arrays;
use crate::error::{EncodingError, InputError};

/// Errors about blobs and sums as `EncodingError`, others as `InputError`.
fn to_python(error: Error) -> PyErr {
    match error {
        Error::Value { .. }
        | Error::NotCanonical { .. }
        | Error::SumOutOfRange { .. }
        | Error::Padding { .. }
        | Error::DigitOutOfRange { .. }
        | Error::AboveLanes { .. }
        | Error::DigitPadding { .. } => EncodingError::new_err(error.to_string()),
        _ => InputError::new_err(error.to_string()),
    }
}

#[pyclass(module = "omnilytics._omnicore", frozen)]
struct BlobStatement(Statement);

#[pymethods]
impl BlobStatement {
    #[new]
    fn new(
        kind: &Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
        groups: &Bound<'_, PyAny>,
        members: &Bound<'_, PyAny>,
        chunks: &Bound<'_, PyAny>,
        bound: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let kind = match arrays::number::<u64>("kind", kind)? {
            1 => Kind::Norms,
            2 => Kind::Gram,
            other => return Err(InputError::new_err(format!("kind: expected 1 (norms) or 2 (gram), got {other}"))),
        };
        let (context, groups) = (arrays::fixed("context", context)?, arrays::number("groups", groups)?);
        let (members, chunks) = (arrays::number("members", members)?, arrays::number("chunks", chunks)?);
        let bound = arrays::number("bound", bound)?;
        Statement::new(kind, context, groups, members, chunks, bound).map(Self).map_err(to_python)
    }

    fn prove<'py>(
        &self,
        py: Python<'py>,
        points: &[u8],
        sums: Vec<PyBackedBytes>,
    ) -> PyResult<(Vec<i128>, Bound<'py, PyBytes>)> {
        let proof = py.detach(|| prove(&self.0, &self.points(points)?, &sums)).map_err(to_python)?;
        Ok((proof.products, PyBytes::new(py, &proof.bytes)))
    }

    /// Whether the contract takes the proof; products that no 128 bits hold, it doesn't.
    fn verify(&self, py: Python<'_>, points: &[u8], products: Vec<Bound<'_, PyAny>>, proof: &[u8]) -> PyResult<bool> {
        let Some(products) = read_products(&products) else { return Ok(false) };
        py.detach(|| verify(&self.0, &self.points(points)?, &products, proof)).map_err(to_python)
    }
}

/// Products that 128 bits hold; none if there are others, which no sums have.
fn read_products(products: &[Bound<'_, PyAny>]) -> Option<Vec<i128>> {
    products.iter().map(|product| product.extract().ok()).collect()
}

#[pyclass(module = "omnilytics._omnicore", frozen)]
struct PackedStatement(Packed);

#[pymethods]
impl PackedStatement {
    #[new]
    fn new(
        kind: &Bound<'_, PyAny>,
        context: &Bound<'_, PyAny>,
        groups: &Bound<'_, PyAny>,
        members: &Bound<'_, PyAny>,
        lanes: &Bound<'_, PyAny>,
        bound: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let kind = match arrays::number::<u64>("kind", kind)? {
            3 => Kind::Norms,
            4 => Kind::Gram,
            other => {
                let message = format!("kind: expected 3 (norms of packed sums) or 4 (gram), got {other}");
                return Err(InputError::new_err(message));
            }
        };
        let (context, groups) = (arrays::fixed("context", context)?, arrays::number("groups", groups)?);
        let (members, lanes) = (arrays::number("members", members)?, arrays::number("lanes", lanes)?);
        let bound = arrays::number("bound", bound)?;
        Packed::new(kind, context, groups, members, lanes, bound).map(Self).map_err(to_python)
    }

    fn prove<'py>(
        &self,
        py: Python<'py>,
        points: &[u8],
        sums: Vec<PyBackedBytes>,
    ) -> PyResult<(Vec<i128>, Bound<'py, PyBytes>)> {
        let proof = py.detach(|| packed::prove(&self.0, &self.points(points)?, &sums)).map_err(to_python)?;
        Ok((proof.products, PyBytes::new(py, &proof.evidence)))
    }

    /// As that of `BlobStatement`.
    fn verify(&self, py: Python<'_>, points: &[u8], products: Vec<Bound<'_, PyAny>>, proof: &[u8]) -> PyResult<bool> {
        let Some(products) = read_products(&products) else { return Ok(false) };
        py.detach(|| packed::verify(&self.0, &self.points(points)?, &products, proof)).map_err(to_python)
    }
}

impl PackedStatement {
    fn points(&self, points: &[u8]) -> omnilytics_blobs::Result<Vec<Point>> {
        read_points("bytes of commitments", points, self.0.sums())
    }
}

impl BlobStatement {
    fn points(&self, points: &[u8]) -> omnilytics_blobs::Result<Vec<Point>> {
        read_points("bytes of commitments", points, self.0.commitments())
    }
}

#[pyfunction]
fn masked_blob<'py>(
    py: Python<'py>,
    values: &Bound<'py, PyAny>,
    bound: &Bound<'py, PyAny>,
    index: &Bound<'py, PyAny>,
    seeds: Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
    packed: bool,
) -> PyResult<Bound<'py, PyBytes>> {
    let values = arrays::vector::<i32>("values", values, values.len().unwrap_or(0))?;
    let values = values.as_slice()?;
    let (bound, index) = (arrays::number("bound", bound)?, arrays::number("index", index)?);
    let pairs = seeds.iter().map(read_pair).collect::<PyResult<Vec<PairSeed>>>()?;
    let masked = if packed { packing::masked } else { blob::masked };
    let blob = py.detach(|| masked(values, bound, index, &pairs)).map_err(to_python)?;
    Ok(PyBytes::new(py, &blob))
}

fn read_pair((seed, sign): &(Bound<'_, PyAny>, Bound<'_, PyAny>)) -> PyResult<PairSeed> {
    let seed: [u8; 32] = arrays::fixed("seed", seed)?;
    let sign = match sign.extract::<i64>() {
        Ok(1) => Sign::Plus,
        Ok(-1) => Sign::Minus,
        _ => return Err(InputError::new_err(format!("sign: expected 1 or -1, got {sign}"))),
    };
    Ok(PairSeed { peer: 0, seed: seed.into(), sign })
}

#[pyfunction]
fn blob_mask_at<'py>(
    py: Python<'py>,
    seed: &Bound<'py, PyAny>,
    index: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(py, &mask::mask_at(&arrays::fixed("seed", seed)?, arrays::number("index", index)?)))
}

#[pyfunction]
fn add_blobs<'py>(py: Python<'py>, blobs: Vec<PyBackedBytes>) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(py, &py.detach(|| blob::sum(&blobs)).map_err(to_python)?))
}

#[pyfunction]
fn decode_blob<'py>(
    py: Python<'py>,
    blob: &[u8],
    count: &Bound<'py, PyAny>,
    members: &Bound<'py, PyAny>,
    bound: &Bound<'py, PyAny>,
    packed: bool,
) -> PyResult<Bound<'py, PyArray1<i64>>> {
    let (count, members) = (arrays::number("count", count)?, arrays::number("members", members)?);
    let range = Range::new(members, arrays::number("bound", bound)?).map_err(to_python)?;
    let decoded = || if packed { packing::decode(range, blob, count) } else { range.decode(blob, count) };
    Ok(py.detach(decoded).map_err(to_python)?.into_pyarray(py))
}

#[pyfunction]
fn commit_blob<'py>(py: Python<'py>, blob: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    Ok(PyBytes::new(py, &py.detach(|| commit(blob)).map_err(to_python)?.compressed()))
}

#[pyfunction]
fn uncompress_point<'py>(py: Python<'py>, point: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let point = Point::from_compressed("point", &arrays::fixed("point", point)?).map_err(to_python)?;
    Ok(PyBytes::new(py, &point.bytes()))
}

#[pyfunction]
fn compress_point<'py>(py: Python<'py>, point: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let point = Point::from_bytes("point", &arrays::fixed("point", point)?).map_err(to_python)?;
    Ok(PyBytes::new(py, &point.compressed()))
}

#[pyfunction]
fn add_points<'py>(py: Python<'py>, points: Vec<Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyBytes>> {
    let read =
        |point: &Bound<'_, PyAny>| Point::from_bytes("point", &arrays::fixed("point", point)?).map_err(to_python);
    let points = points.iter().map(read).collect::<PyResult<Vec<Point>>>()?;
    Ok(PyBytes::new(py, &points.into_iter().sum::<Point>().bytes()))
}

#[pyfunction]
fn open_blob<'py>(
    py: Python<'py>,
    blob: &[u8],
    place: &Bound<'py, PyAny>,
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
    let place = arrays::number("place", place)?;
    let (value, proof) = py.detach(|| opening::open(blob, place)).map_err(to_python)?;
    Ok((PyBytes::new(py, &value), PyBytes::new(py, &proof)))
}

#[pyfunction]
fn check_opening(
    py: Python<'_>,
    commitment: &Bound<'_, PyAny>,
    place: &Bound<'_, PyAny>,
    value: &Bound<'_, PyAny>,
    proof: &Bound<'_, PyAny>,
) -> PyResult<bool> {
    let (commitment, place) = (arrays::fixed("commitment", commitment)?, arrays::number("place", place)?);
    let (value, proof) = (arrays::uint256("value", value)?, arrays::fixed("proof", proof)?);
    py.detach(|| opening::holds(&commitment, place, &value, &proof)).map_err(to_python)
}

#[pyfunction]
fn blob_point_of<'py>(py: Python<'py>, place: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
    let point = opening::point_of(arrays::number("place", place)?).map_err(to_python)?;
    Ok(PyBytes::new(py, &point))
}

pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<BlobStatement>()?;
    m.add_class::<PackedStatement>()?;
    m.add_function(wrap_pyfunction!(masked_blob, m)?)?;
    m.add_function(wrap_pyfunction!(blob_mask_at, m)?)?;
    m.add_function(wrap_pyfunction!(add_blobs, m)?)?;
    m.add_function(wrap_pyfunction!(decode_blob, m)?)?;
    m.add_function(wrap_pyfunction!(commit_blob, m)?)?;
    m.add_function(wrap_pyfunction!(uncompress_point, m)?)?;
    m.add_function(wrap_pyfunction!(compress_point, m)?)?;
    m.add_function(wrap_pyfunction!(add_points, m)?)?;
    m.add_function(wrap_pyfunction!(open_blob, m)?)?;
    m.add_function(wrap_pyfunction!(check_opening, m)?)?;
    m.add_function(wrap_pyfunction!(blob_point_of, m)?)
}
