//! Ciphertexts for a member: what was sealed to it, or nothing.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use omnilytics_core::simulated::SeedStream;
use omnilytics_core::transport::{KEY_BYTES, TAG_BYTES, TransportKey, seal};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    peer: [u8; 32],
    seed: [u8; 32],
    flip: (u8, u8),
    info: &'a [u8],
    aad: &'a [u8],
    text: &'a [u8],
}

fuzz_target!(|input: Input| {
    let Input { peer, seed, flip: (place, bits), info, aad, text } = input;
    let key = TransportKey::derive(&[7; 32]);
    let mut rng = SeedStream::new([0; 32], &seed);
    assert!(key.open(text, info, aad).is_none(), "a ciphertext that nobody sealed");
    let to_peer = seal(&peer, info, aad, text, &mut rng);
    assert!(to_peer.is_none_or(|sealed| sealed.len() == KEY_BYTES + text.len() + TAG_BYTES));

    let mut sealed = seal(key.public(), info, aad, text, &mut rng).expect("a key of full order");
    assert_eq!(Some(text), key.open(&sealed, info, aad).as_deref().map(Vec::as_slice));
    let index = usize::from(place) % sealed.len();
    sealed[index] ^= bits;
    // X25519 ignores the top bit of a public key, but the key schedule doesn't.
    assert_eq!(bits == 0, key.open(&sealed, info, aad).is_some());
    assert!(key.open(&sealed[..index], info, aad).is_none());
});
