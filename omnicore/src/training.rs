//! The border of training: read, train without the interpreter's lock, write. `omnilytics.model.compiled` alone uses it.

use numpy::{Element, PyArray2, PyReadonlyArray2, PyReadonlyArray3, PyReadonlyArray4};
use omnilytics_core::parallel::each_on;
use omnilytics_train::{Descent, Layer, Network, Parameter, Real, Samples};
use pyo3::prelude::*;
use pyo3::types::PyList;

use crate::error::InputError;

/// Outputs, kernel (None: a linear layer), padding, whether the largest of 2x2 is taken, whether negative outputs are zero.
type RawLayer = (usize, Option<[usize; 2]>, [usize; 2], bool, bool);

fn refused(error: omnilytics_train::Error) -> PyErr {
    InputError::new_err(error.to_string())
}

fn layer((out, kernel, padding, pool, relu): RawLayer) -> Layer {
    match kernel {
        Some(kernel) => Layer::Convolution { out, kernel, padding, pool, relu },
        None => Layer::Linear { out, relu },
    }
}

/// Trains networks of one shape, on so many threads; the results don't depend on how many.
#[pyfunction]
#[pyo3(signature = (sample, layers, parameters, x, y, *, batch, momentum, rate, threads))]
#[allow(clippy::too_many_arguments)]
fn descend<'py>(
    py: Python<'py>,
    sample: [usize; 3],
    layers: Vec<RawLayer>,
    parameters: &Bound<'py, PyList>,
    x: &Bound<'py, PyAny>,
    y: PyReadonlyArray3<'py, i64>,
    batch: usize,
    momentum: f64,
    rate: f64,
    threads: usize,
) -> PyResult<Vec<Py<PyAny>>> {
    let layers: Vec<Layer> = layers.into_iter().map(layer).collect();
    let network = Network::new(sample, &layers).map_err(refused)?;
    if let Ok(x) = x.extract::<PyReadonlyArray4<'py, f32>>() {
        let descent = Descent { batch, momentum: momentum as f32, rate: rate as f32 };
        return trained(py, &network, parameters, &x, &y, descent, threads);
    }
    let x = x.extract::<PyReadonlyArray4<'py, f64>>().map_err(|_| {
        InputError::new_err("samples: expected a float32 or float64 array of shape (networks, passes, samples, values)")
    })?;
    trained(py, &network, parameters, &x, &y, Descent { batch, momentum, rate }, threads)
}

fn trained<'py, T: Real + Element>(
    py: Python<'py>,
    network: &Network,
    parameters: &Bound<'py, PyList>,
    x: &PyReadonlyArray4<'py, T>,
    y: &PyReadonlyArray3<'py, i64>,
    descent: Descent<T>,
    threads: usize,
) -> PyResult<Vec<Py<PyAny>>> {
    let not = |what: &str| InputError::new_err(format!("{what}: expected contiguous arrays for all networks"));
    let arrays: Vec<(PyReadonlyArray2<'py, T>, bool)> = parameters.extract().map_err(|_| not("parameters"))?;
    let rows: Vec<(&[T], usize, bool)> = arrays
        .iter()
        .map(|(array, trained)| Ok((array.as_slice()?, array.as_array().ncols(), *trained)))
        .collect::<PyResult<_>>()
        .map_err(|_: PyErr| not("parameters"))?;
    let (shape, values, labels) = (x.as_array().dim(), x.as_slice()?, y.as_slice()?);
    let (networks, passes, each_pass, _) = shape;
    if rows.iter().any(|(values, size, trained)| values.len() != size * if *trained { networks } else { 1 }) {
        return Err(not("parameters"));
    }
    if y.as_array().dim() != (networks, passes, each_pass) {
        return Err(not("labels"));
    }
    let fitted = |index: usize| {
        let part = |all: usize| index * (all / networks)..(index + 1) * (all / networks);
        let own = |(values, size, trained): &(&[T], usize, bool)| {
            let start = if *trained { index * size } else { 0 };
            Parameter { values: values[start..start + size].to_vec(), trained: *trained }
        };
        let mut own: Vec<Parameter<T>> = rows.iter().map(own).collect();
        let samples = Samples { x: &values[part(values.len())], y: &labels[part(labels.len())], each_pass };
        network.fit(&mut own, samples, descent).map(|()| own)
    };
    let fitted = py.detach(|| each_on(threads, networks, fitted).into_iter().collect::<Result<Vec<_>, _>>());
    let fitted = fitted.map_err(refused)?;
    let trained = (0..rows.len()).filter(|place| rows[*place].2);
    let found = |place: usize| fitted.iter().map(|own| own[place].values.clone()).collect::<Vec<_>>();
    trained.map(|place| Ok(PyArray2::from_vec2(py, &found(place))?.into_any().unbind())).collect()
}

/// Adds the border to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(descend, m)?)
}
