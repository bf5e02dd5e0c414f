//! How shares travel to their holders: HPKE (RFC 9180), base mode, single shot (PROTOCOL.md section 5, E33).
//!
//! DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305, by crate `hpke`.

use hpke::aead::{AeadTag, ChaCha20Poly1305};
use hpke::kdf::HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use crate::dhkem::{Dhkem, Public, Secret};

/// Bytes of a public key, and of the encapsulated key in front of a ciphertext.
pub const KEY_BYTES: usize = 32;
/// Bytes by which a ciphertext is longer than its plaintext.
pub const TAG_BYTES: usize = 16;

/// A secret X25519 key. Wiped when dropped.
pub struct TransportKey(Secret);

impl TransportKey {
    /// A new key from a cryptographically secure source.
    pub fn generate(rng: &mut impl CryptoRngCore) -> Self {
        let mut material = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *material);
        Self::derive(&material)
    }

    /// `DeriveKeyPair(ikm)` of RFC 9180, section 7.1.3.
    #[must_use]
    pub fn derive(ikm: &[u8; 32]) -> Self {
        Self(Dhkem::derive_keypair(ikm).0)
    }

    /// The public key (RFC 7748).
    #[must_use]
    pub fn public(&self) -> &[u8; KEY_BYTES] {
        self.0.public()
    }

    /// The plaintext of `sealed`, encapsulated key first; `None` if it isn't one under this key, `info` and `aad`.
    #[must_use]
    pub fn open(&self, sealed: &[u8], info: &[u8], aad: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (encapsulated, rest) = sealed.split_at_checked(KEY_BYTES)?;
        let (ciphertext, tag) = rest.split_at_checked(rest.len().checked_sub(TAG_BYTES)?)?;
        let encapsulated = Public::from_bytes(encapsulated).ok()?;
        let tag = AeadTag::<ChaCha20Poly1305>::from_bytes(tag).ok()?;
        let mut text = Zeroizing::new(ciphertext.to_vec());
        let opened = hpke::single_shot_open_in_place_detached::<ChaCha20Poly1305, HkdfSha256, Dhkem>(
            &OpModeR::Base,
            &self.0,
            &encapsulated,
            info,
            &mut text,
            aad,
            &tag,
        );
        opened.ok().map(|()| text)
    }
}

/// Encapsulated key and ciphertext for the holder of `public`; `None` if that is a point of low order, to which nothing can be
/// sealed. The ephemeral key is derived from the next 32 bytes of `rng`.
#[must_use]
pub fn seal(
    public: &[u8; KEY_BYTES],
    info: &[u8],
    aad: &[u8],
    plaintext: &[u8],
    rng: &mut impl CryptoRngCore,
) -> Option<Vec<u8>> {
    let public = Public::from_bytes(public).ok()?;
    let mut text = Zeroizing::new(plaintext.to_vec());
    let (encapsulated, tag) = hpke::single_shot_seal_in_place_detached::<ChaCha20Poly1305, HkdfSha256, Dhkem, _>(
        &OpModeS::Base,
        &public,
        info,
        &mut text,
        aad,
        &mut Source(rng),
    )
    .ok()?;
    Some([&encapsulated.to_bytes()[..], &text, &tag.to_bytes()].concat())
}

/// A source of rand_core 0.6 as one of 0.9, which crate `hpke` asks for.
pub(crate) struct Source<'a, R>(pub(crate) &'a mut R);

impl<R: CryptoRngCore> hpke::rand_core::RngCore for Source<'_, R> {
    fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}

impl<R: CryptoRngCore> hpke::rand_core::CryptoRng for Source<'_, R> {}
