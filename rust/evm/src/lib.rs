//! An in-process Ethereum chain on revm: accounts, blocks, receipts, logs, time travel and snapshots, without Python,
//! without a server and without a file.
//!
//! [`Chain`] takes transactions with a named sender ([`Chain::send`], what simulations use) or signed ones
//! ([`Chain::send_raw`]) and refuses what real nodes refuse: a wrong nonce, a missing balance, more than 2^24 gas, more
//! than 128 KiB. What revm leaves to its caller is done here: blocks and their hashes, time, base fee, block gas and
//! blob limits, receipts. Same calls, same hashes: nothing reads a clock or a random number.
//!
//! Deviations from a node, all deliberate: there is no pool (a transaction runs at once or is refused), a block's hash
//! is a hash of what it contains and not of a header, and the system calls of EIP-2935 and EIP-4788 don't happen.

mod block;
mod chain;
mod config;
mod error;
mod profile;
mod records;
mod signature;
mod state;
mod transaction;

pub use block::Block;
pub use chain::Chain;
pub use config::{BaseFee, Config, Fork};
pub use error::EvmError;
pub use profile::{Profile, Spent};
pub use records::{Outcome, Receipt, Request};
pub use revm::primitives::{Address, B256, Bytes, Log, U256, keccak256};
pub use transaction::MAX_TRANSACTION_BYTES;
