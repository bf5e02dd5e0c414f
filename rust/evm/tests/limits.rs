//! What real nodes refuse, this chain refuses, and nothing has changed then.

mod common;

use common::{CAP, ETHER, SPIN, account, chain, deploy, request, send, transfer, word};
use omnilytics_evm::{B256, BaseFee, Chain, Config, EvmError, Fork, MAX_TRANSACTION_BYTES, Request, U256};

fn refusal(chain: &mut Chain, request: &Request) -> EvmError {
    let before = (chain.head().clone(), chain.pending().clone(), chain.balance(account(0xaa)));
    let error = chain.send(request).expect_err("refused");
    assert_eq!((chain.head().clone(), chain.pending().clone(), chain.balance(account(0xaa))), before);
    error
}

#[test]
fn at_most_2_to_the_24_gas() {
    let mut chain = chain(Config::default());
    send(&mut chain, Request { gas: CAP, ..transfer(1) });
    let error = refusal(&mut chain, &Request { gas: CAP + 1, ..transfer(1) });
    assert!(error.to_string().contains("16777217") && error.to_string().contains("16777216"), "{error}");
}

#[test]
fn at_most_128_kib() {
    let mut chain = chain(Config::default());
    let mut bytes = vec![0xff; MAX_TRANSACTION_BYTES];
    let error = refusal(&mut chain, &request(Some(account(0xcc)), &bytes));
    let EvmError::TooLarge { size, max } = error else { panic!("{error}") };
    bytes.truncate(MAX_TRANSACTION_BYTES - (size - max));
    send(&mut chain, request(Some(account(0xcc)), &bytes));
    bytes.push(0xff);
    assert!(matches!(refusal(&mut chain, &request(Some(account(0xcc)), &bytes)), EvmError::TooLarge { .. }));
}

#[test]
fn calldata_pays_the_floor() {
    let mut chain = chain(Config::default());
    for (byte, per_byte) in [(0xff, 40), (0, 10)] {
        let receipt = send(&mut chain, request(Some(account(0xcc)), &[byte; 1_000]));
        assert_eq!(receipt.outcome.gas_used, 21_000 + 1_000 * per_byte);
    }
    let below = Request { gas: 60_999, ..request(Some(account(0xcc)), &[0xff; 1_000]) };
    assert!(matches!(refusal(&mut chain, &below), EvmError::Refused(_)));
}

#[test]
fn the_nonce_is_the_next_one() {
    let mut chain = chain(Config::default());
    for nonce in [1, 7] {
        assert!(matches!(refusal(&mut chain, &Request { nonce: Some(nonce), ..transfer(1) }), EvmError::Refused(_)));
    }
    send(&mut chain, Request { nonce: Some(0), ..transfer(1) });
    assert!(matches!(refusal(&mut chain, &Request { nonce: Some(0), ..transfer(1) }), EvmError::Refused(_)));
}

#[test]
fn the_balance_covers_value_and_gas() {
    let mut chain = chain(Config { base_fee: BaseFee::Fixed(10), ..Config::default() });
    let most = ETHER - 21_000 * 10;
    assert!(matches!(refusal(&mut chain, &transfer(most + 1)), EvmError::Refused(_)));
    send(&mut chain, transfer(most));
    assert_eq!(chain.balance(account(0xaa)), U256::ZERO);
}

#[test]
fn the_fee_covers_the_base_fee() {
    let mut chain = chain(Config { base_fee: BaseFee::Fixed(10), ..Config::default() });
    let error = refusal(&mut chain, &Request { max_fee: Some(9), ..transfer(1) });
    assert!(matches!(error, EvmError::FeeTooLow { offered: 9, base_fee: 10 }), "{error}");
    let error = refusal(&mut chain, &Request { max_fee: Some(11), tip: 12, ..transfer(1) });
    assert!(matches!(error, EvmError::Refused(_)), "a tip above the fee: {error}");
    send(&mut chain, Request { max_fee: Some(10), ..transfer(1) });
}

#[test]
fn a_block_has_room_for_so_much_gas() {
    let config = Config { block_gas_limit: 200_000, automine: false, ..Config::default() };
    let mut chain = chain(config);
    let gas = 100_000;
    let code = common::init_code(SPIN);
    let spinner = send(&mut chain, Request { gas, ..request(None, &code) }).contract_address.expect("created");
    chain.mine(1).expect("one block");
    send(&mut chain, Request { gas: 150_000, ..request(Some(spinner), &[]) });
    let error = refusal(&mut chain, &Request { gas: 50_001, ..request(Some(spinner), &[]) });
    assert!(matches!(error, EvmError::BlockFull { gas: 50_001, left: 50_000 }), "{error}");
    let second = send(&mut chain, transfer(1));
    assert_eq!((second.block, second.index, chain.head().number), (2, 1, 1));
    let stuck = chain.set_next_timestamp(u64::MAX).expect_err("the block has run");
    assert!(matches!(stuck, EvmError::BlockStarted { transactions: 2 }));
    chain.mine(1).expect("one block");
    assert_eq!((chain.head().number, chain.head().gas_used, chain.head().receipts.len()), (2, 171_000, 2));
}

#[test]
fn blobs_have_limits_of_their_own() {
    let mut chain = chain(Config { automine: false, ..Config::default() });
    let mut hash = B256::repeat_byte(7);
    hash.0[0] = 1;
    let with = |count: usize| Request { blob_hashes: vec![hash; count], max_blob_fee: 1, ..transfer(0) };
    assert!(matches!(refusal(&mut chain, &with(7)), EvmError::Refused(_)), "six in a transaction");
    send(&mut chain, with(6));
    assert!(matches!(refusal(&mut chain, &with(4)), EvmError::BlobsFull { blobs: 4, left: 3 }), "nine in a block");
    send(&mut chain, with(3));
    chain.mine(1).expect("one block");
    assert!(matches!(refusal(&mut chain, &Request { to: None, ..with(1) }), EvmError::BlobCreate));
    let other = B256::repeat_byte(2);
    assert!(matches!(refusal(&mut chain, &Request { blob_hashes: vec![other], ..with(1) }), EvmError::Refused(_)));
}

#[test]
fn blobs_cost_at_least_what_eip_7918_reserves() {
    let gwei = 1_000_000_000;
    let with = |fork: Fork| chain(Config { fork, base_fee: BaseFee::Fixed(gwei), ..Config::default() });
    let mut osaka = with(Fork::Osaka);
    osaka.mine(100).expect("blocks without blobs");
    let fee = osaka.blob_base_fee();
    assert!((u128::from(gwei) / 16 * 85 / 100..=u128::from(gwei) / 16).contains(&fee), "within a block's step: {fee}");
    let mut hash = B256::repeat_byte(7);
    hash.0[0] = 1;
    let blobs = |max_blob_fee: u128| Request { blob_hashes: vec![hash; 6], max_blob_fee, ..transfer(0) };
    assert!(matches!(refusal(&mut osaka, &blobs(fee - 1)), EvmError::Refused(_)));
    let before = osaka.balance(account(0xaa));
    let receipt = send(&mut osaka, blobs(2 * fee));
    assert_eq!((receipt.blob_gas, receipt.blob_gas_price), (6 * 131_072, fee));
    let paid = U256::from(receipt.blob_gas) * U256::from(fee) + U256::from(21_000 * gwei);
    assert_eq!(before - osaka.balance(account(0xaa)), paid);
    assert!(osaka.blob_base_fee() > fee, "below the reserve price a block at the target raises the fee");
    assert_eq!(with(Fork::Prague).blob_base_fee(), 1, "before Osaka nothing is reserved");
}

#[test]
fn a_contract_sends_no_transactions() {
    let mut chain = chain(Config::default());
    let contract = deploy(&mut chain, SPIN);
    chain.set_balance(contract, U256::from(ETHER));
    assert!(matches!(refusal(&mut chain, &Request { from: contract, ..transfer(1) }), EvmError::Refused(_)));
}

#[test]
fn code_larger_than_24_kib_is_not_deployed() {
    let mut chain = chain(Config::default());
    let returns = |size: u16| [&[0x61], &size.to_be_bytes()[..], &[0x5f, 0xf3]].concat();
    assert!(send(&mut chain, request(None, &returns(24_576))).outcome.success);
    assert!(!send(&mut chain, request(None, &returns(24_577))).outcome.success);
}

#[test]
fn a_call_has_no_cap_but_a_floor() {
    let mut chain = chain(Config::default());
    let spinner = deploy(&mut chain, SPIN);
    let outcome = chain.call(&Request { gas: 50_000_000, ..request(Some(spinner), &[]) }).expect("a call");
    assert_eq!((outcome.success, outcome.gas_used), (false, 50_000_000));
    assert!(matches!(chain.call(&Request { gas: 20_000, ..request(Some(spinner), &[]) }), Err(EvmError::Refused(_))));
}

#[test]
fn configurations_out_of_range_are_refused() {
    let fine = Config::default;
    for (config, field) in [
        (Config { chain_id: 0, ..fine() }, "chain_id"),
        (Config { block_gas_limit: 4_999, ..fine() }, "block_gas_limit"),
        (Config { block_gas_limit: 1 << 40, ..fine() }, "block_gas_limit"),
        (Config { base_fee: BaseFee::Market(u64::MAX), ..fine() }, "base_fee"),
        (Config { genesis_timestamp: 1 << 48, ..fine() }, "genesis_timestamp"),
        (Config { block_secs: 0, ..fine() }, "block_secs"),
        (Config { block_secs: 1 << 32, ..fine() }, "block_secs"),
    ] {
        let error = Chain::new(config).expect_err(field);
        assert!(error.to_string().starts_with(field), "{error}");
    }
    let error = "paris".parse::<Fork>().expect_err("too old");
    assert_eq!(error.to_string(), r#"unknown fork "paris": expected prague, osaka or amsterdam"#);
    assert_eq!(
        ["prague", "osaka", "amsterdam"].map(|name| name.parse().ok()),
        [Fork::Prague, Fork::Osaka, Fork::Amsterdam].map(Some)
    );
}

#[test]
fn extreme_numbers_dont_panic() {
    let mut chain = chain(Config { genesis_timestamp: (1 << 48) - 1, block_secs: (1 << 32) - 1, ..Config::default() });
    assert!(matches!(chain.mine(u64::MAX), Err(EvmError::TooManyBlocks { .. })));
    chain.set_next_timestamp(u64::MAX).expect("later");
    chain.mine(2).expect("two blocks");
    let extreme = Request {
        value: U256::MAX,
        max_fee: Some(u128::MAX),
        tip: u128::MAX,
        nonce: Some(u64::MAX),
        gas: u64::MAX,
        ..request(Some(account(0xcc)), &word(1))
    };
    refusal(&mut chain, &extreme);
    refusal(&mut chain, &Request { gas: CAP, ..extreme.clone() });
    chain.set_balance(account(0xaa), U256::MAX);
    refusal(&mut chain, &Request { gas: CAP, nonce: None, ..extreme });
    chain.set_balance(account(0xcc), U256::MAX);
    assert!(!send(&mut chain, transfer(1)).outcome.success);
}
