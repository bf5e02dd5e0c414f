//! Mask keys on secp256k1 (PROTOCOL.md section 5, E8).
//!
//! The secret is used by reference, copied only to be shared, and wiped when dropped: no `Debug`, no `Clone`, no bytes.

use k256::ecdsa::SigningKey;
use k256::elliptic_curve::ops::Reduce;
use k256::elliptic_curve::sec1::{FromEncodedPoint, ToEncodedPoint};
use k256::{AffinePoint, EncodedPoint, ProjectivePoint, Scalar, SecretKey, U256};
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use crate::digest::{Address, Hash, domain, keccak256, uint256};
use crate::error::{Error, Result};
use crate::msm::Point;
use crate::secret::SecretScalar;

const SEED_DOMAIN: [u8; 32] = domain("omnilytics/simulated-key/1");

/// The public half of a mask key, as it was given: x and whether y is odd. Not necessarily a point of the curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicMaskKey {
    /// x, big-endian.
    pub x: [u8; 32],
    /// The parity of y.
    pub odd: bool,
}

/// A recoverable ECDSA signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySignature {
    /// 27 or 28.
    pub v: u8,
    /// r, big-endian.
    pub r: [u8; 32],
    /// s, big-endian.
    pub s: [u8; 32],
}

/// A secret mask key, fresh for each registration.
pub struct MaskKey {
    secret: SecretKey,
    public: PublicMaskKey,
    address: Address,
}

impl MaskKey {
    /// A new key from a cryptographically secure source.
    pub fn generate(rng: &mut impl CryptoRngCore) -> Self {
        loop {
            if let Some(key) = Self::new(SecretKey::random(rng)) {
                return key;
            }
        }
    }

    /// The key that simulations draw from 32 bytes: the first of `keccak256(DOM("omnilytics/simulated-key/1") || seed || i)`,
    /// i = 0, 1, ... as 32 bytes, that is a legal key. As secret as the seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let mut attempt = 0;
        loop {
            let bytes = Zeroizing::new(keccak256(&[&SEED_DOMAIN, seed, &uint256(attempt)]));
            if let Ok(key) = Self::from_bytes(&bytes) {
                return key;
            }
            attempt = attempt.wrapping_add(1);
        }
    }

    /// The key with this scalar, big-endian.
    ///
    /// # Errors
    /// [`Error::SecretKey`] unless `0 < sk < n`, in 32 bytes, with `x < n` for its point.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self> {
        let secret = SecretKey::from_slice(bytes).map_err(|_| Error::SecretKey { given: bytes.len() })?;
        Self::new(secret).ok_or(Error::SecretKey { given: bytes.len() })
    }

    fn new(secret: SecretKey) -> Option<Self> {
        let point = secret.public_key().to_encoded_point(false);
        let public = PublicMaskKey { x: (*point.x()?).into(), odd: point.y()?.last()? & 1 == 1 };
        is_below_order(&public.x).then_some(Self { secret, public, address: address_of(&point) })
    }

    /// The key of a secret that became known, if it is that of `public`. `place` is its owner's.
    ///
    /// # Errors
    /// [`Error::NotTheSecret`], [`Error::PublicKey`].
    pub(crate) fn of_secret(secret: &SecretScalar, public: &PublicMaskKey, place: usize) -> Result<Self> {
        let expected = public.address(place)?;
        match Self::from_bytes(&secret.to_bytes()) {
            Ok(key) if key.public == *public => Ok(key),
            _ => {
                let (expected, given) = (hexadecimal(&expected), hexadecimal(&secret.address()));
                Err(Error::NotTheSecret { expected, given })
            }
        }
    }

    /// x and parity of `PK = sk G`.
    #[must_use]
    pub fn public(&self) -> &PublicMaskKey {
        &self.public
    }

    /// `addr(PK)`.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Signs a digest (RFC 6979, low s).
    ///
    /// # Errors
    /// [`Error::Signature`] when the nonce's x isn't below n (probability below 2^-127).
    pub fn sign(&self, digest: &Hash) -> Result<KeySignature> {
        let failed = |_| Error::Signature { given: u8::MAX };
        let signer = SigningKey::from(&self.secret);
        let (signature, recovery) = signer.sign_prehash_recoverable(digest).map_err(failed)?;
        if recovery.is_x_reduced() {
            return Err(Error::Signature { given: recovery.to_byte() });
        }
        let (r, s) = signature.split_bytes();
        Ok(KeySignature { v: 27 + u8::from(recovery.is_y_odd()), r: r.into(), s: s.into() })
    }

    /// sk, to be shared (E31).
    pub(crate) fn shared_secret(&self) -> SecretScalar {
        SecretScalar::of_key(&self.secret)
    }

    /// `addr(sk PK)`, what a pair of members share. `place` is the peer's, for the error.
    ///
    /// # Errors
    /// [`Error::PublicKey`] when the peer's key isn't a point with `0 < x < n`.
    pub fn pair_address(&self, peer: &PublicMaskKey, place: usize) -> Result<Zeroizing<Address>> {
        Ok(self.shared_address(&peer.point(place)?.into()))
    }

    /// `addr(sk P)`.
    pub(crate) fn shared_address(&self, peer: &ProjectivePoint) -> Zeroizing<Address> {
        let secret = Zeroizing::new(*self.secret.to_nonzero_scalar());
        let shared = Zeroizing::new(*peer * *secret);
        Zeroizing::new(address_of(&shared.to_affine().to_encoded_point(false)))
    }
}

impl PublicMaskKey {
    /// The point. `place` is its owner's, for the error.
    ///
    /// # Errors
    /// [`Error::PublicKey`] when there is no point with that x, or not `0 < x < n`.
    pub fn point(&self, place: usize) -> Result<AffinePoint> {
        let legal = self.x != [0; 32] && is_below_order(&self.x);
        let encoded = EncodedPoint::from_bytes(self.compressed()).ok().filter(|_| legal);
        let point = encoded.and_then(|encoded| AffinePoint::from_encoded_point(&encoded).into_option());
        point.ok_or_else(|| self.refused(place))
    }

    fn compressed(&self) -> [u8; 33] {
        let mut bytes = [2 + u8::from(self.odd); 33];
        bytes[1..].copy_from_slice(&self.x);
        bytes
    }

    /// The point as the checks of dealings take it.
    pub(crate) fn coordinates(&self, place: usize) -> Result<Point> {
        Point::from_affine(&self.point(place)?).ok_or_else(|| self.refused(place))
    }

    fn refused(&self, place: usize) -> Error {
        Error::PublicKey { place, x: hexadecimal(&self.x) }
    }

    /// The address of the point. `place` is its owner's, for the error.
    ///
    /// # Errors
    /// [`Error::PublicKey`] when there is no point with that x, or not `0 < x < n`.
    pub fn address(&self, place: usize) -> Result<Address> {
        Ok(address_of(&self.point(place)?.to_encoded_point(false)))
    }
}

/// Bytes as 0x and lower-case hexadecimal digits.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}

fn is_below_order(x: &[u8; 32]) -> bool {
    let reduced = <Scalar as Reduce<U256>>::reduce_bytes(x.into());
    *reduced.to_bytes() == *x
}

pub(crate) fn address_of(point: &EncodedPoint) -> Address {
    let mut address = [0; 20];
    let hash = Zeroizing::new(keccak256(&[&point.as_bytes()[1..]]));
    address.copy_from_slice(&hash[12..]);
    address
}
