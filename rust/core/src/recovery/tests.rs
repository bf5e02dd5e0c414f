//! Every dropout pattern of small groups, samples of larger ones, and dealings that are to be objected to.

mod dishonest;

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rand_core::RngCore;

use super::{Checked, Dealt, Keyed, Masked, Member, MemberSecrets, Received, Revealing, Step, simulated_dealing};
use crate::digest::Address;
use crate::error::{Error, Objection};
use crate::lanes::{WORD_BYTES, WireWord, add_all};
use crate::mask::{GroupContext, Masker, PairSeed, Sign, disclosed_seeds};
use crate::params::Suite;
use crate::places::Places;
use crate::secret::SecretScalar;
use crate::shamir::Weights;
use crate::sharing::{Dealing, SharePair, share_addresses};
use crate::simulated::SeedStream;

const WORDS: usize = 3;

fn stream(seed: u64) -> SeedStream {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    SeedStream::new([1; 32], &bytes)
}

/// A group whose members have all dealt; T is `threshold`.
struct Group {
    threshold: usize,
    secrets: Vec<Arc<MemberSecrets>>,
    dealt: Vec<Dealt>,
    dealings: BTreeMap<usize, Dealing>,
    plain: Vec<Vec<WireWord>>,
    /// Secrets by their addresses and the ids and shares that they were rebuilt from.
    rebuilt: RefCell<HashMap<Vec<u8>, [u8; 32]>>,
}

/// Copies that only a test may make.
fn copy_of_member(member: &Member) -> Box<Member> {
    Box::new(Member {
        secrets: member.secrets.clone(),
        context: member.context.clone(),
        keys: member.keys.clone(),
        transports: member.transports.clone(),
        threshold: member.threshold,
    })
}

fn copy_of_checked(checked: &Checked) -> Checked {
    let pair = |(place, pair): (&usize, &SharePair)| (*place, SharePair::from_bytes(&*pair.to_bytes()).unwrap());
    Checked {
        member: copy_of_member(&checked.member),
        addresses: checked.addresses.clone(),
        sharers: checked.sharers,
        held: checked.held.iter().map(pair).collect(),
    }
}

impl Group {
    fn new(members: usize, threshold: usize) -> Self {
        Self::with(members, threshold, 5)
    }

    fn with(members: usize, threshold: usize, group: u64) -> Self {
        let secrets: Vec<_> =
            (0..members).map(|place| Arc::new(MemberSecrets::from_seed(&[place as u8; 32]))).collect();
        let peers = secrets.iter().map(|member| *member.key().public()).collect();
        let transports: Vec<_> = secrets.iter().map(|member| *member.transport()).collect();
        let context = GroupContext { chain_id: 1, session: [7; 20], group, place: 0, model_hash: [1; 32], peers };
        let (mut dealt, mut dealings) = (Vec::new(), BTreeMap::new());
        for (place, member) in secrets.iter().enumerate() {
            let context = GroupContext { place, ..context.clone() };
            let keyed = Keyed::new(member.clone(), threshold, context, transports.clone()).unwrap();
            let (state, dealing) = keyed.deal(&mut simulated_dealing(&[100 + place as u8; 32]));
            dealt.push(state);
            dealings.insert(place, dealing);
        }
        let words = |place| {
            let mut words = vec![[0; WORD_BYTES]; WORDS];
            stream(1000 + place as u64).fill_bytes(words.as_flattened_mut());
            words
        };
        Self {
            threshold,
            secrets,
            dealt,
            dealings,
            plain: (0..members).map(words).collect(),
            rebuilt: RefCell::default(),
        }
    }

    fn members(&self) -> usize {
        self.secrets.len()
    }

    fn dealt(&self, place: usize) -> Dealt {
        let Dealt { member, addresses } = &self.dealt[place];
        Dealt { member: copy_of_member(member), addresses: addresses.clone() }
    }

    /// What others of S have dealt.
    fn dealings_to(&self, place: usize, sharers: &Places) -> BTreeMap<usize, Dealing> {
        let of_others = self.dealings.iter().filter(|(dealer, _)| **dealer != place && sharers.contains(**dealer));
        of_others.map(|(dealer, dealing)| (*dealer, dealing.clone())).collect()
    }

    fn receive(&self, place: usize, dealings: &BTreeMap<usize, Dealing>) -> Step<Received, Dealt> {
        self.dealt(place).receive(dealings, &mut stream(place as u64))
    }

    /// The members of S that have checked, with their masked words.
    fn masked(&self, sharers: &Places) -> Result<BTreeMap<usize, (Masked, Vec<WireWord>)>, Error> {
        let mut masked = BTreeMap::new();
        for place in sharers.iter() {
            let received = self.receive(place, &self.dealings_to(place, sharers)).map_err(|refused| refused.error)?;
            let Received::Accepted(checked) = received else { panic!("nothing to object to") };
            let (state, masker) = checked.masker(Suite::Keccak);
            let mut words = self.plain[place].clone();
            masker.mask(&mut words);
            masked.insert(place, (state, words));
        }
        Ok(masked)
    }

    fn plain_sum(&self, places: &Places) -> Vec<WireWord> {
        sum(places.iter().map(|place| &self.plain[place]))
    }

    /// The sum of `delivered`, unmasked with these secrets.
    fn aggregate(
        &self,
        uploads: &BTreeMap<usize, (Masked, Vec<WireWord>)>,
        sharers: &Places,
        delivered: &Places,
        secrets: &BTreeMap<usize, SecretScalar>,
    ) -> Vec<WireWord> {
        let (minus, plus) = disclosed_seeds(&self.dealt[0].member.context, sharers, delivered, secrets).unwrap();
        let seed = |sign| move |seed: [u8; 32]| PairSeed { peer: 0, seed: seed.into(), sign };
        let seeds: Vec<_> =
            minus.into_iter().map(seed(Sign::Minus)).chain(plus.into_iter().map(seed(Sign::Plus))).collect();
        let mut words = sum(delivered.iter().map(|place| &uploads[&place].1));
        Masker::from_seeds(Suite::Keccak, &seeds).mask(&mut words);
        words
    }

    /// The address of the secret that has to be known of a place: b of U, sk of the others.
    fn address(&self, place: usize, delivered: &Places) -> Address {
        if delivered.contains(place) {
            share_addresses(self.dealings[&place].points.as_chunks().0)[..20].try_into().unwrap()
        } else {
            *self.secrets[place].key().address()
        }
    }

    fn rebuild(
        &self,
        weights: &Weights,
        ids: &[u64],
        shares: &[&SecretScalar],
        address: &Address,
    ) -> Result<SecretScalar, Error> {
        let mut key = address.to_vec();
        key.extend(ids.iter().map(|id| *id as u8));
        shares.iter().for_each(|share| key.extend_from_slice(&*share.to_bytes()));
        if let Some(secret) = self.rebuilt.borrow().get(&key) {
            return Ok(SecretScalar::from_bytes(secret).unwrap());
        }
        let secret = weights.rebuild(shares, address)?;
        self.rebuilt.borrow_mut().insert(key, *secret.to_bytes());
        Ok(secret)
    }

    /// All secrets that those who revealed and those who lent shares make known, or why one is lost.
    fn opened(
        &self,
        revealing: &BTreeMap<usize, Revealing>,
        sharers: &Places,
        delivered: &Places,
        revealed: &Places,
        lent: &Places,
    ) -> Result<BTreeMap<usize, SecretScalar>, Error> {
        let secret = |place: usize| {
            if revealed.contains(place) {
                return Ok(SecretScalar::from_bytes(&revealing[&place].self_mask().to_bytes()).unwrap());
            }
            let uploaded = delivered.contains(place);
            let holders: Vec<usize> = if uploaded { lent.iter() } else { revealed.iter() }.collect();
            let ids: Vec<u64> = holders.iter().map(|holder| *holder as u64 + 1).collect();
            let weights = Weights::new(self.threshold, &ids)?;
            let mut shares = Vec::new();
            for holder in &holders[..self.threshold] {
                let state = &revealing[holder];
                shares.push(if uploaded {
                    state.self_mask_shares(revealed)?[&place]
                } else {
                    &state.key_shares()[&place]
                });
            }
            self.rebuild(&weights, &ids, &shares, &self.address(place, delivered))
        };
        sharers.iter().map(|place| Ok((place, secret(place)?))).collect()
    }
}

fn sum<'a>(vectors: impl Iterator<Item = &'a Vec<WireWord>>) -> Vec<WireWord> {
    let mut sum = vec![[0; WORD_BYTES]; WORDS];
    vectors.for_each(|words| add_all(&mut sum, words));
    sum
}

fn subsets(of: Places) -> impl Iterator<Item = Places> {
    let places: Vec<usize> = of.iter().collect();
    (0..1u32 << places.len())
        .map(move |bits| (0..places.len()).filter(|k| bits >> k & 1 == 1).map(|k| places[k]).collect())
}

fn reveal(
    uploads: &BTreeMap<usize, (Masked, Vec<WireWord>)>,
    delivered: &Places,
) -> Result<BTreeMap<usize, Revealing>, Error> {
    let state = |place: usize| Masked(copy_of_checked(&uploads[&place].0.0));
    delivered
        .iter()
        .map(|place| Ok((place, state(place).reveal(*delivered).map_err(|refused| refused.error)?)))
        .collect()
}

/// Who is gone before sharing, before uploading, before revealing its own secret, before lending shares, or never: all
/// patterns. The exact sum of U comes out if T shared, T delivered, T revealed where a key is to be rebuilt, and T lent where
/// somebody hasn't revealed; else an error says of what there were too few.
fn every_pattern(members: usize, threshold: usize) {
    let group = Group::new(members, threshold);
    let mut sums = 0;
    for sharers in subsets(Places::all(members)) {
        let uploads = match group.masked(&sharers) {
            Ok(uploads) => uploads,
            Err(error) => {
                assert!(sharers.len() < threshold);
                assert!(matches!(error, Error::OutOfRange { name: "sharers", .. }), "{error}");
                continue;
            }
        };
        assert!(sharers.is_empty() || sharers.len() >= threshold);
        for delivered in subsets(sharers) {
            let revealing = match reveal(&uploads, &delivered) {
                Ok(revealing) => revealing,
                Err(error) => {
                    assert!(delivered.len() < threshold);
                    assert!(matches!(error, Error::OutOfRange { name: "members that delivered", .. }), "{error}");
                    continue;
                }
            };
            if delivered.is_empty() {
                continue;
            }
            let mut checked = false;
            for revealed in subsets(delivered) {
                for lent in subsets(revealed) {
                    let enough = (delivered == sharers || revealed.len() >= threshold)
                        && (revealed == delivered || lent.len() >= threshold);
                    match group.opened(&revealing, &sharers, &delivered, &revealed, &lent) {
                        Ok(secrets) => {
                            assert!(enough);
                            // rebuilt secrets are those of their addresses, so that the sum is the same for all of them
                            if !checked {
                                let aggregate = group.aggregate(&uploads, &sharers, &delivered, &secrets);
                                assert_eq!(group.plain_sum(&delivered), aggregate);
                                (checked, sums) = (true, sums + 1);
                            }
                        }
                        Err(error) => {
                            assert!(!enough);
                            assert!(matches!(error, Error::TooFewShares { .. }), "{error}");
                        }
                    }
                }
            }
            assert!(checked);
        }
    }
    assert!(sums > 0);
}

#[test]
fn every_dropout_pattern_of_two_to_four() {
    for members in 2..=4 {
        (2..=members).for_each(|threshold| every_pattern(members, threshold));
    }
}

#[test]
fn every_dropout_pattern_of_five() {
    (2..=5).for_each(|threshold| every_pattern(5, threshold));
}

#[test]
fn every_dropout_pattern_of_six() {
    (2..=6).for_each(|threshold| every_pattern(6, threshold));
}

/// Drops each of `places` with probability 1/4, but none below `least`.
fn thinned(places: &Places, least: usize, rng: &mut SeedStream) -> Places {
    let mut left = places.len();
    places
        .iter()
        .filter(|_| {
            let stays = left <= least || !rng.next_u32().is_multiple_of(4);
            left -= usize::from(!stays);
            stays
        })
        .collect()
}

fn sampled_patterns(members: usize, threshold: usize, samples: u64) {
    let group = Group::new(members, threshold);
    for sample in 0..samples {
        let rng = &mut stream(sample);
        let sharers = thinned(&Places::all(members), threshold, rng);
        let delivered = thinned(&sharers, threshold, rng);
        let revealed = thinned(&delivered, threshold, rng);
        let lent = thinned(&revealed, threshold, rng);
        let uploads = group.masked(&sharers).unwrap();
        let revealing = reveal(&uploads, &delivered).unwrap();
        let secrets = group.opened(&revealing, &sharers, &delivered, &revealed, &lent).unwrap();
        assert_eq!(group.plain_sum(&delivered), group.aggregate(&uploads, &sharers, &delivered, &secrets));
    }
}

#[test]
fn sampled_dropout_patterns_of_sixteen() {
    for threshold in [2, 9, 11, 15] {
        sampled_patterns(16, threshold, 2);
    }
}

#[test]
fn sampled_dropout_patterns_of_sixty_four() {
    for threshold in [33, 43, 62] {
        sampled_patterns(64, threshold, 1);
    }
}

#[test]
fn secrets_drawn_at_random() {
    let (one, other) = (MemberSecrets::generate(&mut stream(1)), MemberSecrets::generate(&mut stream(2)));
    assert_ne!(one.key().address(), other.key().address());
    assert_ne!(one.transport(), other.transport());
    assert_ne!(one.self_mask.address(), other.self_mask.address());
    assert_ne!(one.self_mask.address(), *one.key().address());
}

#[test]
fn only_the_share_that_a_dealer_s_fate_asks_for_can_be_had() {
    let group = Group::new(4, 3);
    let uploads = group.masked(&Places::all(4)).unwrap();
    let delivered = Places::from_iter([0, 1, 3]);
    let revealing = reveal(&uploads, &delivered).unwrap().remove(&1).unwrap();
    assert_eq!(&delivered, revealing.delivered());
    assert_eq!(share_addresses(group.dealings[&1].points.as_chunks().0), revealing.addresses());
    assert_eq!(vec![2], revealing.key_shares().keys().copied().collect::<Vec<_>>());
    let lent = revealing.self_mask_shares(&Places::from_iter([1])).unwrap();
    assert_eq!(vec![0, 3], lent.keys().copied().collect::<Vec<_>>());
    let refused = revealing.self_mask_shares(&Places::from_iter([2]));
    assert!(matches!(refused, Err(Error::NotDelivered { place: 2 })));
}

#[test]
fn sets_that_no_contract_shows() {
    let group = Group::new(5, 3);
    let sharers = Places::from_iter([0, 1, 2, 3]);
    let uploads = group.masked(&sharers).unwrap();
    let refused = |places: &[usize]| {
        let masked = Masked(copy_of_checked(&uploads[&0].0.0));
        let Err(refused) = masked.reveal(places.iter().copied().collect()) else { panic!("not refused") };
        assert!(refused.state.reveal(sharers).is_ok());
        refused.error
    };
    assert_eq!(Error::NotDelivered { place: 0 }, refused(&[1, 2, 3]));
    assert_eq!(Error::NotASharer { place: 4 }, refused(&[0, 1, 2, 4]));
    assert!(matches!(refused(&[0, 1]), Error::OutOfRange { min: 3, max: 4, given: 2, .. }));
}

#[test]
fn dealings_that_cannot_be_received() {
    let group = Group::new(4, 3);
    let all = group.dealings_to(0, &Places::all(4));
    let refused = |dealings: &BTreeMap<usize, Dealing>| {
        let Err(refused) = group.receive(0, dealings) else { panic!("not refused") };
        assert!(refused.state.receive(&all, &mut stream(0)).is_ok());
        refused.error
    };
    assert_eq!(Error::OwnDealing { place: 0 }, refused(&group.dealings));
    assert!(matches!(refused(&group.dealings_to(0, &Places::from_iter([1]))), Error::OutOfRange { given: 2, .. }));
    let beyond = [(7, all[&1].clone()), (2, all[&2].clone())].into();
    assert!(matches!(refused(&beyond), Error::OutOfRange { max: 3, given: 7, .. }));
}

#[test]
fn groups_that_cannot_recover() {
    let secrets = Arc::new(MemberSecrets::from_seed(&[0; 32]));
    let peer = MemberSecrets::from_seed(&[1; 32]);
    let context = GroupContext {
        chain_id: 1,
        session: [7; 20],
        group: 0,
        place: 0,
        model_hash: [1; 32],
        peers: vec![*secrets.key().public(), *peer.key().public()],
    };
    let transports = vec![*secrets.transport(), *peer.transport()];
    let refused = |threshold, context: &GroupContext, transports: &[[u8; 32]]| {
        Keyed::new(secrets.clone(), threshold, context.clone(), transports.to_vec()).err()
    };
    assert_eq!(None, refused(2, &context, &transports));
    assert!(matches!(refused(3, &context, &transports), Some(Error::OutOfRange { name: "threshold", .. })));
    assert!(matches!(refused(1, &context, &transports), Some(Error::OutOfRange { name: "threshold", .. })));
    assert!(matches!(refused(2, &context, &transports[..1]), Some(Error::Length { expected: 2, given: 1, .. })));
    let swapped = [transports[1], transports[0]];
    assert!(matches!(refused(2, &context, &swapped), Some(Error::NotOwnTransport { place: 0, .. })));
    let other = GroupContext { place: 1, ..context.clone() };
    assert!(matches!(refused(2, &other, &transports), Some(Error::NotOwnKey { place: 1, .. })));
    let alone = GroupContext { peers: context.peers[..1].to_vec(), ..context };
    assert!(matches!(refused(2, &alone, &transports[..1]), Some(Error::OutOfRange { name: "members", given: 1, .. })));
}

/// What place 0 of a group of four objects to when the dealings of the others are changed.
fn objections(change: impl FnOnce(&mut BTreeMap<usize, Dealing>)) -> BTreeMap<usize, Objection> {
    let group = Group::new(4, 3);
    let mut dealings = group.dealings_to(0, &Places::all(4));
    change(&mut dealings);
    match group.receive(0, &dealings) {
        Ok(Received::Objections(objections)) => objections,
        Ok(Received::Accepted(_)) => BTreeMap::new(),
        Err(refused) => panic!("{}", refused.error),
    }
}

fn rooted(dealing: &mut Dealing) {
    dealing.root = crate::digest::keccak256(&[&share_addresses(dealing.points.as_chunks().0)]);
}

#[test]
fn each_bad_dealer_is_named_and_no_other() {
    assert_eq!(BTreeMap::new(), objections(|_| ()));
    let found = objections(|dealings| {
        dealings.get_mut(&1).unwrap().points.pop();
        dealings.get_mut(&2).unwrap().sealed.push(0);
        dealings.get_mut(&3).unwrap().root[0] ^= 1;
    });
    assert_eq!(Some(&Objection::Points { expected: 448, given: 447 }), found.get(&1));
    assert_eq!(Some(&Objection::Sealed { expected: 336, given: 337 }), found.get(&2));
    assert!(matches!(found[&3], Objection::Root { .. }));
    let found = objections(|dealings| {
        dealings.get_mut(&1).unwrap().points[5 * 64] ^= 1;
        dealings.get_mut(&3).unwrap().sealed[40] ^= 1;
    });
    assert_eq!(BTreeMap::from([(1, Objection::OffCurve { index: 5 }), (3, Objection::Unopened)]), found);
}

#[test]
fn a_dealing_of_another_group_does_not_open() {
    let other = Group::with(4, 3, 6);
    let found = objections(|dealings| drop(dealings.insert(2, other.dealings[&2].clone())));
    assert_eq!(BTreeMap::from([(2, Objection::Unopened)]), found);
}

#[test]
fn a_single_wrong_point_of_somebody_else_shows() {
    let n = 2 * 4 - 1;
    for index in 0..n {
        let found = objections(|dealings| {
            let dealing = dealings.get_mut(&1).unwrap();
            // a point of the curve, but another one
            let other = dealing.points[(index + 1) % n * 64..][..64].to_vec();
            dealing.points[index * 64..][..64].copy_from_slice(&other);
            rooted(dealing);
        });
        // the points are what the ciphertexts are bound to
        assert_eq!(BTreeMap::from([(1, Objection::Unopened)]), found);
    }
}
