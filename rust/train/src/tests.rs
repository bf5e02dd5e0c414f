use fearless_simd::{Level, dispatch};
use proptest::prelude::*;

use crate::{Descent, Layer, Network, Parameter, Real, Samples};

const SAMPLE: [usize; 3] = [2, 7, 6];
const SIZES: [usize; 6] = [3 * 2 * 3 * 2, 3, 9 * 3 * 2 * 2, 9, 4 * 9 * 4 * 4, 4];

fn layers() -> [Layer; 3] {
    [
        Layer::Convolution { out: 3, kernel: [3, 2], padding: [1, 1], pool: true, relu: true },
        Layer::Convolution { out: 9, kernel: [2, 2], padding: [1, 1], pool: false, relu: true },
        Layer::Linear { out: 4, relu: false },
    ]
}

fn network() -> Network {
    Network::new(SAMPLE, &layers()).unwrap()
}

/// Numbers in [-0.5, 0.5) that repeat.
fn numbers<T: Real>(count: usize, seed: u32) -> Vec<T> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        T::whole((state >> 20) as usize) / T::whole(1 << 12) - T::ONE / T::whole(2)
    };
    (0..count).map(|_| next()).collect()
}

fn parameters<T: Real>(trained: [bool; 6]) -> Vec<Parameter<T>> {
    let made = SIZES.iter().zip(trained).zip(1..);
    made.map(|((size, trained), seed)| Parameter { values: numbers(*size, seed), trained }).collect()
}

fn loss(parameters: &[Parameter<f64>], x: &[f64], label: i64) -> f64 {
    // one step of rate 1 on the biases of the last layer tells the probabilities
    let mut own = parameters.to_vec();
    own.iter_mut().enumerate().for_each(|(place, parameter)| parameter.trained = place == 5);
    let samples = Samples { x, y: &[label], each_pass: 1 };
    network().fit(&mut own, samples, Descent { batch: 1, momentum: 0.0, rate: 1.0 }).unwrap();
    let step = parameters[5].values[label as usize] - own[5].values[label as usize];
    -(step + 1.0).ln()
}

#[test]
fn steps_are_the_slopes_of_the_loss() {
    let start = parameters::<f64>([true; 6]);
    let x = numbers::<f64>(84, 9);
    let mut after = start.clone();
    let samples = Samples { x: &x, y: &[2], each_pass: 1 };
    network().fit(&mut after, samples, Descent { batch: 1, momentum: 0.0, rate: 1.0 }).unwrap();
    for (place, size) in SIZES.iter().enumerate() {
        for at in (0..*size).step_by(5) {
            let moved = |by: f64| {
                let mut own = start.clone();
                own[place].values[at] += by;
                loss(&own, &x, 2)
            };
            let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            let step = start[place].values[at] - after[place].values[at];
            assert!((slope - step).abs() < 1e-8, "parameter {place}, value {at}: {slope} and {step}");
        }
    }
}

fn trained<T: Real>(level: Level, trained: [bool; 6], batch: usize) -> Vec<Parameter<T>> {
    let mut own = parameters(trained);
    let (x, network) = (numbers::<T>(84 * 10, 3), network());
    let samples = Samples { x: &x, y: &[0, 1, 2, 3, 0, 3, 2, 1, 0, 1], each_pass: 5 };
    let descent = Descent { batch, momentum: T::ONE / T::whole(2), rate: T::ONE / T::whole(8) };
    dispatch!(level, simd => network.fit_here(simd, &mut own, samples, descent));
    own
}

proptest! {
    #[test]
    fn every_instruction_set_gives_the_same(flags: [bool; 6], batch in 1..7_usize) {
        prop_assert_eq!(trained::<f32>(Level::new(), flags, batch), trained::<f32>(Level::baseline(), flags, batch));
        prop_assert_eq!(trained::<f64>(Level::new(), flags, batch), trained::<f64>(Level::baseline(), flags, batch));
    }

    #[test]
    fn only_what_is_trained_changes(flags: [bool; 6]) {
        for (after, before) in trained::<f32>(Level::new(), flags, 2).iter().zip(parameters::<f32>(flags)) {
            prop_assert_eq!(after.values != before.values, before.trained);
        }
    }
}

#[test]
fn what_cannot_be_filled_is_refused() {
    let convolution = |kernel| Layer::Convolution { out: 1, kernel, padding: [0, 0], pool: true, relu: true };
    let linear = |out| Layer::Linear { out, relu: false };
    let refused = |sample, layers: &[Layer]| Network::new(sample, layers).unwrap_err().to_string();
    assert_eq!("layers: expected at least 1, got 0", refused([1, 4, 4], &[]));
    assert_eq!("values of a sample: expected at least 1, got 0", refused([1, 0, 4], &[linear(2)]));
    assert_eq!("outputs of a convolution: expected at least 1, got 0", refused([1, 4, 4], &[convolution([4, 3])]));
    assert_eq!("a convolution's kernel: expected at least 1, got 0", refused([1, 4, 4], &[convolution([0, 3])]));
    assert_eq!("outputs of a linear layer: expected at least 1, got 0", refused([1, 4, 4], &[linear(0)]));
    assert_eq!(
        "the last layer: expected one value for each class, got 1x2",
        refused([1, 2, 4], &[convolution([1, 1])])
    );
}

#[test]
fn samples_that_do_not_fit_are_refused() {
    let refused = |y: &[i64], x: &[f32], batch, each_pass, sizes: usize| {
        let mut own = parameters([true; 6]);
        own.truncate(sizes);
        let descent = Descent { batch, momentum: 0.0, rate: 0.1 };
        network().fit(&mut own, Samples { x, y, each_pass }, descent).unwrap_err().to_string()
    };
    assert_eq!("labels: expected 0..4, got 4", refused(&[4], &[0.0; 84], 1, 1, 6));
    assert_eq!("labels: expected 0..4, got -1", refused(&[-1], &[0.0; 84], 1, 1, 6));
    assert_eq!("values of the samples: expected 84, got 83", refused(&[0], &[0.0; 83], 1, 1, 6));
    assert_eq!("samples of a batch: expected at least 1, got 0", refused(&[0], &[0.0; 84], 0, 1, 6));
    assert_eq!("samples of a pass: expected at least 1, got 0", refused(&[0], &[0.0; 84], 1, 0, 6));
    assert!(
        refused(&[0], &[0.0; 84], 1, 1, 5).starts_with("parameters: expected [36, 3, 108, 9, 576, 4], got [36, 3, ")
    );
}
