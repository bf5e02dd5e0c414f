//! The algorithms of OmniLytics, without Python and without a chain: encoding, lanes, masks, Gram matrix, selection, hashes.
//!
//! `docs/PROTOCOL.md` is the specification; every item names the equation (E1-E16, E31-E36) that it implements.
//!
//! Conventions: a [`lanes::Word`] is 256 bits; on the wire it is 32 big-endian bytes, and a vector is its words in order.
//! Nothing here panics on any input, and arithmetic modulo 2^256 is written out (`wrapping_*`, carries), never implied.

mod checks;
mod dhkem;
pub mod digest;
pub mod draw;
pub mod error;
pub mod fixed;
pub mod floats;
pub mod gram;
mod keccak;
pub mod keys;
pub mod lanes;
pub mod mask;
mod msm;
pub mod parallel;
pub mod params;
pub mod paths;
pub mod places;
pub mod prg;
pub mod recovery;
mod rounding;
pub mod secret;
pub mod select;
pub mod shamir;
pub mod sharing;
pub mod simulated;
pub mod sums;
#[cfg(test)]
mod testing;
pub mod transport;

pub use error::{Error, Objection, Result};
