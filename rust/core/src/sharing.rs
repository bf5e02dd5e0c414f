//! A dealer's shares as it publishes them: points, addresses, ciphertexts (PROTOCOL.md section 5, E31-E33).

use k256::elliptic_curve::point::BatchNormalize;
use k256::elliptic_curve::sec1::ToEncodedPoint;
use k256::{AffinePoint, ProjectivePoint};
use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use crate::digest::{Address, Hash, abi_address, domain, uint256};
use crate::error::Objection;
use crate::keccak;
use crate::msm::Point;
use crate::secret::SecretScalar;
use crate::shamir::Polynomial;
use crate::transport::{KEY_BYTES, TAG_BYTES};

pub use crate::error::Shared;
pub use crate::msm::POINT_BYTES;

/// Bytes of an address.
pub const ADDRESS_BYTES: usize = 20;
/// Bytes of a holder's two shares of one dealer.
pub const PAIR_BYTES: usize = 64;
/// Bytes of a holder's place in `sealed`.
pub const SEALED_BYTES: usize = KEY_BYTES + PAIR_BYTES + TAG_BYTES;

/// What a dealer publishes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dealing {
    /// E32: 64 bytes for each of 2N - 1 points.
    pub points: Vec<u8>,
    /// E33: 112 bytes for each of N - 1 holders.
    pub sealed: Vec<u8>,
    /// The hash of the points' addresses, as the contract has it.
    pub root: Hash,
}

impl Dealing {
    /// The points, if they and the ciphertexts are as many as `members` make them, and each is on the curve.
    pub(crate) fn read(&self, members: usize, dealer: usize) -> Result<SharePoints, Objection> {
        let (expected, given) = (members.saturating_sub(1).saturating_mul(SEALED_BYTES), self.sealed.len());
        if expected != given {
            return Err(Objection::Sealed { expected, given });
        }
        let (expected, given) = ((2 * members).saturating_sub(1).saturating_mul(POINT_BYTES), self.points.len());
        if expected != given {
            return Err(Objection::Points { expected, given });
        }
        let read = |(index, bytes)| Point::from_bytes(bytes).ok_or(Objection::OffCurve { index });
        let points = self.points.as_chunks().0.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(SharePoints { dealer, points })
    }

    /// The ciphertext of a holder; nothing where there is none.
    pub(crate) fn sealed_to(&self, dealer: usize, holder: usize) -> &[u8] {
        self.sealed.chunks(SEALED_BYTES).nth(holder_index(dealer, holder)).unwrap_or_default()
    }
}

/// A holder's two shares of one dealer, of which it may release one. Wiped when dropped.
///
/// Each accessor takes the pair away, so that nobody can have both:
/// ```compile_fail,E0382
/// # fn both(pair: omnilytics_core::sharing::SharePair) {
/// let key = pair.mask_key();
/// let self_mask = pair.self_mask();
/// # }
/// ```
pub struct SharePair {
    mask_key: SecretScalar,
    self_mask: SecretScalar,
}

impl SharePair {
    /// The share of sk, for a dealer that has dropped out.
    #[must_use]
    pub fn mask_key(self) -> SecretScalar {
        self.mask_key
    }

    /// The share of b, for a dealer that has uploaded.
    #[must_use]
    pub fn self_mask(self) -> SecretScalar {
        self.self_mask
    }

    /// `G` times the two shares.
    pub(crate) fn points(&self) -> [ProjectivePoint; 2] {
        [self.mask_key.point(), self.self_mask.point()]
    }

    pub(crate) fn scalars(&self) -> [&SecretScalar; 2] {
        [&self.mask_key, &self.self_mask]
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (mask_key, self_mask) = bytes.split_at_checked(PAIR_BYTES / 2)?;
        let read = |bytes: &[u8]| SecretScalar::from_bytes(bytes.try_into().ok()?);
        Some(Self { mask_key: read(mask_key)?, self_mask: read(self_mask)? })
    }

    pub(crate) fn to_bytes(&self) -> Zeroizing<[u8; PAIR_BYTES]> {
        let mut bytes = Zeroizing::new([0; PAIR_BYTES]);
        let (first, second) = bytes.split_at_mut(PAIR_BYTES / 2);
        first.copy_from_slice(&*self.mask_key.to_bytes());
        second.copy_from_slice(&*self.self_mask.to_bytes());
        bytes
    }
}

/// The pairs of f and g at every other place in order, and E32's points. Drawn again while a share is 0 (E31).
pub(crate) fn deal(
    secrets: [&SecretScalar; 2],
    threshold: usize,
    members: usize,
    dealer: usize,
    rng: &mut impl CryptoRngCore,
) -> (Vec<SharePair>, Vec<u8>) {
    let pairs = loop {
        let [f, g] = secrets.map(|secret| Polynomial::random(secret, threshold, rng));
        let pair = |place: usize| {
            let id = place as u64 + 1;
            Some(SharePair { mask_key: f.share(id)?, self_mask: g.share(id)? })
        };
        if let Some(pairs) = holders(members, dealer).map(pair).collect::<Option<Vec<_>>>() {
            break pairs;
        }
    };
    let mut points = vec![secrets[1].point()];
    points.extend(pairs.iter().flat_map(SharePair::points));
    let points = <ProjectivePoint as BatchNormalize<[ProjectivePoint]>>::batch_normalize(&points);
    (pairs, points.iter().flat_map(coordinates).collect())
}

/// The places that hold shares of a dealer, in order.
pub(crate) fn holders(members: usize, dealer: usize) -> impl Iterator<Item = usize> + Clone {
    (0..members).filter(move |place| *place != dealer)
}

/// The index of a holder among those of a dealer.
pub(crate) fn holder_index(dealer: usize, holder: usize) -> usize {
    if holder < dealer { holder } else { holder.saturating_sub(1) }
}

/// x || y.
pub(crate) fn coordinates(point: &AffinePoint) -> [u8; POINT_BYTES] {
    let mut bytes = [0; POINT_BYTES];
    bytes.copy_from_slice(&point.to_encoded_point(false).as_bytes()[1..]);
    bytes
}

/// The addresses of points (E32), 20 bytes each.
#[must_use]
pub fn share_addresses(points: &[[u8; POINT_BYTES]]) -> Vec<u8> {
    let points: Vec<&[u8]> = points.iter().map(<[u8; POINT_BYTES]>::as_slice).collect();
    let mut addresses = Vec::with_capacity(points.len() * ADDRESS_BYTES);
    keccak::hashes(&points).iter().for_each(|hash| addresses.extend_from_slice(&hash[32 - ADDRESS_BYTES..]));
    addresses
}

/// The points of a dealing, each of them on the curve.
pub(crate) struct SharePoints {
    pub(crate) dealer: usize,
    points: Vec<Point>,
}

impl SharePoints {
    /// B.
    pub(crate) fn self_mask(&self) -> Point {
        self.points[0]
    }

    /// The points of a holder's two shares.
    pub(crate) fn of(&self, holder: usize) -> [Point; 2] {
        let index = 2 * holder_index(self.dealer, holder);
        [self.points[1 + index], self.points[2 + index]]
    }
}

/// Everything but dealer and holder that a ciphertext is bound to (E33).
#[derive(Clone, Copy, Debug)]
pub(crate) struct SealScope {
    pub(crate) chain_id: u64,
    pub(crate) session: Address,
    pub(crate) group: u64,
    pub(crate) model_hash: Hash,
    /// E9 over all keys of the group.
    pub(crate) keys_hash: Hash,
}

impl SealScope {
    /// HPKE's info.
    pub(crate) fn info(&self, dealer: usize, holder: usize) -> [u8; 256] {
        const DOMAIN: [u8; 32] = domain("omnilytics/share/1");
        let words = [
            DOMAIN,
            uint256(self.chain_id),
            abi_address(&self.session),
            uint256(self.group),
            self.model_hash,
            self.keys_hash,
            uint256(dealer as u64),
            uint256(holder as u64),
        ];
        let mut info = [0; 256];
        info.copy_from_slice(words.as_flattened());
        info
    }
}
