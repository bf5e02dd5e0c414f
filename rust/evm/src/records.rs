//! What goes into a chain and what comes out: requests, outcomes, receipts.

use revm::{
    context::result::ExecutionResult,
    primitives::{Address, B256, Bytes, Log, U256},
};

/// A transaction or call with a named sender instead of a signature.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Who sends it.
    pub from: Address,
    /// The receiver; `None` creates a contract.
    pub to: Option<Address>,
    /// Calldata, or init code.
    pub data: Bytes,
    /// Wei that go along.
    pub value: U256,
    /// `None` = the sender's next.
    pub nonce: Option<u64>,
    /// Gas limit.
    pub gas: u64,
    /// The most to pay, wei per gas; `None` = the base fee and the tip.
    pub max_fee: Option<u128>,
    /// For the coinbase, wei per gas.
    pub tip: u128,
    /// Versioned hashes; not empty = a blob transaction (EIP-4844).
    pub blob_hashes: Vec<B256>,
    /// The most to pay for blobs, wei per blob gas.
    pub max_blob_fee: u128,
}

/// What execution gave, before it is filed in a block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it came to its end.
    pub success: bool,
    /// Gas that is paid for, refunds taken off.
    pub gas_used: u64,
    /// What was returned, or the revert data.
    pub output: Bytes,
    /// Why the machine halted, if it neither ended nor reverted.
    pub halt: Option<String>,
    /// In order; empty unless `success`.
    pub logs: Vec<Log>,
}

impl From<ExecutionResult> for Outcome {
    fn from(result: ExecutionResult) -> Self {
        let gas_used = result.tx_gas_used();
        let failed = Self { gas_used, ..Self::default() };
        match result {
            ExecutionResult::Success { logs, output, .. } => {
                Self { success: true, output: output.into_data(), logs, ..failed }
            }
            // revm hands out logs here too; they were rolled back
            ExecutionResult::Revert { output, .. } => Self { output, ..failed },
            ExecutionResult::Halt { reason, .. } => Self { halt: Some(reason.to_string()), ..failed },
        }
    }
}

/// A transaction that is part of a block, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Of the signed transaction; for one without a signature a hash that no other transaction of the chain has.
    pub hash: B256,
    /// Number of the block.
    pub block: u64,
    /// Unix time of the block in seconds.
    pub timestamp: u64,
    /// Place in the block.
    pub index: usize,
    /// The sender.
    pub from: Address,
    /// The receiver; `None` if a contract was created.
    pub to: Option<Address>,
    /// Calldata, or init code.
    pub data: Bytes,
    /// Wei that went along.
    pub value: U256,
    /// Gas limit.
    pub gas_limit: u64,
    /// What was paid, wei per gas.
    pub gas_price: u128,
    /// Gas for state growth (EIP-8037), part of the gas used; zero before Amsterdam.
    pub state_gas: u64,
    /// Gas for blobs, beside the gas used.
    pub blob_gas: u64,
    /// What was paid for it, wei per blob gas; zero without blobs.
    pub blob_gas_price: u128,
    /// The contract that was created.
    pub contract_address: Option<Address>,
    /// What execution gave.
    pub outcome: Outcome,
}
