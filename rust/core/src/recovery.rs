//! A member's steps under policy `recover` (PROTOCOL.md sections 5 and 6), each of which takes the one before away:
//! [`Keyed`] -> [`Dealt`] -> [`Checked`] -> [`Masked`] -> [`Revealing`].
//!
//! Steps out of order don't compile:
//! ```compile_fail,E0382
//! # use omnilytics_core::{params::Suite, recovery::Checked};
//! # fn twice(checked: Checked) {
//! let (masked, masker) = checked.masker(Suite::Keccak);
//! let again = checked.masker(Suite::Keccak);
//! # }
//! ```
//! ```compile_fail,E0599
//! # use omnilytics_core::{places::Places, recovery::Checked};
//! # fn early(checked: Checked) {
//! checked.reveal(Places::all(4));
//! # }
//! ```
//! ```compile_fail,E0382
//! # use omnilytics_core::{places::Places, recovery::Masked};
//! # fn for_two_sets(masked: Masked) {
//! let one = masked.reveal(Places::all(3));
//! let other = masked.reveal(Places::all(4));
//! # }
//! ```
//! No state and no secret can be copied or shown:
//! ```compile_fail,E0599
//! # fn copied(state: omnilytics_core::recovery::Masked) {
//! let copy = state.clone();
//! # }
//! ```
//! ```compile_fail,E0277
//! # fn shown(secrets: omnilytics_core::recovery::MemberSecrets) {
//! println!("{secrets:?}");
//! # }
//! ```
//! ```compile_fail,E0277
//! # fn shown(key: omnilytics_core::transport::TransportKey) {
//! println!("{key:?}");
//! # }
//! ```
//! Sources: K. Bonawitz et al., "Practical secure aggregation for privacy-preserving machine learning", CCS 2017; what the
//! server does there a contract does here.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand_core::CryptoRngCore;
use zeroize::Zeroizing;

use crate::checks::{Opened, Receiver};
use crate::digest::{domain, keccak256, set_hash_of};
use crate::error::{Error, Objection, Result, in_range, same_length};
use crate::keccak;
use crate::keys::{MaskKey, hexadecimal};
use crate::mask::{GroupContext, Masker, PairSeed, check_group, recovery_seeds};
use crate::msm::Point;
use crate::params::Suite;
use crate::places::{MAX_PLACES, Places};
use crate::secret::SecretScalar;
use crate::sharing::{Dealing, SEALED_BYTES, SealScope, SharePair, deal, holders, share_addresses};
use crate::simulated::SeedStream;
use crate::transport::{KEY_BYTES, TransportKey, seal};

/// The secrets of a member for one session: mask key sk, transport key, self-mask secret b.
pub struct MemberSecrets {
    key: Arc<MaskKey>,
    transport: TransportKey,
    self_mask: SecretScalar,
}

impl MemberSecrets {
    /// New secrets from a cryptographically secure source.
    pub fn generate(rng: &mut impl CryptoRngCore) -> Self {
        let (key, transport) = (MaskKey::generate(rng), TransportKey::generate(rng));
        Self::new(key, transport, SecretScalar::generate(rng))
    }

    /// The secrets that simulations draw from 32 bytes: the key of [`MaskKey::from_seed`], b the first legal scalar of
    /// `keccak256(DOM("omnilytics/simulated-mask/1") || seed || i)`, the transport key derived from
    /// `keccak256(DOM("omnilytics/simulated-transport/1") || seed)`. As secret as the seed.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        const SELF_MASK: [u8; 32] = domain("omnilytics/simulated-mask/1");
        const TRANSPORT: [u8; 32] = domain("omnilytics/simulated-transport/1");
        let ikm = Zeroizing::new(keccak256(&[&TRANSPORT, seed]));
        let self_mask = SecretScalar::generate(&mut SeedStream::new(SELF_MASK, seed));
        Self::new(MaskKey::from_seed(seed), TransportKey::derive(&ikm), self_mask)
    }

    /// These secrets.
    #[must_use]
    pub fn new(key: MaskKey, transport: TransportKey, self_mask: SecretScalar) -> Self {
        Self { key: Arc::new(key), transport, self_mask }
    }

    /// The mask key.
    #[must_use]
    pub fn key(&self) -> &Arc<MaskKey> {
        &self.key
    }

    /// The public transport key.
    #[must_use]
    pub fn transport(&self) -> &[u8; KEY_BYTES] {
        self.transport.public()
    }
}

/// Randomness of a simulated dealing: the polynomials' coefficients, then what the ephemeral keys are derived from.
#[must_use]
pub fn simulated_dealing(seed: &[u8; 32]) -> SeedStream {
    const DOMAIN: [u8; 32] = domain("omnilytics/simulated-dealing/1");
    SeedStream::new(DOMAIN, seed)
}

/// A step that couldn't be made, and the state that it was to be made from.
pub struct Refused<State> {
    /// As it was.
    pub state: State,
    /// Why.
    pub error: Error,
}

/// The state after a step, or the one before.
pub type Step<After, Before> = std::result::Result<After, Box<Refused<Before>>>;

/// One member of one group.
struct Member {
    secrets: Arc<MemberSecrets>,
    context: GroupContext,
    keys: Vec<Point>,
    transports: Vec<[u8; KEY_BYTES]>,
    threshold: usize,
}

impl Member {
    fn members(&self) -> usize {
        self.keys.len()
    }

    fn seal_scope(&self) -> SealScope {
        let GroupContext { chain_id, session, group, model_hash, ref peers, .. } = self.context;
        SealScope { chain_id, session, group, model_hash, keys_hash: set_hash_of(peers, &Places::all(peers.len())) }
    }
}

/// A member that knows the keys of its group.
pub struct Keyed(Box<Member>);

impl Keyed {
    /// A member of a group; `transports` are those of all members in place order, T is `threshold`.
    ///
    /// # Errors
    /// [`Error::Length`], [`Error::OutOfRange`] for threshold or place, [`Error::NotOwnKey`], [`Error::NotOwnTransport`],
    /// [`Error::DuplicateKey`], [`Error::PublicKey`].
    pub fn new(
        secrets: Arc<MemberSecrets>,
        threshold: usize,
        context: GroupContext,
        transports: Vec<[u8; KEY_BYTES]>,
    ) -> Result<Self> {
        let members = in_range("members", 2, MAX_PLACES as u64, context.peers.len() as u64)?;
        in_range("threshold", 2, members, threshold as u64)?;
        same_length("transport keys of the group", context.peers.len(), transports.len())?;
        check_group(members, &secrets.key, &context)?;
        let (expected, given) = (secrets.transport(), &transports[context.place]);
        if expected != given {
            let (expected, given) = (hexadecimal(expected), hexadecimal(given));
            return Err(Error::NotOwnTransport { place: context.place, expected, given });
        }
        let keys =
            context.peers.iter().enumerate().map(|(place, key)| key.coordinates(place)).collect::<Result<_>>()?;
        Ok(Self(Box::new(Member { secrets, context, keys, transports, threshold })))
    }

    /// Shares both secrets with the group (E31-E33).
    pub fn deal(self, rng: &mut impl CryptoRngCore) -> (Dealt, Dealing) {
        let member = self.0;
        let (members, own) = (member.members(), member.context.place);
        let mask_key = member.secrets.key.shared_secret();
        let (pairs, points) = deal([&mask_key, &member.secrets.self_mask], member.threshold, members, own, rng);
        let (scope, aad) = (member.seal_scope(), keccak256(&[&points]));
        let mut sealed = Vec::with_capacity(pairs.len().saturating_mul(SEALED_BYTES));
        for (holder, pair) in holders(members, own).zip(&pairs) {
            let ciphertext = seal(&member.transports[holder], &scope.info(own, holder), &aad, &*pair.to_bytes(), rng);
            sealed.extend(ciphertext.unwrap_or_else(|| vec![0; SEALED_BYTES]));
        }
        let addresses = share_addresses(points.as_chunks().0);
        let root = keccak256(&[&addresses]);
        (Dealt { member, addresses }, Dealing { points, sealed, root })
    }
}

/// A member that has shared.
pub struct Dealt {
    member: Box<Member>,
    addresses: Vec<u8>,
}

/// What a member found in the dealings of its group.
pub enum Received {
    /// Nothing against them.
    Accepted(Checked),
    /// Whom it objects to, by place, and why: its group is to be dissolved.
    Objections(BTreeMap<usize, Objection>),
}

impl Dealt {
    /// Opens and checks the dealings of the other sharers, by place; they and the member are S. `rng` chooses what is
    /// checked and must be secret from the dealers.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for a place, the member's own included, or for fewer than T sharers.
    pub fn receive(self, dealings: &BTreeMap<usize, Dealing>, rng: &mut impl CryptoRngCore) -> Step<Received, Self> {
        let Self { member, addresses } = self;
        let own = member.context.place;
        let sharers: Places = dealings.keys().copied().chain([own]).collect();
        if let Err(error) = check_sharers(&member, dealings) {
            return Err(Box::new(Refused { state: Self { member, addresses }, error }));
        }
        let (opened, mut objections) = open_all(&member, dealings);
        let receiver = Receiver { members: member.members(), place: own, threshold: member.threshold };
        for (dealer, objection) in receiver.objections(&opened, rng) {
            objections.entry(dealer).or_insert(objection);
        }
        if !objections.is_empty() {
            return Ok(Received::Objections(objections));
        }
        let held = opened.into_iter().map(|dealing| (dealing.points.dealer, dealing.pair)).collect();
        Ok(Received::Accepted(Checked { member, addresses, sharers, held }))
    }
}

fn check_sharers(member: &Member, dealings: &BTreeMap<usize, Dealing>) -> Result<()> {
    let members = member.members() as u64;
    for &place in dealings.keys() {
        in_range("place of a dealer", 0, members.saturating_sub(1), place as u64)?;
        if place == member.context.place {
            return Err(Error::OwnDealing { place });
        }
    }
    in_range("sharers", member.threshold as u64, members, dealings.len() as u64 + 1)?;
    Ok(())
}

/// The dealings that open, and what is to be said against the others.
fn open_all(member: &Member, dealings: &BTreeMap<usize, Dealing>) -> (Vec<Opened>, BTreeMap<usize, Objection>) {
    let (mut read, mut objections) = (Vec::new(), BTreeMap::new());
    for (&dealer, dealing) in dealings {
        match dealing.read(member.members(), dealer) {
            Ok(points) => read.push((dealing, points)),
            Err(objection) => drop(objections.insert(dealer, objection)),
        }
    }
    let addresses: Vec<Vec<u8>> =
        read.iter().map(|(dealing, _)| share_addresses(dealing.points.as_chunks().0)).collect();
    let roots = keccak::hashes(&addresses.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let contexts = keccak::hashes(&read.iter().map(|(dealing, _)| dealing.points.as_slice()).collect::<Vec<_>>());
    let (scope, own, mut opened) = (member.seal_scope(), member.context.place, Vec::with_capacity(read.len()));
    for (((dealing, points), root), aad) in read.into_iter().zip(roots).zip(contexts) {
        let dealer = points.dealer;
        let pair = if root == dealing.root {
            let text = member.secrets.transport.open(dealing.sealed_to(dealer, own), &scope.info(dealer, own), &aad);
            text.ok_or(Objection::Unopened).and_then(|text| SharePair::from_bytes(&text).ok_or(Objection::NotScalars))
        } else {
            Err(Objection::Root { expected: hexadecimal(&dealing.root), given: hexadecimal(&root) })
        };
        match pair {
            Ok(pair) => opened.push(Opened { points, pair, key: member.keys[dealer] }),
            Err(objection) => drop(objections.insert(dealer, objection)),
        }
    }
    (opened, objections)
}

/// A member that has nothing against the dealings of S.
pub struct Checked {
    member: Box<Member>,
    addresses: Vec<u8>,
    sharers: Places,
    held: BTreeMap<usize, SharePair>,
}

impl Checked {
    /// The member's mask (E35), once: a second plaintext under one mask would give both away.
    #[must_use]
    pub fn masker(self, suite: Suite) -> (Masked, Masker) {
        let (masked, seeds) = self.seeds();
        (masked, Masker::from_seeds(suite, &seeds))
    }

    /// The seeds of the member's mask (E35), once likewise: what is masked elsewhere.
    #[must_use]
    pub fn seeds(self) -> (Masked, Vec<PairSeed>) {
        let Member { secrets, context, keys, .. } = &*self.member;
        let seeds = recovery_seeds(&secrets.key, &secrets.self_mask, context, keys, &self.sharers);
        (Masked(self), seeds)
    }
}

/// A member that has masked its words.
pub struct Masked(Checked);

impl Masked {
    /// Takes U for given (PROTOCOL.md section 6): from now on the member's shares of sk of dealers in S but not in U may be
    /// had, and those of b of dealers in U, and no others.
    ///
    /// # Errors
    /// [`Error::NotDelivered`] if the member itself isn't in U, [`Error::OutOfRange`] for fewer than T members or a place
    /// outside S.
    pub fn reveal(self, delivered: Places) -> Step<Revealing, Self> {
        if let Err(error) = check_delivered(&self.0, &delivered) {
            return Err(Box::new(Refused { state: self, error }));
        }
        let Checked { member, addresses, held, .. } = self.0;
        let (mut dropped, mut lent) = (BTreeMap::new(), BTreeMap::new());
        for (place, pair) in held {
            if delivered.contains(place) {
                lent.insert(place, pair.self_mask());
            } else {
                dropped.insert(place, pair.mask_key());
            }
        }
        Ok(Revealing { secrets: member.secrets.clone(), addresses, delivered, dropped, lent })
    }
}

fn check_delivered(checked: &Checked, delivered: &Places) -> Result<()> {
    let place = checked.member.context.place;
    if !delivered.contains(place) {
        return Err(Error::NotDelivered { place });
    }
    if let Some(place) = delivered.without(&checked.sharers).iter().next() {
        return Err(Error::NotASharer { place });
    }
    in_range(
        "members that delivered",
        checked.member.threshold as u64,
        checked.sharers.len() as u64,
        delivered.len() as u64,
    )?;
    Ok(())
}

/// A member that opens the masks of its group, for one U.
pub struct Revealing {
    secrets: Arc<MemberSecrets>,
    addresses: Vec<u8>,
    delivered: Places,
    dropped: BTreeMap<usize, SecretScalar>,
    lent: BTreeMap<usize, SecretScalar>,
}

impl Revealing {
    /// U.
    #[must_use]
    pub fn delivered(&self) -> &Places {
        &self.delivered
    }

    /// The member's own b.
    #[must_use]
    pub fn self_mask(&self) -> &SecretScalar {
        &self.secrets.self_mask
    }

    /// The addresses of the member's own dealing (E32).
    #[must_use]
    pub fn addresses(&self) -> &[u8] {
        &self.addresses
    }

    /// The member's shares of sk of the dealers that dropped out, by place.
    #[must_use]
    pub fn key_shares(&self) -> &BTreeMap<usize, SecretScalar> {
        &self.dropped
    }

    /// The member's shares of b of the dealers of U that aren't among those `opened`, by place.
    ///
    /// # Errors
    /// [`Error::NotDelivered`] for a place outside U.
    pub fn self_mask_shares(&self, opened: &Places) -> Result<BTreeMap<usize, &SecretScalar>> {
        if let Some(place) = opened.without(&self.delivered).iter().next() {
            return Err(Error::NotDelivered { place });
        }
        let missing = self.lent.iter().filter(|(place, _)| !opened.contains(**place));
        Ok(missing.map(|(place, share)| (*place, share)).collect())
    }
}

#[cfg(test)]
mod tests;
