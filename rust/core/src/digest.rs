//! What is hashed, to the byte (PROTOCOL.md sections 2-5: E1, E7-E10, E13).

use tiny_keccak::{Hasher, Keccak};
use zeroize::Zeroizing;

use crate::error::{Result, in_range, same_length};
use crate::keccak;
use crate::keys::PublicMaskKey;
use crate::lanes::WORD_BYTES;
use crate::params::MAX_CHUNKS;
use crate::places::Places;

/// A keccak256 digest.
pub type Hash = [u8; 32];

/// An Ethereum address.
pub type Address = [u8; 20];

/// Fields of `SessionParams`.
pub const PARAMS_FIELDS: usize = 35;

/// keccak256 of the concatenated parts.
#[must_use]
pub fn keccak256(parts: &[&[u8]]) -> Hash {
    let mut keccak = Keccak::v256();
    for part in parts {
        keccak.update(part);
    }
    let mut hash = [0; 32];
    keccak.finalize(&mut hash);
    hash
}

/// keccak256 of each of many messages of the first one's length, several at once.
#[must_use]
pub fn keccak256_each(messages: &[&[u8]]) -> Vec<Hash> {
    keccak::hashes(messages)
}

/// `DOM(s)`: the ASCII of a domain, padded with zeros on the right to 32 bytes.
#[must_use]
pub const fn domain(name: &str) -> [u8; 32] {
    let (mut padded, name) = ([0; 32], name.as_bytes());
    let mut index = 0;
    while index < name.len() && index < 32 {
        padded[index] = name[index];
        index += 1;
    }
    padded
}

/// A number as `uint256`.
#[must_use]
pub fn uint256(number: u64) -> [u8; 32] {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&number.to_be_bytes());
    word
}

/// An address as the ABI's `address`.
#[must_use]
pub fn abi_address(address: &Address) -> [u8; 32] {
    let mut word = [0; 32];
    word[12..].copy_from_slice(address);
    word
}

/// The hash of the published weights, chunk after chunk of their words (E7).
#[must_use]
pub fn published_hash<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Hash {
    chunks.into_iter().fold([0; 32], |hash, chunk| keccak256(&[&hash, &keccak256(&[chunk])]))
}

/// The hash of all parameters and the published weights (E1); `params` is `abi_encode(SessionParams)`.
///
/// # Errors
/// [`crate::Error::Length`] unless `params` has 32 bytes for each of the 34 fields.
pub fn model_hash(params: &[u8], published: &Hash) -> Result<Hash> {
    same_length("bytes of SessionParams", 32 * PARAMS_FIELDS, params.len())?;
    Ok(keccak256(&[params, published]))
}

/// The hashes of a vector's chunks of `chunk_words` words, the last of which may be shorter (E13).
#[must_use]
pub fn chunk_hashes(bytes: &[u8], chunk_words: usize) -> Vec<Hash> {
    bytes.chunks(chunk_words.saturating_mul(WORD_BYTES).max(WORD_BYTES)).map(|chunk| keccak256(&[chunk])).collect()
}

/// What a member commits to: `keccak256(abi_encode(bytes32[] chunk_hashes))` (E13).
///
/// # Errors
/// [`crate::Error::OutOfRange`] unless there are 1 to 64 hashes.
pub fn commitment_root(hashes: &[Hash]) -> Result<Hash> {
    let count = in_range("chunk hashes", 1, MAX_CHUNKS, hashes.len() as u64)?;
    Ok(keccak256(&[&uint256(32), &uint256(count), hashes.as_flattened()]))
}

/// What a member commits to before it opens its vote on the groups (E38). `bits` are big-endian.
#[must_use]
pub fn vote_commitment(chain_id: u64, session: &Address, member: &Address, bits: &[u8; 32], salt: &[u8; 32]) -> Hash {
    const DOMAIN: [u8; 32] = domain("omnilytics/vote/1");
    keccak256(&[&DOMAIN, &uint256(chain_id), &abi_address(session), &abi_address(member), bits, salt])
}

/// The hash of a group's keys (x, parity) in place order (E9).
#[must_use]
pub fn set_hash(keys: impl IntoIterator<Item = ([u8; 32], bool)>) -> Hash {
    let mut bytes = Vec::new();
    for (x, odd) in keys {
        bytes.extend_from_slice(&x);
        bytes.extend_from_slice(&uint256(odd.into()));
    }
    keccak256(&[&bytes])
}

/// E9 with (0, 0) for the keys of members outside `sharers`.
#[must_use]
pub fn set_hash_of(keys: &[PublicMaskKey], sharers: &Places) -> Hash {
    set_hash(keys.iter().enumerate().map(
        |(place, key)| {
            if sharers.contains(place) { (key.x, key.odd) } else { ([0; 32], false) }
        },
    ))
}

/// What a key signature signs (E8).
#[must_use]
pub fn key_digest(chain_id: u64, session: &Address, sender: &Address) -> Hash {
    const DOMAIN: [u8; 32] = domain("omnilytics/key/1");
    keccak256(&[&DOMAIN, &uint256(chain_id), &abi_address(session), &abi_address(sender)])
}

/// Everything but its members and their secret that a seed is bound to (E10, E34).
#[derive(Clone, Copy, Debug)]
pub struct SeedScope {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The session's address.
    pub session: Address,
    /// The group's id.
    pub group: u64,
    /// E1.
    pub model_hash: Hash,
    /// E9.
    pub set_hash: Hash,
}

impl SeedScope {
    /// The hash of a domain, what is in the scope, and the words of one seed.
    fn seed(&self, domain: &[u8; 32], own: &[[u8; 32]]) -> Hash {
        let (chain_id, session, group) = (uint256(self.chain_id), abi_address(&self.session), uint256(self.group));
        keccak256(&[domain, &chain_id, &session, &group, &self.model_hash, &self.set_hash, own.as_flattened()])
    }
}

/// The seed of a member's own mask, from its secret b (E34).
#[must_use]
pub fn self_seed(scope: &SeedScope, place: u64, secret: &[u8; 32]) -> Hash {
    const DOMAIN: [u8; 32] = domain("omnilytics/self/1");
    scope.seed(&DOMAIN, &Zeroizing::new([uint256(place), *secret])[..])
}

/// The seed of the pair of places `lo < hi` whose shared point has address `pair` (E10).
#[must_use]
pub fn pair_seed(scope: &SeedScope, lo: u64, hi: u64, pair: &Address) -> Hash {
    const DOMAIN: [u8; 32] = domain("omnilytics/pair/1");
    scope.seed(&DOMAIN, &Zeroizing::new([uint256(lo), uint256(hi), abi_address(pair)])[..])
}
