//! The world state with an undo log: a snapshot costs nothing, going back costs what has changed since.

use std::convert::Infallible;

use revm::{
    Database, DatabaseCommit,
    primitives::{Address, AddressMap, B256, Bytes, HashMap, KECCAK_EMPTY, U256, map::B256Map},
    state::{Account, AccountInfo, Bytecode},
};

#[derive(Clone, Debug, Default)]
struct Record {
    balance: U256,
    nonce: u64,
    code_hash: Option<B256>,
    storage: HashMap<U256, U256>,
}

/// How to take one change back.
#[derive(Debug)]
enum Undo {
    /// The account with its storage, as it was; `None` = it didn't exist.
    Whole(Address, Option<Box<Record>>),
    Head {
        address: Address,
        balance: U256,
        nonce: u64,
        code_hash: Option<B256>,
    },
    Slot(Address, U256, U256),
}

/// Accounts, code and block hashes; what revm reads from and writes to.
#[derive(Debug, Default)]
pub(crate) struct State {
    accounts: AddressMap<Record>,
    code: B256Map<Bytecode>,
    block_hashes: Vec<B256>,
    undo: Vec<Undo>,
    recording: bool,
}

impl State {
    pub(crate) fn balance(&self, address: Address) -> U256 {
        self.accounts.get(&address).map_or(U256::ZERO, |record| record.balance)
    }

    pub(crate) fn nonce(&self, address: Address) -> u64 {
        self.accounts.get(&address).map_or(0, |record| record.nonce)
    }

    pub(crate) fn code(&self, address: Address) -> Bytes {
        let hash = self.accounts.get(&address).and_then(|record| record.code_hash);
        hash.and_then(|h| self.code.get(&h)).map(Bytecode::original_bytes).unwrap_or_default()
    }

    pub(crate) fn slot(&self, address: Address, key: U256) -> U256 {
        self.accounts.get(&address).and_then(|record| record.storage.get(&key)).copied().unwrap_or_default()
    }

    pub(crate) fn set_balance(&mut self, address: Address, wei: U256) {
        self.note_head(address);
        self.accounts.entry(address).or_default().balance = wei;
    }

    pub(crate) fn push_block_hash(&mut self, hash: B256) {
        self.block_hashes.push(hash);
    }

    /// Starts to record; the mark is what `rewind` takes.
    pub(crate) fn mark(&mut self) -> usize {
        self.recording = true;
        self.undo.len()
    }

    /// Takes back every change since `mark` and keeps the first `blocks` block hashes; `last` stops the recording.
    pub(crate) fn rewind(&mut self, mark: usize, blocks: usize, last: bool) {
        for change in self.undo.drain(mark..).rev() {
            match change {
                Undo::Whole(address, Some(record)) => {
                    self.accounts.insert(address, *record);
                }
                Undo::Whole(address, None) => {
                    self.accounts.remove(&address);
                }
                Undo::Head { address, balance, nonce, code_hash } => {
                    let record = self.accounts.entry(address).or_default();
                    (record.balance, record.nonce, record.code_hash) = (balance, nonce, code_hash);
                }
                Undo::Slot(address, key, value) => {
                    set_slot(self.accounts.entry(address).or_default(), key, value);
                }
            }
        }
        self.block_hashes.truncate(blocks);
        self.recording = !last;
    }

    fn note_head(&mut self, address: Address) {
        if !self.recording {
            return;
        }
        self.undo.push(match self.accounts.get(&address) {
            Some(r) => Undo::Head { address, balance: r.balance, nonce: r.nonce, code_hash: r.code_hash },
            None => Undo::Whole(address, None),
        });
    }

    fn forget(&mut self, address: Address) {
        let old = self.accounts.remove(&address);
        if self.recording && old.is_some() {
            self.undo.push(Undo::Whole(address, old.map(Box::new)));
        }
    }

    fn commit_account(&mut self, address: Address, account: Account) {
        if account.is_selfdestructed() || account.is_empty() {
            self.forget(address); // an empty account that was touched goes too (EIP-161)
            return;
        }
        if account.is_created() && self.accounts.get(&address).is_some_and(|record| !record.storage.is_empty()) {
            self.forget(address);
        }
        self.note_head(address);
        let code_hash = (account.info.code_hash != KECCAK_EMPTY).then_some(account.info.code_hash);
        if let (Some(hash), Some(code)) = (code_hash, account.info.code) {
            self.code.entry(hash).or_insert(code);
        }
        let record = self.accounts.entry(address).or_default();
        (record.balance, record.nonce, record.code_hash) = (account.info.balance, account.info.nonce, code_hash);
        for (key, slot) in account.storage.into_iter().filter(|(_, slot)| slot.is_changed()) {
            let old = set_slot(record, key, slot.present_value);
            if self.recording {
                self.undo.push(Undo::Slot(address, key, old));
            }
        }
    }
}

/// Writes a slot, zeros as absence, and returns what stood there.
fn set_slot(record: &mut Record, key: U256, value: U256) -> U256 {
    let old = if value.is_zero() { record.storage.remove(&key) } else { record.storage.insert(key, value) };
    old.unwrap_or_default()
}

impl Database for State {
    type Error = Infallible;

    fn basic(&mut self, address: Address) -> Result<Option<AccountInfo>, Infallible> {
        Ok(self.accounts.get(&address).map(|record| AccountInfo {
            balance: record.balance,
            nonce: record.nonce,
            code_hash: record.code_hash.unwrap_or(KECCAK_EMPTY),
            code: record.code_hash.and_then(|hash| self.code.get(&hash).cloned()),
            account_id: None,
        }))
    }

    fn code_by_hash(&mut self, hash: B256) -> Result<Bytecode, Infallible> {
        Ok(self.code.get(&hash).cloned().unwrap_or_default())
    }

    fn storage(&mut self, address: Address, key: U256) -> Result<U256, Infallible> {
        Ok(self.slot(address, key))
    }

    fn block_hash(&mut self, number: u64) -> Result<B256, Infallible> {
        let index = usize::try_from(number).unwrap_or(usize::MAX);
        Ok(self.block_hashes.get(index).copied().unwrap_or_default())
    }
}

impl DatabaseCommit for State {
    fn commit(&mut self, changes: AddressMap<Account>) {
        for (address, account) in changes {
            if account.is_touched() {
                self.commit_account(address, account);
            }
        }
    }
}
