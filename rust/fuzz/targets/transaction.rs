//! Signed transactions and their signatures, as `eth_sendRawTransaction` takes them: a receipt, once, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use omnilytics_evm::{Chain, Config, EvmError, keccak256};

const BLOB: u8 = 3;

fuzz_target!(|raw: &[u8]| {
    let mut chain = Chain::new(Config { chain_id: 1, ..Config::default() }).expect("a good configuration");
    match chain.send_raw(raw) {
        Ok(receipt) => {
            assert!(raw[0] == BLOB || receipt.hash == keccak256(raw));
            assert_eq!(1, chain.nonce(receipt.from));
            assert!(matches!(chain.send_raw(raw), Err(EvmError::Refused(_))), "the same transaction twice");
        }
        Err(refused) => assert_eq!(0, chain.head().number, "a refused transaction made a block: {refused}"),
    }
});
