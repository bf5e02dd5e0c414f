//! The chain: it runs transactions, files their receipts and goes back to snapshots.

use std::{collections::BTreeMap, convert::Infallible};

use alloy_eips::eip7840::BlobParams;
use revm::{
    Context, ExecuteCommitEvm, ExecuteEvm, InspectCommitEvm, MainBuilder,
    context::{
        BlockEnv, CfgEnv, Journal, TxEnv,
        result::{EVMError, ExecutionResult, InvalidTransaction},
    },
    context_interface::block::BlobExcessGasAndPrice,
    precompile::install_crypto,
    primitives::{Address, B256, Bytes, Log, TxKind, U256, eip4844::GAS_PER_BLOB},
};

use crate::{
    Block, Config, EvmError, Outcome, Profile, Receipt, Request,
    signature::Precompiles,
    state::State,
    transaction::{self, MAX_TRANSACTION_BYTES, Prepared},
};

type EvmContext<'a> = Context<BlockEnv, TxEnv, CfgEnv, &'a mut State, Journal<&'a mut State>, ()>;

type Execution = Result<ExecutionResult, EVMError<Infallible>>;

#[derive(Debug)]
struct Snapshot {
    mark: usize,
    blocks: usize,
    pending: Block,
}

/// An in-process chain: closed blocks, and one under construction, which the next transaction goes into.
#[derive(Debug)]
pub struct Chain {
    pub(crate) config: Config,
    pub(crate) blobs: BlobParams,
    pub(crate) state: State,
    /// Never empty: it begins with the genesis block.
    pub(crate) blocks: Vec<Block>,
    pub(crate) pending: Block,
    rules: CfgEnv,
    snapshots: BTreeMap<u64, Snapshot>,
    next_snapshot: u64,
}

impl Chain {
    /// A chain with a genesis block and no accounts.
    ///
    /// # Errors
    /// `BadConfig`.
    pub fn new(config: Config) -> Result<Self, EvmError> {
        config.check()?;
        install_crypto(Precompiles); // once a process: false from the second chain on
        let blobs = config.fork.blobs();
        let mut rules = CfgEnv::new_with_spec(config.fork.spec()).with_chain_id(config.chain_id);
        rules.set_max_blobs_per_tx(blobs.max_blobs_per_tx);
        rules.blob_base_fee_update_fraction = Some(update_fraction(&blobs));
        let genesis = Block::genesis(&config, &blobs);
        let pending = genesis.successor(&config, &blobs);
        let mut state = State::default();
        state.push_block_hash(genesis.hash);
        let (blocks, snapshots) = (vec![genesis], BTreeMap::new());
        Ok(Self { config, blobs, state, blocks, pending, rules, snapshots, next_snapshot: 1 })
    }

    /// What it was set up with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Wei of an account; 0 if nobody ever heard of it.
    #[must_use]
    pub fn balance(&self, address: Address) -> U256 {
        self.state.balance(address)
    }

    /// Transactions that an account has sent (for a contract: contracts it has created, and one).
    #[must_use]
    pub fn nonce(&self, address: Address) -> u64 {
        self.state.nonce(address)
    }

    /// Deployed code; empty for an account.
    #[must_use]
    pub fn code(&self, address: Address) -> Bytes {
        self.state.code(address)
    }

    /// One storage slot of a contract.
    #[must_use]
    pub fn slot(&self, address: Address, key: U256) -> U256 {
        self.state.slot(address, key)
    }

    /// Makes the balance of an account what the caller says, in wei.
    pub fn set_balance(&mut self, address: Address, wei: U256) {
        self.state.set_balance(address, wei);
    }

    /// Runs a transaction with a named sender. It reverts or halts inside its receipt, not as an error.
    ///
    /// # Errors
    /// Whatever makes a node refuse it; then nothing has changed.
    pub fn send(&mut self, request: &Request) -> Result<Receipt, EvmError> {
        let env = self.environment(request, self.pending.base_fee);
        let prepared = transaction::prepare_unsigned(env, self.config.chain_id)?;
        self.execute(prepared, |context, env| context.build_mainnet().transact_commit(env))
    }

    /// As [`Chain::send`], ten times slower, and says which instructions took the gas.
    ///
    /// # Errors
    /// As `send`.
    pub fn send_profiled(&mut self, request: &Request) -> Result<(Receipt, Profile), EvmError> {
        let env = self.environment(request, self.pending.base_fee);
        let prepared = transaction::prepare_unsigned(env, self.config.chain_id)?;
        let mut profile = Profile::default();
        let receipt = self.execute(prepared, |context, env| {
            context.build_mainnet_with_inspector(&mut profile).inspect_tx_commit(env)
        })?;
        Ok((receipt, profile))
    }

    /// Runs a signed transaction of type 0 to 4 in its wire form; blobs may come along, their proofs aren't checked.
    ///
    /// # Errors
    /// Whatever makes a node refuse it; then nothing has changed.
    pub fn send_raw(&mut self, raw: &[u8]) -> Result<Receipt, EvmError> {
        let prepared = transaction::prepare_signed(raw)?;
        self.execute(prepared, |context, env| context.build_mainnet().transact_commit(env))
    }

    /// What a call would give on top of the newest closed block (`eth_call`). The sender's balance counts for the value
    /// alone, its nonce not at all, and no transaction gas cap holds; nothing changes.
    ///
    /// # Errors
    /// `Refused` where even a call is no transaction: a value that the sender doesn't have, gas below the floor.
    pub fn call(&mut self, request: &Request) -> Result<Outcome, EvmError> {
        let mut rules = self.rules.clone();
        rules.disable_nonce_check = true;
        rules.disable_base_fee = true;
        rules.disable_block_gas_limit = true;
        rules.disable_eip3607 = true;
        rules.tx_gas_limit_cap = Some(u64::MAX);
        let block = self.block_environment(self.head());
        let env = self.environment(request, 0);
        let done = context(&mut self.state, rules, block).build_mainnet().transact(env)?;
        Ok(done.result.into())
    }

    /// Every receipt of the closed blocks, oldest first, from a block on.
    pub fn receipts(&self, from_block: u64) -> impl Iterator<Item = &Receipt> {
        let start = usize::try_from(from_block).unwrap_or(usize::MAX).min(self.blocks.len());
        self.blocks[start..].iter().flat_map(|block| &block.receipts)
    }

    /// (block number, log) of one contract, oldest first, from a block on.
    pub fn logs(&self, address: Address, from_block: u64) -> impl Iterator<Item = (u64, &Log)> {
        self.receipts(from_block)
            .flat_map(|receipt| receipt.outcome.logs.iter().map(|log| (receipt.block, log)))
            .filter(move |(_, log)| log.address == address)
    }

    /// Marks the present. The id is good for one `revert`.
    pub fn snapshot(&mut self) -> u64 {
        let id = self.next_snapshot;
        self.next_snapshot += 1;
        let mark = self.state.mark();
        self.snapshots.insert(id, Snapshot { mark, blocks: self.blocks.len(), pending: self.pending.clone() });
        id
    }

    /// Goes back to a snapshot; it and all later ones are used up.
    ///
    /// # Errors
    /// `UnknownSnapshot`.
    pub fn revert(&mut self, id: u64) -> Result<(), EvmError> {
        let snapshot = self.snapshots.remove(&id).ok_or(EvmError::UnknownSnapshot { given: id })?;
        self.snapshots.split_off(&id);
        self.state.rewind(snapshot.mark, snapshot.blocks, self.snapshots.is_empty());
        self.blocks.truncate(snapshot.blocks);
        self.pending = snapshot.pending;
        Ok(())
    }

    fn environment(&self, request: &Request, base_fee: u64) -> TxEnv {
        transaction::environment(request, self.config.chain_id, self.state.nonce(request.from), base_fee)
    }

    fn block_environment(&self, block: &Block) -> BlockEnv {
        let blob_fee = BlobExcessGasAndPrice::new(block.excess_blob_gas, update_fraction(&self.blobs));
        BlockEnv {
            number: U256::from(block.number),
            beneficiary: self.config.coinbase,
            timestamp: U256::from(block.timestamp),
            gas_limit: self.config.block_gas_limit,
            basefee: block.base_fee,
            difficulty: U256::ZERO,
            prevrandao: Some(block.prevrandao),
            blob_excess_gas_and_price: Some(blob_fee),
            slot_num: block.number,
        }
    }

    /// What revm leaves to its caller: size, room in the block; and what it refuses without numbers.
    fn admit(&self, transaction: &Prepared) -> Result<(), EvmError> {
        let (size, env) = (transaction.size, &transaction.env);
        if size > MAX_TRANSACTION_BYTES {
            return Err(EvmError::TooLarge { size, max: MAX_TRANSACTION_BYTES });
        }
        let used = self.pending.gas_used.max(self.pending.state_gas_used);
        let left = self.config.block_gas_limit.saturating_sub(used);
        if env.gas_limit > left {
            return Err(EvmError::BlockFull { gas: env.gas_limit, left });
        }
        let blobs = env.blob_hashes.len() as u64;
        let blobs_left = self.blobs.max_blob_count.saturating_sub(self.pending.blob_gas_used / GAS_PER_BLOB);
        if blobs > blobs_left && blobs <= self.blobs.max_blobs_per_tx {
            return Err(EvmError::BlobsFull { blobs, left: blobs_left });
        }
        Ok(())
    }

    fn execute(
        &mut self,
        transaction: Prepared,
        run: impl FnOnce(EvmContext<'_>, TxEnv) -> Execution,
    ) -> Result<Receipt, EvmError> {
        self.admit(&transaction)?;
        let Prepared { env, hash, .. } = transaction;
        let base_fee = self.pending.base_fee;
        let mut receipt = self.blank_receipt(&env, hash);
        let (rules, block) = (self.rules.clone(), self.block_environment(&self.pending));
        let offered = env.gas_price;
        let result = run(context(&mut self.state, rules, block), env).map_err(|error| match error.into() {
            EvmError::Refused(InvalidTransaction::GasPriceLessThanBasefee) => EvmError::FeeTooLow { offered, base_fee },
            other => other,
        })?;
        let gas = *result.gas();
        receipt.state_gas = gas.block_state_gas_used();
        receipt.contract_address = result.created_address();
        receipt.outcome = result.into();

        // up to Osaka a block counts gas after refunds; EIP-7778 counts it before, regular and state apart
        let counted =
            if self.rules.enable_amsterdam_eip8037 { gas.block_regular_gas_used() } else { gas.tx_gas_used() };
        self.pending.gas_used += counted;
        self.pending.state_gas_used += receipt.state_gas;
        self.pending.blob_gas_used += receipt.blob_gas;
        self.pending.receipts.push(receipt.clone());
        if self.config.automine {
            self.close_block();
        }
        Ok(receipt)
    }

    fn blank_receipt(&self, env: &TxEnv, hash: B256) -> Receipt {
        let base_fee = u128::from(self.pending.base_fee);
        let to = match env.kind {
            TxKind::Call(address) => Some(address),
            TxKind::Create => None,
        };
        Receipt {
            hash,
            block: self.pending.number,
            timestamp: self.pending.timestamp,
            index: self.pending.receipts.len(),
            from: env.caller,
            to,
            data: env.data.clone(),
            value: env.value,
            gas_limit: env.gas_limit,
            gas_price: env
                .gas_priority_fee
                .map_or(env.gas_price, |tip| env.gas_price.min(base_fee.saturating_add(tip))),
            state_gas: 0,
            blob_gas: env.blob_hashes.len() as u64 * GAS_PER_BLOB,
            blob_gas_price: if env.blob_hashes.is_empty() { 0 } else { self.blob_base_fee() },
            contract_address: None,
            outcome: Outcome::default(),
        }
    }
}

fn update_fraction(blobs: &BlobParams) -> u64 {
    u64::try_from(blobs.update_fraction).unwrap_or(u64::MAX)
}

fn context(state: &mut State, rules: CfgEnv, block: BlockEnv) -> EvmContext<'_> {
    let spec = rules.spec;
    EvmContext::new(state, spec).with_cfg(rules).with_block(block)
}
