//! What transactions do: money, contracts, reverts, logs, calls, precompiles, signatures, time, snapshots.

mod common;

use common::{
    ANCESTOR, BLOB, CAP, ETHER, NOW, REFUSE, SPIN, STORE, account, chain, deploy, init_code, request, send, transfer,
    word,
};
use omnilytics_evm::{Address, B256, BaseFee, Bytes, Config, EvmError, Fork, Request, U256, keccak256};

#[test]
fn a_transfer_moves_wei_and_counts_the_nonce() {
    let mut chain = chain(Config::default());
    let receipt = send(&mut chain, transfer(5));
    assert!(receipt.outcome.success);
    assert_eq!(receipt.outcome.gas_used, 21_000);
    assert_eq!(chain.balance(account(0xaa)), U256::from(ETHER - 5));
    assert_eq!(chain.balance(account(0xcc)), U256::from(5));
    assert_eq!((chain.nonce(account(0xaa)), chain.nonce(account(0xcc))), (1, 0));
    assert_eq!((receipt.block, chain.head().number), (1, 1));
}

#[test]
fn gas_is_paid_at_the_base_fee_and_the_tip_goes_to_the_coinbase() {
    let coinbase = account(0xee);
    let mut chain = chain(Config { base_fee: BaseFee::Fixed(1_000), coinbase, ..Config::default() });
    let receipt = send(&mut chain, Request { tip: 3, ..transfer(5) });
    assert_eq!(receipt.gas_price, 1_003);
    assert_eq!(chain.balance(account(0xaa)), U256::from(ETHER - 5 - 21_000 * 1_003));
    assert_eq!(chain.balance(coinbase), U256::from(21_000 * 3));
    assert_eq!(chain.pending().base_fee, 1_000);
}

#[test]
fn a_free_chain_stays_free_and_a_market_reacts() {
    for (base_fee, next) in [(BaseFee::Fixed(0), 0), (BaseFee::Market(800), 900)] {
        let mut chain = chain(Config { base_fee, block_gas_limit: 100_000, ..Config::default() });
        let spinner = deploy_small(&mut chain);
        chain.mine(1).expect("one block");
        let before = chain.pending().base_fee;
        let receipt = send(&mut chain, Request { gas: 100_000, ..request(Some(spinner), &[]) });
        assert_eq!(receipt.outcome.gas_used, 100_000);
        assert_eq!(chain.pending().base_fee, before + before / 8);
        assert!(chain.pending().base_fee <= next);
    }
}

fn deploy_small(chain: &mut omnilytics_evm::Chain) -> Address {
    let creation = Request { gas: 100_000, ..request(None, &init_code(SPIN)) };
    send(chain, creation).contract_address.expect("a contract was created")
}

#[test]
fn a_contract_stores_and_logs() {
    let mut chain = chain(Config::default());
    let contract = deploy(&mut chain, STORE);
    assert_eq!(chain.code(contract), Bytes::from_static(STORE));
    let receipt = send(&mut chain, request(Some(contract), &word(9)));
    assert_eq!(chain.slot(contract, U256::ZERO), U256::from(9));
    let [log] = receipt.outcome.logs.as_slice() else { panic!("one log") };
    assert_eq!((log.data.topics(), &log.data.data[..]), (&[B256::from(word(7))][..], &word(9)[..]));
    let found: Vec<_> = chain.logs(contract, 0).collect();
    assert_eq!(found, [(2, log)]);
    assert_eq!(chain.logs(contract, 3).count() + chain.logs(account(0xaa), 0).count(), 0);
    assert_eq!(chain.receipts(0).count(), 2);
    assert_eq!(chain.receipts(u64::MAX).count(), 0);
}

#[test]
fn a_revert_returns_its_data_and_leaves_no_log() {
    let mut chain = chain(Config::default());
    let contract = deploy(&mut chain, REFUSE);
    let receipt = send(&mut chain, Request { value: U256::from(3), ..request(Some(contract), &[]) });
    assert!(!receipt.outcome.success);
    assert_eq!(receipt.outcome.output[..], word(42));
    assert_eq!((receipt.outcome.halt, receipt.outcome.logs.len()), (None, 0));
    assert_eq!(chain.balance(account(0xaa)), U256::from(ETHER));
    assert_eq!((chain.nonce(account(0xaa)), chain.head().number), (2, 2));
}

#[test]
fn out_of_gas_takes_all_of_it() {
    let mut chain = chain(Config::default());
    let contract = deploy(&mut chain, SPIN);
    let receipt = send(&mut chain, Request { gas: 50_000, ..request(Some(contract), &[]) });
    assert!(!receipt.outcome.success);
    assert_eq!(receipt.outcome.gas_used, 50_000);
    assert!(receipt.outcome.halt.is_some_and(|why| why.to_lowercase().contains("gas")));
}

#[test]
fn a_call_changes_nothing_and_needs_no_funds() {
    let mut chain = chain(Config { base_fee: BaseFee::Fixed(1_000), ..Config::default() });
    let contract = deploy(&mut chain, STORE);
    let head = chain.head().clone();
    let poor = Request { from: account(1), gas: 60_000_000, ..request(Some(contract), &word(9)) };
    let outcome = chain.call(&poor).expect("a call");
    assert!(outcome.success && outcome.gas_used > 40_000);
    assert_eq!(chain.slot(contract, U256::ZERO), U256::ZERO);
    assert_eq!(chain.head(), &head);
    assert_eq!(chain.nonce(account(1)), 0);
}

#[test]
fn a_call_sees_the_newest_block() {
    let mut chain = chain(Config::default());
    let clock = deploy(&mut chain, NOW);
    let outcome = chain.call(&request(Some(clock), &[])).expect("a call");
    assert_eq!(outcome.output[..], [word(1_767_225_612), word(1)].concat());
}

#[test]
fn recovers_signers_and_hashes() {
    let mut chain = chain(Config::default());
    let hex = |digits: &str| -> Vec<u8> {
        digits
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    };
    let precompile = |number: u8| Some(Address::with_last_byte(number));
    let signed = [
        hex("456e9aea5e197a1f1af7a3e85a3212fa4049a3ba34c2289b4c860fc0b0c64ef3"),
        word(28).to_vec(),
        hex("9242685bf161793cc25603c231bc2f568eb630ea16aa137d2664ac8038825608"),
        hex("4f8ae3bd7535248d0bd448298cc2e2071e56992d0774dc340c368ae950852ada"),
    ]
    .concat();
    let signer = chain.call(&request(precompile(1), &signed)).expect("ecrecover");
    assert_eq!(signer.output[12..], hex("7156526fbd7a3c72969b54f64e42c10fbb768c8a"));
    let nobody = chain.call(&request(precompile(1), &signed[..96])).expect("ecrecover");
    assert_eq!((nobody.success, nobody.output.len()), (true, 0));
    let digest = chain.call(&request(precompile(2), b"abc")).expect("sha-256");
    assert_eq!(digest.output[..], hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));

    let keccak_of_nothing = deploy(&mut chain, &[0x5f, 0x5f, 0x20, 0x5f, 0x52, 0x60, 32, 0x5f, 0xf3]);
    let digest = chain.call(&request(Some(keccak_of_nothing), &[])).expect("keccak");
    assert_eq!(digest.output[..], hex("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"));
    assert_eq!(keccak256([])[..], digest.output[..]);
}

/// The signed transaction of EIP-155's own example: nonce 9, 20 gwei, 1 ether, chain id 1.
const EIP_155: &str = "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83";
const EIP_155_SENDER: [u8; 20] = [
    0x9d, 0x8a, 0x62, 0xf6, 0x56, 0xa8, 0xd1, 0x61, 0x5c, 0x12, 0x94, 0xfd, 0x71, 0xe9, 0xcf, 0xb3, 0xe4, 0x85, 0x5a,
    0x4f,
];

fn eip_155() -> Vec<u8> {
    let digits = EIP_155.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

#[test]
fn a_signed_transaction_runs_for_its_signer() {
    let mut chain = chain(Config { chain_id: 1, base_fee: BaseFee::Fixed(1_000_000_000), ..Config::default() });
    let sender = Address::from(EIP_155_SENDER);
    chain.set_balance(sender, U256::from(3 * ETHER));
    assert!(matches!(chain.send_raw(&eip_155()), Err(EvmError::Refused(_))), "the nonce isn't 9 yet");
    for _ in 0..9 {
        send(&mut chain, Request { from: sender, ..transfer(0) });
    }
    let receipt = chain.send_raw(&eip_155()).expect("the chain takes it");
    assert_eq!((receipt.from, receipt.gas_price), (sender, 20_000_000_000));
    assert_eq!(receipt.hash[..4], [0x33, 0x46, 0x9b, 0x22]);
    assert_eq!(chain.balance(account(0x35)), U256::from(ETHER));
    assert!(matches!(chain.send_raw(&eip_155()), Err(EvmError::Refused(_))), "not twice");
}

#[test]
fn bytes_that_are_no_transaction_are_refused() {
    let mut chain = chain(Config { chain_id: 2, ..Config::default() });
    let mut cut = eip_155();
    assert!(matches!(chain.send_raw(&cut), Err(EvmError::Refused(_))), "another chain's");
    cut.pop();
    for garbage in [&cut[..], &[], &[0x02], &[0xff; 40]] {
        assert!(matches!(chain.send_raw(garbage), Err(EvmError::Undecodable { .. })));
    }
    assert_eq!(chain.head().number, 0);
}

#[test]
fn a_changed_byte_never_panics_and_never_passes() {
    let mut chain = chain(Config { chain_id: 1, ..Config::default() });
    for place in 0..eip_155().len() {
        for change in [0x01, 0x80, 0xff] {
            let mut changed = eip_155();
            changed[place] ^= change;
            assert!(chain.send_raw(&changed).is_err(), "byte {place} changed by {change:#x}");
        }
    }
}

#[test]
fn a_base_fee_by_hand_is_that_of_one_block_or_where_the_market_goes_on_from() {
    for (base_fee, after) in [(BaseFee::Fixed(7), 7), (BaseFee::Market(7), 701)] {
        let mut chain = chain(Config { base_fee, automine: false, ..Config::default() });
        chain.set_next_base_fee(800).expect("no transaction yet");
        assert_eq!(send(&mut chain, transfer(1)).gas_price, 800);
        let started = chain.set_next_base_fee(9).expect_err("the block has run");
        assert!(matches!(started, EvmError::BlockStarted { transactions: 1 }));
        chain.mine(1).expect("one block");
        assert_eq!(chain.pending().base_fee, after);
        let dear = chain.set_next_base_fee(10u64.pow(18) + 1).expect_err("above what a chain takes");
        assert!(matches!(dear, EvmError::BadConfig { field: "base_fee", .. }), "{dear}");
    }
}

#[test]
fn time_goes_on_by_the_block_and_by_hand() {
    let mut chain = chain(Config { genesis_timestamp: 1_000, block_secs: 5, ..Config::default() });
    assert_eq!(send(&mut chain, transfer(1)).timestamp, 1_005);
    chain.set_next_timestamp(9_000).expect("later");
    assert_eq!(send(&mut chain, transfer(1)).timestamp, 9_000);
    assert_eq!(send(&mut chain, transfer(1)).timestamp, 9_005);
    let newest = 9_005;
    let refused = chain.set_next_timestamp(newest).expect_err("time stands still");
    assert!(matches!(refused, EvmError::TimeBackwards { given: 9_005, newest: 9_005 }));
    for late_enough in [0, newest] {
        chain.wait_until(late_enough).expect("nothing to wait for");
        assert_eq!(chain.head().number, 3);
    }
    chain.mine(100_000).expect("empty blocks");
    assert_eq!((chain.head().number, chain.head().timestamp), (100_003, newest + 500_000));
    chain.wait_until(9_000_000).expect("later");
    assert_eq!((chain.head().number, chain.head().timestamp), (100_004, 9_000_000));
}

#[test]
fn block_hashes_reach_back_256_blocks() {
    let mut chain = chain(Config::default());
    let contract = deploy(&mut chain, ANCESTOR);
    chain.mine(300).expect("empty blocks");
    let head = chain.head().number;
    let mut ask = |number: u64| chain.call(&request(Some(contract), &word(number))).expect("a call").output;
    let answers = [head - 1, head - 256, head - 257, head].map(&mut ask);
    let hash = |number: u64| Bytes::copy_from_slice(chain.block(number).expect("mined").hash.as_slice());
    assert_eq!(answers, [hash(head - 1), hash(head - 256), Bytes::from(word(0)), Bytes::from(word(0))]);
}

#[test]
fn a_snapshot_brings_everything_back() {
    let mut chain = chain(Config::default());
    let contract = deploy(&mut chain, STORE);
    send(&mut chain, request(Some(contract), &word(9)));
    let before = (chain.head().clone(), chain.pending().clone());
    let outer = chain.snapshot();
    for value in [0, 3] {
        send(&mut chain, request(Some(contract), &word(value)));
    }
    let inner = chain.snapshot();
    let born = deploy(&mut chain, STORE);
    send(&mut chain, Request { value: U256::from(5), ..request(None, &[0x33, 0xff]) }); // destroys itself at birth
    send(&mut chain, transfer(7));
    chain.revert(inner).expect("taken");
    assert_eq!((chain.code(born).len(), chain.balance(account(0xcc))), (0, U256::ZERO));
    assert_eq!(chain.slot(contract, U256::ZERO), U256::from(3));
    chain.revert(outer).expect("taken");
    assert_eq!(chain.slot(contract, U256::ZERO), U256::from(9));
    assert_eq!((chain.head().clone(), chain.pending().clone()), before);
    assert_eq!(chain.balance(account(0xaa)), U256::from(ETHER));
    for used_up in [inner, outer, 99] {
        assert!(matches!(chain.revert(used_up), Err(EvmError::UnknownSnapshot { given }) if given == used_up));
    }
}

#[test]
fn the_same_story_has_the_same_hashes() {
    let story = |fork: Fork, value: u64| {
        let mut chain = chain(Config { fork, ..Config::default() });
        let contract = deploy(&mut chain, STORE);
        let receipt = send(&mut chain, request(Some(contract), &word(value)));
        (contract, receipt.hash, chain.head().hash)
    };
    assert_eq!(story(Fork::Osaka, 1), story(Fork::Osaka, 1));
    assert_ne!(story(Fork::Osaka, 1).2, story(Fork::Osaka, 2).2);
    assert_ne!(story(Fork::Osaka, 1).2, story(Fork::Amsterdam, 1).2);
}

#[test]
fn equal_transactions_of_two_senders_differ() {
    let mut chain = chain(Config::default());
    let [first, second] =
        [0xaa, 0xbb].map(|label| send(&mut chain, Request { from: account(label), ..transfer(1) }).hash);
    assert_ne!(first, second);
}

#[test]
fn a_transaction_sees_its_blob_hashes() {
    let mut chain = chain(Config::default());
    let contract = deploy(&mut chain, BLOB);
    let mut hash = B256::repeat_byte(7);
    hash.0[0] = 1;
    let receipt =
        send(&mut chain, Request { blob_hashes: vec![hash], max_blob_fee: 1, ..request(Some(contract), &[]) });
    assert_eq!((receipt.blob_gas, receipt.outcome.success), (131_072, true));
    assert_eq!(B256::from(chain.slot(contract, U256::ZERO)), hash);
    assert_eq!(chain.balance(account(0xaa)), U256::from(ETHER - 131_072)); // 1 wei per blob gas is the least
}

#[test]
fn amsterdam_charges_for_state() {
    let mut chain = chain(Config { fork: Fork::Amsterdam, ..Config::default() });
    let receipt = send(&mut chain, Request { gas: CAP, ..transfer(1) });
    assert_eq!((receipt.outcome.gas_used, receipt.state_gas), (204_600, 183_600));
}
