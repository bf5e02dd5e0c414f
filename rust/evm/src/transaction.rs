//! From what comes in to what revm runs: transactions with a named sender, and signed ones.

use alloy_consensus::{
    EthereumTxEnvelope, SignableTransaction, Signed, Transaction as _, TxEip1559, TxEip4844, TxEip4844Variant,
    TxEnvelope, Typed2718,
};
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use revm::{
    context::{TxEnv, either::Either, transaction::AccessList},
    precompile::crypto,
    primitives::{Address, B256, TxKind, U256, alloy_primitives::Signature, keccak256},
};

use crate::{EvmError, Request};

/// The most bytes of a signed transaction, blobs apart, that nodes take (geth's `txMaxSize`).
pub const MAX_TRANSACTION_BYTES: usize = 128 * 1024;

const DYNAMIC_FEE: u8 = 2;
const BLOB: u8 = 3;

/// A transaction ready to run. `size` is in bytes of the signed envelope without blobs.
pub(crate) struct Prepared {
    pub(crate) env: TxEnv,
    pub(crate) hash: B256,
    pub(crate) size: usize,
}

/// What revm needs to run `request` with the given nonce and base fee, in wei per gas.
pub(crate) fn environment(request: &Request, chain_id: u64, nonce: u64, base_fee: u64) -> TxEnv {
    TxEnv {
        tx_type: if request.blob_hashes.is_empty() { DYNAMIC_FEE } else { BLOB },
        caller: request.from,
        gas_limit: request.gas,
        gas_price: request.max_fee.unwrap_or_else(|| u128::from(base_fee).saturating_add(request.tip)),
        gas_priority_fee: Some(request.tip),
        kind: request.to.map_or(TxKind::Create, TxKind::Call),
        value: request.value,
        data: request.data.clone(),
        nonce: request.nonce.unwrap_or(nonce),
        chain_id: Some(chain_id),
        access_list: AccessList::default(),
        blob_hashes: request.blob_hashes.clone(),
        max_fee_per_blob_gas: request.max_blob_fee,
        authorization_list: vec![],
    }
}

/// A transaction without a signature: it is as large as it would be with one.
///
/// # Errors
/// `BlobCreate`.
pub(crate) fn prepare_unsigned(env: TxEnv, chain_id: u64) -> Result<Prepared, EvmError> {
    let signature = Signature::new(U256::MAX >> 1, U256::MAX >> 2, false);
    let tip = env.gas_priority_fee.unwrap_or_default();
    let (nonce, gas_limit, value, input) = (env.nonce, env.gas_limit, env.value, env.data.clone());
    let access_list = AccessList::default();
    let envelope: TxEnvelope = match (env.tx_type, env.kind) {
        (BLOB, TxKind::Create) => return Err(EvmError::BlobCreate),
        (BLOB, TxKind::Call(to)) => TxEip4844 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas: env.gas_price,
            max_priority_fee_per_gas: tip,
            to,
            value,
            access_list,
            blob_versioned_hashes: env.blob_hashes.clone(),
            max_fee_per_blob_gas: env.max_fee_per_blob_gas,
            input,
        }
        .into_signed(signature)
        .into(),
        (_, to) => TxEip1559 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas: env.gas_price,
            max_priority_fee_per_gas: tip,
            to,
            value,
            access_list,
            input,
        }
        .into_signed(signature)
        .into(),
    };
    // without the sender in it, two accounts' equal transactions would share a hash
    let hash = keccak256([envelope.tx_hash().as_slice(), env.caller.as_slice()].concat());
    Ok(Prepared { env, hash, size: envelope.encode_2718_len() })
}

/// A signed transaction as `eth_sendRawTransaction` takes it, a blob transaction with or without its sidecar.
///
/// # Errors
/// `Undecodable`, `BadSignature`, `BadSidecar`. Blob proofs aren't checked.
pub(crate) fn prepare_signed(raw: &[u8]) -> Result<Prepared, EvmError> {
    let envelope = TxEnvelope::decode_2718_exact(raw)
        .map_err(|error| EvmError::Undecodable { size: raw.len(), reason: error.to_string() })?;
    let size = bytes_without_blobs(&envelope, raw.len())?;
    let env = TxEnv {
        tx_type: envelope.ty(),
        caller: recover(&envelope)?,
        gas_limit: envelope.gas_limit(),
        gas_price: envelope.max_fee_per_gas(),
        gas_priority_fee: envelope.max_priority_fee_per_gas(),
        kind: envelope.kind(),
        value: envelope.value(),
        data: envelope.input().clone(),
        nonce: envelope.nonce(),
        chain_id: envelope.chain_id(),
        access_list: envelope.access_list().cloned().unwrap_or_default(),
        blob_hashes: envelope.blob_versioned_hashes().unwrap_or_default().to_vec(),
        max_fee_per_blob_gas: envelope.max_fee_per_blob_gas().unwrap_or_default(),
        authorization_list: envelope
            .authorization_list()
            .unwrap_or_default()
            .iter()
            .cloned()
            .map(Either::Left)
            .collect(),
    };
    Ok(Prepared { env, hash: *envelope.tx_hash(), size })
}

fn recover(envelope: &TxEnvelope) -> Result<Address, EvmError> {
    let signature = envelope.signature();
    if signature.normalize_s().is_some() {
        return Err(EvmError::BadSignature); // EIP-2: s in the upper half
    }
    let mut rs = [0u8; 64];
    rs[..32].copy_from_slice(&signature.r().to_be_bytes::<32>());
    rs[32..].copy_from_slice(&signature.s().to_be_bytes::<32>());
    let account = crypto()
        .secp256k1_ecrecover(&rs, u8::from(signature.v()), &envelope.signature_hash().0)
        .map_err(|_| EvmError::BadSignature)?;
    Ok(Address::from_slice(&account[12..]))
}

fn bytes_without_blobs(envelope: &TxEnvelope, raw_bytes: usize) -> Result<usize, EvmError> {
    let EthereumTxEnvelope::Eip4844(signed) = envelope else {
        return Ok(raw_bytes);
    };
    let TxEip4844Variant::TxEip4844WithSidecar(with_blobs) = signed.tx() else {
        return Ok(raw_bytes);
    };
    let named = with_blobs.tx.blob_versioned_hashes.iter().copied();
    if !with_blobs.sidecar.versioned_hashes().eq(named) {
        return Err(EvmError::BadSidecar);
    }
    Ok(Signed::new_unhashed(with_blobs.tx.clone(), *signed.signature()).encode_2718_len())
}
