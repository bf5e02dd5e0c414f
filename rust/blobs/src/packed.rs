//! The products of sums of packed blobs, and the proof of them: that of [`crate::prove`] for lanes instead of blobs, and that
//! every element of every lane is a number of 12 bits (B13-B15).
//!
//! A lane's commitment alone says nothing of what is in the blobs. Two things tie it to them: the lanes of a blob add up to
//! the blob, and numbers below 4096 are the digits of their sum. Source of the proof of range: U. Haboeck, "Multivariate
//! lookups based on logarithmic derivatives", 2022, eprint 2022/1530, here over one domain that is table and column at once.

mod evidence;
mod lookup;
mod prover;
mod statement;
mod transcript;
mod verifier;
mod weights;

pub use prover::{Proof, prove};
pub use statement::{MAX_LANES, Packed};
pub use verifier::verify;

#[cfg(test)]
mod tests;
