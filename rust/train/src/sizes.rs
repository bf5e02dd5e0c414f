//! What a network is made of, and what doesn't fit it.

use std::fmt::Debug;

/// A layer, with what is done to its outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// A convolution of stride 1.
    Convolution {
        /// Channels of its output.
        out: usize,
        /// Height and width of its patches.
        kernel: [usize; 2],
        /// Rows and columns of zeros on each side of its input.
        padding: [usize; 2],
        /// Whether of each 2x2 outputs the largest is taken; of equal ones the first.
        pool: bool,
        /// Whether negative outputs are zero.
        relu: bool,
    },
    /// All values of its input, channel by channel, to each output.
    Linear {
        /// Its outputs.
        out: usize,
        /// Whether negative outputs are zero.
        relu: bool,
    },
}

/// What was expected and what was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: expected {expected}, got {given}")]
pub struct Error {
    name: &'static str,
    expected: String,
    given: String,
}

/// The crate's results.
pub type Result<T> = std::result::Result<T, Error>;

pub(crate) fn refused<T>(name: &'static str, expected: impl Into<String>, given: impl Into<String>) -> Result<T> {
    Err(Error { name, expected: expected.into(), given: given.into() })
}

pub(crate) fn same<V: PartialEq + Debug>(name: &'static str, expected: &V, given: &V) -> Result<()> {
    if expected == given { Ok(()) } else { refused(name, format!("{expected:?}"), format!("{given:?}")) }
}

pub(crate) fn positive(name: &'static str, given: usize) -> Result<()> {
    if given > 0 { Ok(()) } else { refused(name, "at least 1", "0") }
}

pub(crate) fn labels(given: &[i64], classes: usize) -> Result<()> {
    match given.iter().find(|label| usize::try_from(**label).map_or(true, |label| label >= classes)) {
        Some(label) => refused("labels", format!("0..{classes}"), label.to_string()),
        None => Ok(()),
    }
}
