//! Blocks and time: what a block starts from, how it is closed, and travel into the future.

use alloy_eips::{
    eip1559::{BaseFeeParams, calc_next_block_base_fee},
    eip7840::BlobParams,
};
use revm::primitives::{B256, eip4844::GAS_PER_BLOB, hardfork::SpecId, keccak256};

use crate::{BaseFee, Chain, Config, EvmError, Receipt};

/// Execution gas that a blob costs at least (EIP-7918).
const BLOB_BASE_COST: u128 = 1 << 13;

/// The most blocks that one call mines.
const MAX_BLOCKS_AT_ONCE: u64 = 1 << 20;

/// A block, closed or under construction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// From 0.
    pub number: u64,
    /// Unix time in seconds.
    pub timestamp: u64,
    /// Wei per gas.
    pub base_fee: u64,
    /// The randomness of the block: here a hash of its parent's hash.
    pub prevrandao: B256,
    /// Where the blob fee stands (EIP-4844).
    pub excess_blob_gas: u64,
    /// Gas that counts against the block's limit.
    pub gas_used: u64,
    /// State gas, which counts apart (EIP-8037); zero before Amsterdam.
    pub state_gas_used: u64,
    /// Blob gas.
    pub blob_gas_used: u64,
    /// Zero until the block is closed.
    pub hash: B256,
    /// In order.
    pub receipts: Vec<Receipt>,
}

impl Block {
    pub(crate) fn genesis(config: &Config, blobs: &BlobParams) -> Self {
        let seed = [b"omnilytics/genesis/1".as_slice(), &config.chain_id.to_be_bytes()].concat();
        let mut block = Self {
            number: 0,
            timestamp: config.genesis_timestamp,
            base_fee: config.base_fee.initial(),
            prevrandao: keccak256(seed),
            excess_blob_gas: if config.fork.spec() >= SpecId::OSAKA {
                reserve_excess(blobs, config.base_fee.initial())
            } else {
                0
            },
            gas_used: 0,
            state_gas_used: 0,
            blob_gas_used: 0,
            hash: B256::ZERO,
            receipts: vec![],
        };
        block.hash = block.digest(block.prevrandao);
        block
    }

    /// The block under construction after this closed one.
    pub(crate) fn successor(&self, config: &Config, blobs: &BlobParams) -> Self {
        Self {
            number: self.number.saturating_add(1),
            timestamp: self.timestamp.saturating_add(config.block_secs),
            base_fee: self.next_base_fee(config),
            prevrandao: keccak256([b"prevrandao".as_slice(), self.hash.as_slice()].concat()),
            excess_blob_gas: if config.fork.spec() >= SpecId::OSAKA {
                blobs.next_block_excess_blob_gas_osaka(self.excess_blob_gas, self.blob_gas_used, self.base_fee)
            } else {
                (self.excess_blob_gas + self.blob_gas_used).saturating_sub(blobs.target_blob_gas_per_block())
            },
            gas_used: 0,
            state_gas_used: 0,
            blob_gas_used: 0,
            hash: B256::ZERO,
            receipts: vec![],
        }
    }

    fn next_base_fee(&self, config: &Config) -> u64 {
        match config.base_fee {
            BaseFee::Fixed(wei) => wei,
            BaseFee::Market(wei) if self.number == 0 => wei,
            BaseFee::Market(_) => {
                let used = self.gas_used.max(self.state_gas_used);
                calc_next_block_base_fee(used, config.block_gas_limit, self.base_fee, BaseFeeParams::ethereum())
            }
        }
    }

    /// The hash of a block with this content on top of `parent`.
    fn digest(&self, parent: B256) -> B256 {
        let mut content = Vec::with_capacity(96 + 33 * self.receipts.len());
        content.extend_from_slice(parent.as_slice());
        for number in [self.number, self.timestamp, self.base_fee, self.gas_used, self.blob_gas_used] {
            content.extend_from_slice(&number.to_be_bytes());
        }
        for receipt in &self.receipts {
            content.extend_from_slice(receipt.hash.as_slice());
            content.push(u8::from(receipt.outcome.success));
        }
        keccak256(content)
    }
}

/// Where the blob fee stands when nobody wants blobs: at the reserve price of EIP-7918, a sixteenth of the base fee.
fn reserve_excess(blobs: &BlobParams, base_fee: u64) -> u64 {
    let reserve = BLOB_BASE_COST.saturating_mul(u128::from(base_fee)) / u128::from(GAS_PER_BLOB);
    let mut excess = 0;
    while blobs.calc_blob_fee(excess) < reserve {
        excess += GAS_PER_BLOB;
    }
    excess
}

impl Chain {
    /// The newest closed block.
    #[must_use]
    pub fn head(&self) -> &Block {
        &self.blocks[self.blocks.len() - 1]
    }

    /// The block that the next transaction goes into.
    #[must_use]
    pub fn pending(&self) -> &Block {
        &self.pending
    }

    /// A closed block.
    #[must_use]
    pub fn block(&self, number: u64) -> Option<&Block> {
        self.blocks.get(usize::try_from(number).ok()?)
    }

    /// Wei per blob gas in the block under construction.
    #[must_use]
    pub fn blob_base_fee(&self) -> u128 {
        self.blobs.calc_blob_fee(self.pending.excess_blob_gas)
    }

    /// Closes the block under construction, then `count - 1` empty ones.
    ///
    /// # Errors
    /// `TooManyBlocks` above 2^20.
    pub fn mine(&mut self, count: u64) -> Result<(), EvmError> {
        if count > MAX_BLOCKS_AT_ONCE {
            return Err(EvmError::TooManyBlocks { given: count, max: MAX_BLOCKS_AT_ONCE });
        }
        (0..count).for_each(|_| self.close_block());
        Ok(())
    }

    /// Gives the block under construction its time; the blocks after it go on from there.
    ///
    /// # Errors
    /// `TimeBackwards` unless it is after the newest closed block's; `BlockStarted`.
    pub fn set_next_timestamp(&mut self, timestamp: u64) -> Result<(), EvmError> {
        let newest = self.head().timestamp;
        if timestamp <= newest {
            return Err(EvmError::TimeBackwards { given: timestamp, newest });
        }
        self.not_started()?;
        self.pending.timestamp = timestamp;
        Ok(())
    }

    /// Gives the block under construction its base fee, at most 10^18 wei per gas. A chain with a fee market goes on from
    /// there; any other goes back to its own.
    ///
    /// # Errors
    /// `BadConfig`; `BlockStarted`.
    pub fn set_next_base_fee(&mut self, wei: u64) -> Result<(), EvmError> {
        Config { base_fee: BaseFee::Fixed(wei), ..self.config.clone() }.check()?;
        self.not_started()?;
        self.pending.base_fee = wei;
        Ok(())
    }

    /// Closes the block under construction at `timestamp`, unless the newest closed one is as late already.
    ///
    /// # Errors
    /// `BlockStarted`.
    pub fn wait_until(&mut self, timestamp: u64) -> Result<(), EvmError> {
        if timestamp > self.head().timestamp {
            self.set_next_timestamp(timestamp)?;
            self.close_block();
        }
        Ok(())
    }

    fn not_started(&self) -> Result<(), EvmError> {
        let transactions = self.pending.receipts.len();
        if transactions > 0 {
            return Err(EvmError::BlockStarted { transactions });
        }
        Ok(())
    }

    pub(crate) fn close_block(&mut self) {
        self.pending.hash = self.pending.digest(self.head().hash);
        self.state.push_block_hash(self.pending.hash);
        let next = self.pending.successor(&self.config, &self.blobs);
        self.blocks.push(std::mem::replace(&mut self.pending, next));
    }
}
