//! Profiles: every gas is somebody's, once.

mod common;

use std::collections::HashMap;

use common::{SPIN, STORE, account, chain, deploy, init_code, request, send, word};
use omnilytics_evm::{Address, Chain, Config, Request, Spent};

/// Calls the contract that calldata's first word numbers, with the word 9; then stores in slot 1.
const CALLER: &[u8] = &[
    0x60, 9, 0x5f, 0x52, // the word
    0x5f, 0x5f, 0x60, 32, 0x5f, 0x5f, 0x5f, 0x35, 0x5a, 0xf1, // CALL with all gas
    0x60, 1, 0x55, 0x00,
];

type Instruction = (Address, usize, Spent);

/// Gas of the receipt, gas by code, and all instructions.
fn profiled(chain: &mut Chain, request: &Request) -> (u64, HashMap<Address, u64>, Vec<Instruction>) {
    let (receipt, profile) = chain.send_profiled(request).expect("the chain takes it");
    let all: Vec<_> = profile.spent().collect();
    let mut by_code = HashMap::new();
    for (code, _, spent) in &all {
        *by_code.entry(*code).or_default() += spent.gas;
    }
    (receipt.outcome.gas_used, by_code, all)
}

fn intrinsic(data: &[u8]) -> u64 {
    21_000 + data.iter().map(|byte| if *byte == 0 { 4 } else { 16 }).sum::<u64>()
}

#[test]
fn instructions_take_all_but_the_intrinsic_gas() {
    let mut chain = chain(Config::default());
    let contract = deploy(&mut chain, STORE);
    let (used, by_code, all) = profiled(&mut chain, &request(Some(contract), &word(9)));
    assert_eq!(by_code, HashMap::from([(contract, used - intrinsic(&word(9)))]));
    let store = all.iter().find(|(_, counter, _)| *counter == 4).expect("SSTORE ran");
    assert_eq!(store.2, Spent { count: 1, gas: 22_100 });
}

#[test]
fn a_callee_s_gas_is_its_own() {
    let mut alone = chain(Config::default());
    let contract = deploy(&mut alone, STORE);
    let caller = deploy(&mut alone, CALLER);
    let mark = alone.snapshot();
    let (used, by_itself, _) = profiled(&mut alone, &request(Some(contract), &word(9)));
    assert_eq!(used - intrinsic(&word(9)), by_itself[&contract]);
    alone.revert(mark).expect("the mark is good");

    let data = [[0; 12].as_slice(), contract.as_slice()].concat();
    let (used, by_code, _) = profiled(&mut alone, &request(Some(caller), &data));
    assert_eq!(by_code[&contract], by_itself[&contract]);
    assert_eq!(by_code[&contract] + by_code[&caller], used - intrinsic(&data));
}

#[test]
fn a_callee_that_runs_out_of_gas_leaves_nothing_uncounted() {
    let mut chain = chain(Config::default());
    let spinner = deploy(&mut chain, SPIN);
    let caller = deploy(&mut chain, CALLER);
    let data = [[0; 12].as_slice(), spinner.as_slice()].concat();
    let (used, by_code, _) = profiled(&mut chain, &Request { gas: 200_000, ..request(Some(caller), &data) });
    assert_eq!(by_code.values().sum::<u64>(), used - intrinsic(&data));
    assert!(by_code[&spinner] > 100_000);
}

#[test]
fn a_profiled_transaction_is_the_same_transaction() {
    let (mut plain, mut traced) = (chain(Config::default()), chain(Config::default()));
    let contract = deploy(&mut plain, STORE);
    assert_eq!(deploy(&mut traced, STORE), contract);
    let expected = send(&mut plain, request(Some(contract), &word(9)));
    let (receipt, _) = traced.send_profiled(&request(Some(contract), &word(9))).expect("the chain takes it");
    assert_eq!(receipt, expected);
    assert_eq!(traced.head().hash, plain.head().hash);
}

#[test]
fn init_code_has_no_address() {
    let mut chain = chain(Config::default());
    let (_, by_code, _) = profiled(&mut chain, &request(None, &init_code(STORE)));
    assert_eq!(by_code.keys().collect::<Vec<_>>(), vec![&Address::ZERO]);
    assert!(chain.nonce(account(0xaa)) > 0);
}
