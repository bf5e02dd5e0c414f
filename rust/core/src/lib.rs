//! The algorithms of OmniLytics, without Python and without a chain: encoding, lanes, masks, Gram matrix, selection, hashes.
//!
//! `docs/PROTOCOL.md` is the specification; every item names the equation (E1-E16) that it implements.
//!
//! Conventions: a [`lanes::Word`] is 256 bits; on the wire it is 32 big-endian bytes, and a vector is its words in order.
//! Nothing here panics on any input, and arithmetic modulo 2^256 is written out (`wrapping_*`, carries), never implied.

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
pub mod params;
pub mod paths;
pub mod prg;
mod rounding;
pub mod select;
pub mod sums;

pub use error::{Error, Result};
