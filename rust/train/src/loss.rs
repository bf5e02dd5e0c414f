//! The loss at the top of a network.

use crate::real::Real;

/// Turns logits into the gradient by them of the sample's share in the mean cross-entropy of a batch.
pub(crate) fn gradient<T: Real>(logits: &mut [T], label: usize, batch: usize) {
    let largest = logits.iter().fold(logits[0], |a, b| if *b > a { *b } else { a });
    let mut sum = T::default();
    for value in &mut *logits {
        *value = (*value - largest).exp();
        sum += *value;
    }
    let share = T::ONE / T::whole(batch);
    for (class, value) in logits.iter_mut().enumerate() {
        let hit = if class == label { T::ONE } else { T::default() };
        *value = (*value / sum - hit) * share;
    }
}
