//! public.json: vectors that others have published.

use omnilytics_core::digest::{Hash, keccak256};
use omnilytics_core::keys::MaskKey;
use omnilytics_core::secret::SecretScalar;
use omnilytics_core::transport::{TransportKey, seal};
use rand_core::{CryptoRng, RngCore};
use serde_json::Value;

use super::{bytes, cases, fixed_bytes, load, number};

/// A source that has these bytes and no others.
struct Known(Vec<u8>);

impl RngCore for Known {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        let rest = self.0.split_off(bytes.len());
        bytes.copy_from_slice(&std::mem::replace(&mut self.0, rest));
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Known {}

/// Seals with the ephemeral key of `ikm`.
pub(super) fn seal_with(ikm: &Value, public: &[u8; 32], info: &[u8], aad: &[u8], plain: &[u8]) -> Option<Vec<u8>> {
    let mut source = Known(bytes(ikm));
    let sealed = seal(public, info, aad, plain, &mut source);
    assert!(source.0.is_empty());
    sealed
}

fn published(key: &str) -> Vec<Value> {
    cases(&load("public.json")[key], "cases")
}

#[test]
fn rfc_9180() {
    for case in published("hpke") {
        let (info, aad, plain) = (bytes(&case["info"]), bytes(&case["aad"]), bytes(&case["pt"]));
        let receiver = TransportKey::derive(&fixed_bytes(&case["ikm_r"]));
        assert_eq!(fixed_bytes(&case["public_r"]), *receiver.public());
        let sealed = seal_with(&case["ikm_e"], receiver.public(), &info, &aad, &plain).expect("a legal key");
        assert_eq!([bytes(&case["enc"]), bytes(&case["ct"])].concat(), sealed);
        assert_eq!(Some(plain), receiver.open(&sealed, &info, &aad).map(|text| text.to_vec()));
        for index in 0..sealed.len() {
            let mut wrong = sealed.clone();
            wrong[index] ^= 4;
            assert!(receiver.open(&wrong, &info, &aad).is_none());
        }
        assert!((0..sealed.len()).all(|length| receiver.open(&sealed[..length], &info, &aad).is_none()));
        assert!(receiver.open(&sealed, &aad, &aad).is_none());
        assert!(receiver.open(&sealed, &info, &info).is_none());
    }
}

#[test]
fn rfc_6979() {
    let check = |case: &Value, digest: Hash| {
        assert_eq!(fixed_bytes(&case["digest"]), digest);
        let key = MaskKey::from_bytes(&fixed_bytes(&case["secret"])).expect("a legal key");
        let signature = key.sign(&digest).expect("a signature");
        assert_eq!((fixed_bytes(&case["r"]), fixed_bytes(&case["s"])), (signature.r, signature.s));
        signature.v
    };
    for case in published("rfc6979_sha256") {
        check(&case, fixed_bytes(&case["digest"]));
    }
    for case in published("rfc6979_keccak256") {
        assert_eq!(number(&case["v"]), u64::from(check(&case, keccak256(&[&bytes(&case["message_hex"])]))));
    }
}

#[test]
fn multiples_of_the_generator() {
    for case in published("multiples") {
        let secret = SecretScalar::from_bytes(&fixed_bytes(&case["k"])).expect("from 1 to n-1");
        let hash = keccak256(&[&bytes(&case["x"]), &bytes(&case["y"])]);
        assert_eq!(hash[12..], secret.address());
    }
    for case in published("addresses") {
        let secret = fixed_bytes(&case["secret"]);
        let address: [u8; 20] = fixed_bytes(&case["address"]);
        assert_eq!(address, SecretScalar::from_bytes(&secret).expect("from 1 to n-1").address());
        assert_eq!(&address, MaskKey::from_bytes(&secret).expect("a legal key").address());
    }
}
