//! What a chain is set up with.

use std::str::FromStr;

use alloy_eips::eip7840::BlobParams;
use revm::primitives::{Address, hardfork::SpecId};

use crate::EvmError;

/// The rules that transactions run under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fork {
    /// Mainnet from May 2025.
    Prague,
    /// Mainnet from December 2025: the transaction gas cap of 2^24 (EIP-7825).
    Osaka,
    /// The fork after it, with state repriced (EIP-8037), as revm 43 has it; its numbers aren't final.
    Amsterdam,
}

impl Fork {
    pub(crate) fn spec(self) -> SpecId {
        match self {
            Self::Prague => SpecId::PRAGUE,
            Self::Osaka => SpecId::OSAKA,
            Self::Amsterdam => SpecId::AMSTERDAM,
        }
    }

    pub(crate) fn blobs(self) -> BlobParams {
        match self {
            Self::Prague => BlobParams::prague(),
            Self::Osaka => BlobParams::osaka(),
            Self::Amsterdam => BlobParams::bpo2(),
        }
    }
}

impl FromStr for Fork {
    type Err = EvmError;

    fn from_str(name: &str) -> Result<Self, EvmError> {
        match name {
            "prague" => Ok(Self::Prague),
            "osaka" => Ok(Self::Osaka),
            "amsterdam" => Ok(Self::Amsterdam),
            other => Err(EvmError::UnknownFork { given: other.to_owned() }),
        }
    }
}

/// How the base fee, wei per gas, goes on from block to block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BaseFee {
    /// The same in every block; 0 = transactions are free.
    Fixed(u64),
    /// EIP-1559, from this value.
    Market(u64),
}

impl BaseFee {
    pub(crate) fn initial(self) -> u64 {
        match self {
            Self::Fixed(wei) | Self::Market(wei) => wei,
        }
    }
}

/// The setting of a chain; `Default` is a free test chain under Osaka rules.
#[derive(Clone, Debug)]
pub struct Config {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The rules.
    pub fork: Fork,
    /// Gas per block, 5,000..2^40.
    pub block_gas_limit: u64,
    /// At most 10^18 wei per gas.
    pub base_fee: BaseFee,
    /// Unix time of block 0 in seconds, below 2^48.
    pub genesis_timestamp: u64,
    /// Seconds from block to block, 1..2^32.
    pub block_secs: u64,
    /// Whether every transaction closes its block.
    pub automine: bool,
    /// Who receives the tips.
    pub coinbase: Address,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            chain_id: 31_337,
            fork: Fork::Osaka,
            block_gas_limit: 60_000_000,
            base_fee: BaseFee::Fixed(0),
            genesis_timestamp: 1_767_225_600,
            block_secs: 12,
            automine: true,
            coinbase: Address::ZERO,
        }
    }
}

impl Config {
    /// # Errors
    /// `BadConfig` for a number out of its range.
    pub(crate) fn check(&self) -> Result<(), EvmError> {
        let checks = [
            ("chain_id", "at least 1", self.chain_id, self.chain_id >= 1),
            ("block_gas_limit", "5000..2^40", self.block_gas_limit, (5_000..1 << 40).contains(&self.block_gas_limit)),
            ("base_fee", "at most 10^18", self.base_fee.initial(), self.base_fee.initial() <= 10u64.pow(18)),
            ("genesis_timestamp", "below 2^48", self.genesis_timestamp, self.genesis_timestamp < 1 << 48),
            ("block_secs", "1..2^32", self.block_secs, (1..1 << 32).contains(&self.block_secs)),
        ];
        for (field, expected, given, holds) in checks {
            if !holds {
                return Err(EvmError::BadConfig { field, expected, given });
            }
        }
        Ok(())
    }
}
