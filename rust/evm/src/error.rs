//! Everything that can go wrong, in one enum.

use std::convert::Infallible;

use revm::context::result::{EVMError, InvalidTransaction};

/// Why the chain refused a call. Nothing has changed when one of these comes back.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvmError {
    /// The name of a fork that this crate doesn't run.
    #[error("unknown fork {given:?}: expected prague, osaka or amsterdam")]
    UnknownFork {
        /// What was asked for.
        given: String,
    },
    /// A number of the configuration is out of range.
    #[error("{field}: expected {expected}, got {given}")]
    BadConfig {
        /// The field of `Config`.
        field: &'static str,
        /// Its range, in words.
        expected: &'static str,
        /// What was given.
        given: u64,
    },
    /// The rules of Ethereum exclude the transaction: nonce, balance, gas limit, floor, chain id.
    #[error("transaction refused: {0}")]
    Refused(InvalidTransaction),
    /// The fee offered is below the base fee of the block.
    #[error("transaction refused: offers {offered} wei per gas, the base fee is {base_fee}")]
    FeeTooLow {
        /// The most that the sender pays, wei per gas.
        offered: u128,
        /// Of the block under construction, wei per gas.
        base_fee: u64,
    },
    /// The transaction is larger than nodes relay.
    #[error("transaction refused: {size} bytes, nodes take at most {max}")]
    TooLarge {
        /// Bytes of the signed envelope.
        size: usize,
        /// `MAX_TRANSACTION_BYTES`.
        max: usize,
    },
    /// The block under construction has no room for the gas limit.
    #[error("transaction refused: gas limit {gas} doesn't fit in the block, which has {left} left")]
    BlockFull {
        /// The transaction's gas limit.
        gas: u64,
        /// Gas left in the block.
        left: u64,
    },
    /// The block under construction has no room for the blobs.
    #[error("transaction refused: {blobs} blobs don't fit in the block, which has room for {left}")]
    BlobsFull {
        /// Blobs of the transaction.
        blobs: u64,
        /// Blobs that still fit.
        left: u64,
    },
    /// A blob transaction without a receiver.
    #[error("transaction refused: a blob transaction can't create a contract")]
    BlobCreate,
    /// The bytes aren't a signed transaction.
    #[error("can't decode the transaction of {size} bytes: {reason}")]
    Undecodable {
        /// Bytes given.
        size: usize,
        /// The decoder's words.
        reason: String,
    },
    /// The signature recovers no account, or its s is in the upper half (EIP-2).
    #[error("transaction refused: its signature is not valid")]
    BadSignature,
    /// The blobs that came along aren't those that the transaction names.
    #[error("transaction refused: its blob sidecar doesn't match its blob hashes")]
    BadSidecar,
    /// A snapshot that was never taken, or is used up.
    #[error("unknown snapshot {given}: never taken, or undone by a revert to an earlier one")]
    UnknownSnapshot {
        /// The id given.
        given: u64,
    },
    /// A clock can't stand still or go back.
    #[error("timestamp {given} isn't after the newest block's, {newest}")]
    TimeBackwards {
        /// Seconds, given.
        given: u64,
        /// Seconds, of the newest block.
        newest: u64,
    },
    /// The block under construction has run transactions at its time already.
    #[error("can't move the clock: the block under construction holds {transactions} transactions")]
    BlockStarted {
        /// How many.
        transactions: usize,
    },
    /// More empty blocks than one call mines.
    #[error("can't mine {given} blocks at once: at most {max}")]
    TooManyBlocks {
        /// Asked for.
        given: u64,
        /// The most.
        max: u64,
    },
    /// revm refused its environment; the configuration excludes it.
    #[error("execution environment: {0}")]
    Environment(String),
}

impl From<EVMError<Infallible, InvalidTransaction>> for EvmError {
    fn from(error: EVMError<Infallible, InvalidTransaction>) -> Self {
        match error {
            EVMError::Transaction(invalid) => Self::Refused(invalid),
            other => Self::Environment(other.to_string()),
        }
    }
}
