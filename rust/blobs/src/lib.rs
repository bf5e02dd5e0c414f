//! Blob mode: vectors as elements of BLS12-381's scalar field in EIP-4844 blobs, masks in that field, KZG commitments that add
//! up, and a proof that the norms or the Gram matrix of the sums behind them are what they are said to be.
//!
//! `docs/BLOBS.md` is the specification; every item names the step (B1-B8) that it implements.
//!
//! Conventions: q is the order of the scalar field, n = 4096 the elements of a blob, H the n-th roots of unity, Z = X^n - 1.
//! Values on H stand in the order of EIP-4844, bit-reversed: place k belongs to the root w^rev(k). Nothing here panics on any
//! input. Proofs are public, and so are sums: only masks and the values under them are secret.

pub mod blob;
mod domain;
mod error;
mod field;
pub mod mask;
pub mod opening;
pub mod packed;
pub mod packing;
pub mod point;
mod products;
mod prover;
mod setup;
mod short;
pub mod statement;
mod transcript;
mod verifier;

use omnilytics_core::parallel;

pub use error::{Error, Result};
pub use prover::{Proof, prove};
pub use setup::commit;
pub use verifier::verify;
