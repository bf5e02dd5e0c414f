//! Accounts, and contracts small enough to be written in bytes.
#![allow(dead_code, reason = "each test file uses its part")]

use omnilytics_evm::{Address, Bytes, Chain, Config, Receipt, Request, U256};

pub const ETHER: u64 = 1_000_000_000_000_000_000;
pub const CAP: u64 = 1 << 24;

/// Stores calldata's first word in slot 0 and logs it under topic 7.
pub const STORE: &[u8] = &[0x5f, 0x35, 0x80, 0x5f, 0x55, 0x5f, 0x52, 0x60, 7, 0x60, 32, 0x5f, 0xa1, 0x00];
/// Logs, then reverts with the word 42.
pub const REFUSE: &[u8] = &[0x60, 7, 0x5f, 0x5f, 0xa1, 0x60, 42, 0x5f, 0x52, 0x60, 32, 0x5f, 0xfd];
/// Never ends.
pub const SPIN: &[u8] = &[0x5b, 0x5f, 0x56];
/// Returns the hash of the block that calldata's first word numbers.
pub const ANCESTOR: &[u8] = &[0x5f, 0x35, 0x40, 0x5f, 0x52, 0x60, 32, 0x5f, 0xf3];
/// Returns time and number of the block.
pub const NOW: &[u8] = &[0x42, 0x5f, 0x52, 0x43, 0x60, 32, 0x52, 0x60, 64, 0x5f, 0xf3];
/// Stores the first blob hash in slot 0.
pub const BLOB: &[u8] = &[0x5f, 0x49, 0x5f, 0x55, 0x00];

pub fn account(label: u8) -> Address {
    Address::repeat_byte(label)
}

pub fn chain(config: Config) -> Chain {
    let mut chain = Chain::new(config).expect("the configuration is good");
    for label in [0xaa, 0xbb] {
        chain.set_balance(account(label), U256::from(ETHER));
    }
    chain
}

pub fn request(to: Option<Address>, data: &[u8]) -> Request {
    Request { from: account(0xaa), to, data: Bytes::copy_from_slice(data), gas: CAP, ..Request::default() }
}

pub fn transfer(wei: u64) -> Request {
    Request { value: U256::from(wei), gas: 21_000, ..request(Some(account(0xcc)), &[]) }
}

/// Init code that returns `runtime`.
pub fn init_code(runtime: &[u8]) -> Vec<u8> {
    let length = u8::try_from(runtime.len()).expect("a small contract");
    [&[0x60, length, 0x60, 10, 0x5f, 0x39, 0x60, length, 0x5f, 0xf3], runtime].concat()
}

pub fn deploy(chain: &mut Chain, runtime: &[u8]) -> Address {
    let receipt = send(chain, request(None, &init_code(runtime)));
    receipt.contract_address.expect("a contract was created")
}

pub fn send(chain: &mut Chain, request: Request) -> Receipt {
    chain.send(&request).expect("the chain takes it")
}

pub fn word(number: u64) -> [u8; 32] {
    U256::from(number).to_be_bytes()
}
