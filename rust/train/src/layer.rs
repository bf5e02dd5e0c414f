//! A layer's parameters, and what a sample does to them on its way forward and back.

use fearless_simd::{Select, Simd, SimdBase};

use crate::plan::{POOLED, Plan};
use crate::real::{LANES, Real};
use crate::{Descent, Parameter};

/// Patches that are multiplied at once: as many sums as stay in registers.
const AT_ONCE: usize = 8;

/// A layer's weights and bias, their gradients and their velocities. A row of weights belongs to one output and is filled
/// up with zeros to whole vectors, as the outputs are.
#[derive(Debug)]
pub(crate) struct Weights<T> {
    weight: Trained<T>,
    bias: Trained<T>,
    /// The weights of a convolution once more, those of eight outputs side by side.
    spread: Vec<T>,
}

#[derive(Debug)]
struct Trained<T> {
    values: Vec<T>,
    gradient: Vec<T>,
    velocity: Vec<T>,
    trained: bool,
}

impl<T: Real> Trained<T> {
    fn new(values: Vec<T>, trained: bool) -> Self {
        let zeros = vec![T::default(); values.len()];
        Self { values, gradient: zeros.clone(), velocity: zeros, trained }
    }

    #[inline(always)]
    fn step(&mut self, descent: Descent<T>) {
        if !self.trained {
            return;
        }
        let state = self.values.iter_mut().zip(&mut self.velocity).zip(&mut self.gradient);
        for ((value, velocity), gradient) in state {
            *velocity = *velocity * descent.momentum + *gradient;
            *value -= *velocity * descent.rate;
            *gradient = T::default();
        }
    }
}

impl<T: Real> Weights<T> {
    pub(crate) fn new(plan: &Plan, own: &[Parameter<T>]) -> Self {
        let mut weight = vec![T::default(); plan.lanes * plan.rows * plan.pitch];
        for (place, value) in plan.taps.iter().zip(&own[0].values) {
            weight[*place] = *value;
        }
        let mut bias = own[1].values.clone();
        bias.resize(plan.lanes, T::default());
        let spread = if plan.linear { 0 } else { plan.lanes * plan.rows * plan.row };
        let mut made = Self {
            weight: Trained::new(weight, own[0].trained),
            bias: Trained::new(bias, own[1].trained),
            spread: vec![T::default(); spread],
        };
        made.spread(plan);
        made
    }

    pub(crate) fn trained(&self) -> bool {
        self.weight.trained | self.bias.trained
    }

    #[inline(always)]
    pub(crate) fn step(&mut self, plan: &Plan, descent: Descent<T>) {
        if self.weight.trained {
            // what stands beside a patch's rows was multiplied too
            for row in self.weight.gradient.chunks_mut(plan.pitch) {
                row[plan.row..].fill(T::default());
            }
        }
        self.weight.step(descent);
        self.bias.step(descent);
        if self.weight.trained {
            self.spread(plan);
        }
    }

    #[inline(always)]
    fn spread(&mut self, plan: &Plan) {
        let each = plan.rows * plan.pitch;
        if plan.linear {
            return;
        }
        for (group, outputs) in
            self.spread.chunks_mut(plan.rows * plan.row * LANES).zip(self.weight.values.chunks(each * LANES))
        {
            for (row, taps) in group.chunks_mut(plan.row * LANES).enumerate() {
                for (lane, output) in outputs.chunks(each).enumerate() {
                    let values = &output[row * plan.pitch..][..plan.row];
                    for (tap, value) in taps.chunks_mut(LANES).zip(values) {
                        tap[lane] = *value;
                    }
                }
            }
        }
    }

    pub(crate) fn write(&self, plan: &Plan, own: &mut [Parameter<T>]) {
        for (place, value) in plan.taps.iter().zip(&mut own[0].values) {
            *value = self.weight.values[*place];
        }
        own[1].values.copy_from_slice(&self.bias.values[..plan.out]);
    }
}

/// What a sample leaves in the layers.
#[derive(Debug)]
pub(crate) struct Work<T> {
    /// The input of each layer, and the logits.
    values: Vec<Vec<T>>,
    /// The loss's gradient by them.
    gradients: Vec<Vec<T>>,
    /// Of each layer, which place of each cell counts for each output.
    chosen: Vec<Vec<T>>,
    /// Of one output, the places whose gradient isn't zero, with it.
    active: Vec<(usize, T)>,
    classes: usize,
}

impl<T: Real> Work<T> {
    pub(crate) fn new(plans: &[Plan]) -> Self {
        let (top, classes) = plans.last().map_or((0, 0), |plan| (plan.lanes, plan.out));
        let sizes: Vec<usize> = plans.iter().map(|plan| plan.input).chain([top]).collect();
        let zeros = |sizes: &[usize]| sizes.iter().map(|size| vec![T::default(); *size]).collect::<Vec<_>>();
        let cells: Vec<usize> = plans.iter().map(|plan| plan.put.len() * plan.lanes).collect();
        Self { values: zeros(&sizes), gradients: zeros(&sizes), chosen: zeros(&cells), active: Vec::new(), classes }
    }

    /// The input of the first layer.
    pub(crate) fn bottom(&mut self) -> &mut [T] {
        &mut self.values[0]
    }

    #[inline(always)]
    pub(crate) fn forward<S: Simd>(&mut self, simd: S, index: usize, plan: &Plan, layer: &Weights<T>) {
        let (before, after) = self.values.split_at_mut(index + 1);
        let (input, output) = (&before[index][..], &mut after[0][..]);
        if plan.linear {
            connect(simd, plan, layer, input, output);
        } else {
            convolve(simd, plan, layer, input, output, &mut self.chosen[index]);
        }
    }

    /// The loss's gradient by the logits, made of them.
    pub(crate) fn loss(&mut self, gradient: impl FnOnce(&mut [T])) {
        if let (Some(values), Some(gradients)) = (self.values.last(), self.gradients.last_mut()) {
            gradients.copy_from_slice(values);
            gradient(&mut gradients[..self.classes]);
        }
    }

    /// Adds to the gradients of a layer's parameters, and finds that of its input if there is something to train `below`.
    #[inline(always)]
    pub(crate) fn backward<S: Simd>(
        &mut self,
        simd: S,
        index: usize,
        plan: &Plan,
        layer: &mut Weights<T>,
        below: bool,
    ) {
        let input = &self.values[index];
        let (before, after) = self.gradients.split_at_mut(index + 1);
        before[index].fill(T::default());
        let each = plan.rows * plan.pitch;
        let weights = layer.weight.values.chunks(each).zip(layer.weight.gradient.chunks_mut(each));
        for (output, (weight, gradient)) in weights.take(plan.out).enumerate() {
            self.active.clear();
            activate(plan, output, &self.values[index + 1], &after[0], &self.chosen[index], &mut self.active);
            if layer.bias.trained {
                let sum = self.active.iter().fold(T::default(), |sum, (_, g)| sum + *g);
                layer.bias.gradient[output] += sum;
            }
            if layer.weight.trained {
                gather_all(simd, &self.active, input, &plan.vectors, gradient);
            }
            if below {
                scatter(simd, &self.active, weight, &plan.vectors, &mut before[index]);
            }
        }
    }
}

/// The places of one output that have a gradient.
#[inline(always)]
fn activate<T: Real>(
    plan: &Plan,
    output: usize,
    values: &[T],
    gradients: &[T],
    chosen: &[T],
    active: &mut Vec<(usize, T)>,
) {
    let zero = T::default();
    active.resize(plan.put.len(), (0, zero));
    let mut count = 0;
    let patches = if plan.pool { POOLED } else { 1 };
    for ((put, chosen), places) in plan.put.iter().zip(chosen.chunks(plan.lanes)).zip(plan.places.chunks(patches)) {
        let at = put + output;
        let place = if plan.pool { places[chosen[output].index() % POOLED] } else { places[0] };
        active[count] = (place, gradients[at]);
        // what isn't a number goes on
        let dead = (plan.relu & (values[at] <= zero)) | (gradients[at] == zero);
        count += usize::from(!dead);
    }
    active.truncate(count);
}

#[inline(always)]
fn vector<S: Simd, T: Real>(simd: S, values: &[T], start: usize) -> T::Vector<S> {
    T::Vector::from_slice(simd, &values[start..][..LANES])
}

#[inline(always)]
fn splat<S: Simd, T: Real>(simd: S, value: T) -> T::Vector<S> {
    T::Vector::splat(simd, value)
}

/// The outputs of a linear layer: products of its input with the weights of four outputs at once.
#[inline(always)]
fn connect<S: Simd, T: Real>(simd: S, plan: &Plan, layer: &Weights<T>, input: &[T], output: &mut [T]) {
    const OUTPUTS: usize = 4;
    let groups = layer.weight.values.chunks(OUTPUTS * plan.pitch).zip(output.chunks_mut(OUTPUTS));
    for ((weights, outputs), bias) in groups.zip(layer.bias.values.chunks(OUTPUTS)) {
        let mut rows = [&weights[..plan.pitch]; OUTPUTS];
        for at in 1..OUTPUTS {
            rows[at] = &weights[at * plan.pitch..][..plan.pitch];
        }
        let mut sums = [splat(simd, T::default()); OUTPUTS];
        for (start, values) in (0..).step_by(LANES).zip(input.chunks_exact(LANES)) {
            let values = T::Vector::from_slice(simd, values);
            for at in 0..OUTPUTS {
                sums[at] += values * vector(simd, rows[at], start);
            }
        }
        for ((output, sum), bias) in outputs.iter_mut().zip(&sums).zip(bias) {
            let sum = sum.as_slice().iter().fold(*bias, |all, value| all + *value);
            *output = if plan.relu & (sum < T::default()) { T::default() } else { sum };
        }
    }
}

/// The outputs of a convolution, each the largest of its places, and which place that is.
#[inline(always)]
fn convolve<S: Simd, T: Real>(
    simd: S,
    plan: &Plan,
    layer: &Weights<T>,
    input: &[T],
    output: &mut [T],
    chosen: &mut [T],
) {
    let zero = splat(simd, T::default());
    let patches = if plan.pool { POOLED } else { 1 };
    let taps = plan.rows * plan.row * LANES;
    for (start, (weights, bias)) in
        (0..).step_by(LANES).zip(layer.spread.chunks(taps).zip(layer.bias.values.chunks(LANES)))
    {
        let bias = T::Vector::from_slice(simd, bias);
        let cells = plan.put.chunks(AT_ONCE / patches).zip(chosen.chunks_mut(AT_ONCE / patches * plan.lanes));
        for (places, (put, chosen)) in plan.places.chunks(AT_ONCE).zip(cells) {
            let mut filled = [places[0]; AT_ONCE];
            filled[..places.len()].copy_from_slice(places);
            let sums = multiply(simd, plan, weights, bias, input, &filled);
            for ((sums, put), chosen) in sums.chunks(patches).zip(put).zip(chosen.chunks_mut(plan.lanes)) {
                let mut best = sums[0];
                let mut which = zero;
                for (place, sum) in sums.iter().enumerate().skip(1) {
                    let larger = sum.simd_gt(best);
                    best = larger.select(*sum, best);
                    which = larger.select(splat(simd, T::whole(place)), which);
                }
                if plan.pool {
                    which.store_slice(&mut chosen[start..][..LANES]);
                }
                if plan.relu {
                    best = best.simd_lt(zero).select(zero, best);
                }
                best.store_slice(&mut output[put + start..][..LANES]);
            }
        }
    }
}

/// The products of some patches with the weights of eight outputs.
#[inline(always)]
fn multiply<S: Simd, T: Real>(
    simd: S,
    plan: &Plan,
    weights: &[T],
    bias: T::Vector<S>,
    input: &[T],
    places: &[usize; AT_ONCE],
) -> [T::Vector<S>; AT_ONCE] {
    let mut sums = [bias; AT_ONCE];
    for (down, weights) in (0..).step_by(plan.stride).zip(weights.chunks(plan.row * LANES)) {
        let mut rows = [&input[places[0] + down..][..plan.row]; AT_ONCE];
        for at in 1..AT_ONCE {
            rows[at] = &input[places[at] + down..][..plan.row];
        }
        for (tap, weight) in weights.chunks_exact(LANES).enumerate() {
            let weight = T::Vector::from_slice(simd, weight);
            for at in 0..AT_ONCE {
                sums[at] += weight * splat(simd, rows[at][tap]);
            }
        }
    }
    sums
}

/// Adds to an output's gradients the patches at the active places, times the gradient there.
#[inline(always)]
fn gather_all<S: Simd, T: Real>(simd: S, active: &[(usize, T)], input: &[T], vectors: &[usize], into: &mut [T]) {
    for (vectors, into) in vectors.chunks(AT_ONCE).zip(into.chunks_mut(AT_ONCE * LANES)) {
        match vectors.len() {
            8 => gather::<S, T, 8>(simd, active, input, vectors, into),
            7 => gather::<S, T, 7>(simd, active, input, vectors, into),
            6 => gather::<S, T, 6>(simd, active, input, vectors, into),
            5 => gather::<S, T, 5>(simd, active, input, vectors, into),
            4 => gather::<S, T, 4>(simd, active, input, vectors, into),
            3 => gather::<S, T, 3>(simd, active, input, vectors, into),
            2 => gather::<S, T, 2>(simd, active, input, vectors, into),
            _ => gather::<S, T, 1>(simd, active, input, vectors, into),
        }
    }
}

#[inline(always)]
fn gather<S: Simd, T: Real, const N: usize>(
    simd: S,
    active: &[(usize, T)],
    input: &[T],
    vectors: &[usize],
    into: &mut [T],
) {
    let vectors: &[usize; N] = vectors.first_chunk().expect("N of them");
    let mut sums = [splat(simd, T::default()); N];
    for (sum, into) in sums.iter_mut().zip(into.chunks_exact(LANES)) {
        *sum = T::Vector::from_slice(simd, into);
    }
    for (place, gradient) in active {
        let gradient = splat(simd, *gradient);
        let patch = &input[*place..];
        for at in 0..N {
            sums[at] += gradient * vector(simd, patch, vectors[at]);
        }
    }
    for (sum, into) in sums.iter().zip(into.chunks_exact_mut(LANES)) {
        sum.store_slice(into);
    }
}

/// Adds an output's weights to the patches at the active places, times the gradient there.
#[inline(always)]
fn scatter<S: Simd, T: Real>(simd: S, active: &[(usize, T)], weight: &[T], vectors: &[usize], into: &mut [T]) {
    for (place, gradient) in active {
        let gradient = splat(simd, *gradient);
        let patch = &mut into[*place..];
        for (start, weight) in vectors.iter().zip(weight.chunks_exact(LANES)) {
            let part = &mut patch[*start..][..LANES];
            let sum = T::Vector::from_slice(simd, part) + gradient * T::Vector::from_slice(simd, weight);
            sum.store_slice(part);
        }
    }
}
