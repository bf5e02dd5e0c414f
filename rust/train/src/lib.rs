//! Gradient descent on small networks: convolutions with pooling, linear layers, ReLU, cross-entropy.
//!
//! One sample after the other goes forward and back in the processor's nearest cache, where general libraries move batches
//! of patches through memory. Two things make it quick: eight outputs of a layer are one vector, and of each four values
//! that are pooled only the largest has a gradient, so that going back touches a quarter of the places, and after ReLU
//! half of those.
//!
//! Multiplications and additions aren't fused, and their order is fixed: the results are the same on every instruction set.

mod layer;
mod loss;
mod plan;
mod real;
mod sizes;
#[cfg(test)]
mod tests;

use fearless_simd::{Level, Simd, dispatch};

use crate::layer::{Weights, Work};
use crate::plan::Plan;
pub use crate::real::Real;
pub use crate::sizes::{Error, Layer, Result};

/// A network's layers.
#[derive(Debug)]
pub struct Network {
    plans: Vec<Plan>,
    /// Where each value of a sample stands in the first layer's input.
    entries: Vec<usize>,
}

/// A parameter: its values in PyTorch's order, and whether descent changes them.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter<T> {
    /// Row by row.
    pub values: Vec<T>,
    /// Whether it is trained.
    pub trained: bool,
}

/// What a network is trained on, in the order in which it sees it.
#[derive(Clone, Copy, Debug)]
pub struct Samples<'a, T> {
    /// Images (c, h, w) or features, one after the other.
    pub x: &'a [T],
    /// The label of each.
    pub y: &'a [i64],
    /// Samples of a pass; the last batch of each may be smaller.
    pub each_pass: usize,
}

/// Stochastic gradient descent with momentum on the mean cross-entropy of each batch.
#[derive(Clone, Copy, Debug)]
pub struct Descent<T> {
    /// Samples of a step.
    pub batch: usize,
    /// What is left of the step before.
    pub momentum: T,
    /// The learning rate.
    pub rate: T,
}

impl Network {
    /// A network for samples of a shape (channels, height, width); features are channels of one pixel.
    ///
    /// # Errors
    /// A layer that the values before it can't fill, or none at all.
    pub fn new(sample: [usize; 3], layers: &[Layer]) -> Result<Self> {
        let plans = plan::plans(sample, layers)?;
        let entries = plans.first().map_or_else(Vec::new, Plan::entries);
        Ok(Self { plans, entries })
    }

    /// Trains: `parameters` are each layer's weights and bias in turn.
    ///
    /// # Errors
    /// Parameters, samples, labels or a batch that don't fit the network.
    pub fn fit<T: Real>(
        &self,
        parameters: &mut [Parameter<T>],
        samples: Samples<'_, T>,
        descent: Descent<T>,
    ) -> Result<()> {
        self.check(parameters, samples, descent)?;
        dispatch!(Level::new(), simd => self.fit_here(simd, parameters, samples, descent));
        Ok(())
    }

    fn check<T: Real>(&self, parameters: &[Parameter<T>], samples: Samples<'_, T>, descent: Descent<T>) -> Result<()> {
        let sizes = self.plans.iter().flat_map(|plan| [plan.taps.len(), plan.out]);
        let given: Vec<usize> = parameters.iter().map(|parameter| parameter.values.len()).collect();
        let expected: Vec<usize> = sizes.collect();
        sizes::same("parameters", &expected, &given)?;
        sizes::same("values of the samples", &(samples.y.len() * self.entries.len()), &samples.x.len())?;
        sizes::positive("samples of a pass", samples.each_pass)?;
        sizes::positive("samples of a batch", descent.batch)?;
        let classes = self.plans.last().map_or(0, |plan| plan.out);
        sizes::labels(samples.y, classes)
    }

    #[inline(always)]
    fn fit_here<S: Simd, T: Real>(
        &self,
        simd: S,
        parameters: &mut [Parameter<T>],
        samples: Samples<'_, T>,
        descent: Descent<T>,
    ) {
        let mut layers: Vec<Weights<T>> =
            self.plans.iter().zip(parameters.chunks(2)).map(|(plan, own)| Weights::new(plan, own)).collect();
        let mut work = Work::new(&self.plans);
        let below: Vec<bool> =
            layers.iter().scan(false, |any, layer| Some(std::mem::replace(any, *any | layer.trained()))).collect();
        let size = self.entries.len();
        let passes = samples.x.chunks(samples.each_pass * size).zip(samples.y.chunks(samples.each_pass));
        for (x, y) in passes {
            for (x, y) in x.chunks(descent.batch * size).zip(y.chunks(descent.batch)) {
                for (x, label) in x.chunks(size).zip(y) {
                    self.take(x, &mut work);
                    for (index, (plan, layer)) in self.plans.iter().zip(&layers).enumerate() {
                        work.forward(simd, index, plan, layer);
                    }
                    work.loss(|logits| loss::gradient(logits, *label as usize, y.len()));
                    for (index, (plan, layer)) in self.plans.iter().zip(&mut layers).enumerate().rev() {
                        work.backward(simd, index, plan, layer, below[index]);
                        if !below[index] {
                            break;
                        }
                    }
                }
                for (plan, layer) in self.plans.iter().zip(&mut layers) {
                    layer.step(plan, descent);
                }
            }
        }
        for ((plan, layer), own) in self.plans.iter().zip(&layers).zip(parameters.chunks_mut(2)) {
            layer.write(plan, own);
        }
    }

    /// Lays a sample out for the first layer.
    fn take<T: Real>(&self, x: &[T], work: &mut Work<T>) {
        let input = work.bottom();
        for (value, place) in x.iter().zip(&self.entries) {
            input[*place] = *value;
        }
    }
}
