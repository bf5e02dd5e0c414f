//! DHKEM(X25519, HKDF-SHA256) of RFC 9180, section 4.1, for crate `hpke`. Its own derives the public key of a secret key anew
//! with every message, which is a fifth of the time that a message takes; a secret key of this one comes with its public key.

use hpke::generic_array::typenum::U32;
use hpke::kdf::{HkdfSha256, LabeledExpand, extract_and_expand, labeled_extract};
use hpke::kem::SharedSecret;
use hpke::rand_core::{CryptoRng, RngCore};
use hpke::{Deserializable, HpkeError, Kem, Serializable};
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

const KEM_ID: u16 = 0x20;
const SUITE: [u8; 5] = [b'K', b'E', b'M', 0, KEM_ID as u8];

/// Bytes of a key.
const BYTES: usize = 32;

/// The mechanism, with one sender and one receiver: it knows no authenticated modes.
pub(crate) struct Dhkem;

/// A public key; an encapsulated key is one too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Public(PublicKey);

/// A secret key with its public key. Wiped when dropped.
#[derive(Clone)]
pub(crate) struct Secret {
    secret: StaticSecret,
    public: Public,
}

impl Secret {
    fn new(bytes: [u8; BYTES]) -> Self {
        let secret = StaticSecret::from(bytes);
        let public = Public(PublicKey::from(&secret));
        Self { secret, public }
    }

    /// The public key (RFC 7748).
    pub(crate) fn public(&self) -> &[u8; BYTES] {
        self.public.0.as_bytes()
    }

    /// What both sides hash; nothing for a public key of low order (RFC 9180, section 7.1.4).
    fn shared_with(&self, other: &Public, encapsulated: &Public, receiver: &Public) -> Option<SharedSecret<Dhkem>> {
        let dh = self.secret.diffie_hellman(&other.0);
        if !dh.was_contributory() {
            return None;
        }
        let context = [encapsulated.0.to_bytes(), receiver.0.to_bytes()];
        let mut shared = SharedSecret::default();
        extract_and_expand::<HkdfSha256>(dh.as_bytes(), &SUITE, context.as_flattened(), &mut shared.0).ok()?;
        Some(shared)
    }
}

/// Secret keys are the same if their public keys are.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.public == other.public
    }
}

impl Eq for Secret {}

impl Serializable for Public {
    type OutputSize = U32;

    fn write_exact(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(self.0.as_bytes());
    }
}

impl Deserializable for Public {
    fn from_bytes(encoded: &[u8]) -> Result<Self, HpkeError> {
        read(encoded).map(|bytes| Self(PublicKey::from(bytes)))
    }
}

impl Serializable for Secret {
    type OutputSize = U32;

    fn write_exact(&self, buffer: &mut [u8]) {
        buffer.copy_from_slice(self.secret.as_bytes());
    }
}

impl Deserializable for Secret {
    fn from_bytes(encoded: &[u8]) -> Result<Self, HpkeError> {
        read(encoded).map(Self::new)
    }
}

fn read(encoded: &[u8]) -> Result<[u8; BYTES], HpkeError> {
    encoded.try_into().map_err(|_| HpkeError::IncorrectInputLength(BYTES, encoded.len()))
}

impl Kem for Dhkem {
    type PublicKey = Public;
    type PrivateKey = Secret;
    type EncappedKey = Public;
    type NSecret = U32;

    const KEM_ID: u16 = KEM_ID;

    fn sk_to_pk(secret: &Secret) -> Public {
        secret.public.clone()
    }

    fn derive_keypair(material: &[u8]) -> (Secret, Public) {
        let mut bytes = Zeroizing::new([0; BYTES]);
        let (_, expander) = labeled_extract::<HkdfSha256>(&[], &SUITE, b"dkp_prk", material);
        expander.labeled_expand(&SUITE, b"sk", &[], &mut *bytes).expect("HKDF gives up to 8,160 bytes");
        let secret = Secret::new(*bytes);
        let public = secret.public.clone();
        (secret, public)
    }

    fn encap<R: CryptoRng + RngCore>(
        receiver: &Public,
        sender: Option<(&Secret, &Public)>,
        rng: &mut R,
    ) -> Result<(SharedSecret<Self>, Public), HpkeError> {
        let (ephemeral, encapsulated) = Self::gen_keypair(rng);
        let shared = ephemeral.shared_with(receiver, &encapsulated, receiver).filter(|_| sender.is_none());
        Ok((shared.ok_or(HpkeError::EncapError)?, encapsulated))
    }

    fn decap(secret: &Secret, sender: Option<&Public>, encapsulated: &Public) -> Result<SharedSecret<Self>, HpkeError> {
        let shared = secret.shared_with(encapsulated, encapsulated, &secret.public).filter(|_| sender.is_none());
        shared.ok_or(HpkeError::DecapError)
    }
}

#[cfg(test)]
mod tests {
    use hpke::kem::X25519HkdfSha256;
    use hpke::{Deserializable, HpkeError, Kem, Serializable};

    use super::{Dhkem, Public, Secret};
    use crate::simulated::SeedStream;
    use crate::transport::Source;

    fn stream(seed: u8) -> SeedStream {
        SeedStream::new([1; 32], &[seed; 32])
    }

    #[test]
    fn it_is_the_mechanism_of_crate_hpke() {
        type Theirs = X25519HkdfSha256;
        for seed in 0..8 {
            let (ours, theirs) = (Dhkem::derive_keypair(&[seed; 32]), Theirs::derive_keypair(&[seed; 32]));
            assert_eq!(theirs.0.to_bytes(), ours.0.to_bytes());
            assert_eq!(theirs.1.to_bytes(), ours.1.to_bytes());
            assert!(Secret::from_bytes(&ours.0.to_bytes()).is_ok_and(|secret| secret == ours.0));
            let (mut one, mut other) = (stream(seed), stream(seed));
            let (shared, encapsulated) = Dhkem::encap(&ours.1, None, &mut Source(&mut one)).ok().unwrap();
            let expected = Theirs::encap(&theirs.1, None, &mut Source(&mut other)).ok().unwrap();
            assert_eq!(expected.0.0, shared.0);
            assert_eq!(expected.1.to_bytes(), encapsulated.to_bytes());
            assert_eq!(shared.0, Dhkem::decap(&ours.0, None, &encapsulated).ok().unwrap().0);
        }
    }

    #[test]
    fn what_it_refuses() {
        let (secret, public) = Dhkem::derive_keypair(&[7; 32]);
        let low = Public::from_bytes(&[0; 32]).unwrap();
        let encap = |to: &Public, sender| Dhkem::encap(to, sender, &mut Source(&mut stream(0))).err();
        assert_eq!(Some(HpkeError::EncapError), encap(&low, None));
        assert_eq!(Some(HpkeError::DecapError), Dhkem::decap(&secret, None, &low).err());
        assert_eq!(Some(HpkeError::EncapError), encap(&public, Some((&secret, &public))));
        assert_eq!(Some(HpkeError::DecapError), Dhkem::decap(&secret, Some(&public), &public).err());
        for length in [0, 31, 33] {
            assert_eq!(Err(HpkeError::IncorrectInputLength(32, length)), Public::from_bytes(&vec![1; length]));
            assert!(Secret::from_bytes(&vec![1; length]).is_err());
        }
    }
}
