//! Secret scalars of secp256k1: shares and what is shared.
//!
//! Wiped when dropped; no `Debug`, no `Clone`. k256's arithmetic takes the same time whatever the scalar is.

use k256::elliptic_curve::PrimeField;
use k256::elliptic_curve::ops::MulByGenerator;
use k256::elliptic_curve::sec1::ToEncodedPoint;
use k256::{ProjectivePoint, Scalar, SecretKey};
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use crate::digest::Address;
use crate::keys::address_of;

/// A secret scalar s, 0 < s < n: `s G` has an address.
///
/// ```compile_fail,E0277
/// # fn shown(secret: omnilytics_core::secret::SecretScalar) {
/// println!("{secret:?}");
/// # }
/// ```
/// ```compile_fail,E0599
/// # fn copied(secret: omnilytics_core::secret::SecretScalar) {
/// let copy = secret.clone();
/// # }
/// ```
pub struct SecretScalar(Zeroizing<Scalar>);

impl SecretScalar {
    /// A scalar from a cryptographically secure source.
    pub fn generate(rng: &mut impl CryptoRngCore) -> Self {
        loop {
            if let Some(secret) = Self::new(*uniform(rng)) {
                return secret;
            }
        }
    }

    /// The scalar, big-endian; `None` unless it is from 1 to n - 1.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        Scalar::from_repr((*bytes).into()).into_option().and_then(Self::new)
    }

    /// The scalar of a key.
    pub(crate) fn of_key(key: &SecretKey) -> Self {
        Self(Zeroizing::new(*key.to_nonzero_scalar()))
    }

    /// `None` for 0.
    pub(crate) fn new(scalar: Scalar) -> Option<Self> {
        let secret = Zeroizing::new(scalar);
        (!bool::from(secret.is_zero())).then_some(Self(secret))
    }

    /// 32 bytes, big-endian: what is sealed to a holder, or revealed when its time has come.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes().into())
    }

    /// `addr(s G)`.
    #[must_use]
    pub fn address(&self) -> Address {
        address_of(&self.point().to_affine().to_encoded_point(false))
    }

    /// `s G`.
    #[must_use]
    pub fn point(&self) -> ProjectivePoint {
        ProjectivePoint::mul_by_generator(&self.0)
    }

    pub(crate) fn scalar(&self) -> &Scalar {
        &self.0
    }
}

/// A scalar from 0 to n - 1, each as likely: 32 bytes, big-endian, drawn again while they are n or more.
pub(crate) fn uniform(rng: &mut impl CryptoRngCore) -> Zeroizing<Scalar> {
    loop {
        let mut bytes = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *bytes);
        if let Some(scalar) = Scalar::from_repr((*bytes).into()).into_option() {
            return Zeroizing::new(scalar);
        }
    }
}
