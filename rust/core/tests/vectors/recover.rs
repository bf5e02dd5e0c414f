//! recover.json: policy `recover`, made by the plain-Python protocol.

use std::collections::BTreeMap;
use std::sync::Arc;

use omnilytics_core::digest::{Address, Hash, set_hash_of};
use omnilytics_core::error::{Error, Objection};
use omnilytics_core::keys::PublicMaskKey;
use omnilytics_core::lanes::{self, LaneWidth};
use omnilytics_core::mask::{GroupContext, Masker, PairSeed, Sign, disclosed_seeds};
use omnilytics_core::params::Suite;
use omnilytics_core::places::Places;
use omnilytics_core::recovery::{Dealt, Keyed, Masked, MemberSecrets, Received, simulated_dealing};
use omnilytics_core::secret::SecretScalar;
use omnilytics_core::shamir::Weights;
use omnilytics_core::sharing::{Dealing, share_addresses};
use omnilytics_core::transport::TransportKey;
use serde_json::Value;

use super::public::seal_with;
use super::{bytes, cases, fixed_bytes, integers, load, number};

struct Group {
    secrets: Vec<Arc<MemberSecrets>>,
    context: GroupContext,
    transports: Vec<[u8; 32]>,
    threshold: usize,
    /// Those that the vectors have, by place.
    dealings: BTreeMap<usize, Dealing>,
    seeds: BTreeMap<usize, [u8; 32]>,
}

impl Group {
    fn all() -> Vec<Self> {
        let vectors = load("recover.json");
        let mut groups: Vec<Self> = cases(&vectors, "groups").iter().map(Self::read).collect();
        for case in cases(&vectors, "dealings").iter().filter(|case| !case["seed"].is_null()) {
            let group = &mut groups[number(&case["group"]) as usize];
            let dealer = number(&case["dealer"]) as usize;
            group.seeds.insert(dealer, fixed_bytes(&case["seed"]));
            group.dealings.insert(dealer, dealing(case));
        }
        groups
    }

    fn read(case: &Value) -> Self {
        let key = |peer: &Value| PublicMaskKey { x: fixed_bytes(&peer["x"]), odd: peer["parity"] == 1 };
        let peers: Vec<PublicMaskKey> = cases(case, "peers").iter().map(key).collect();
        assert_eq!(fixed_bytes(&case["keys_hash"]), set_hash_of(&peers, &Places::all(peers.len())));
        let context = GroupContext {
            chain_id: number(&case["chain_id"]),
            session: fixed_bytes(&case["session"]),
            group: number(&case["group"]),
            place: 0,
            model_hash: fixed_bytes(&case["model_hash"]),
            peers,
        };
        let secrets = cases(case, "seeds");
        let secrets = secrets.iter().map(|seed| Arc::new(MemberSecrets::from_seed(&fixed_bytes(seed))));
        Self {
            secrets: secrets.collect(),
            context,
            transports: cases(case, "transports").iter().map(fixed_bytes).collect(),
            threshold: number(&case["threshold"]) as usize,
            dealings: BTreeMap::new(),
            seeds: BTreeMap::new(),
        }
    }

    fn dealt(&self, place: usize) -> (Dealt, Dealing) {
        let context = GroupContext { place, ..self.context.clone() };
        let keyed = Keyed::new(self.secrets[place].clone(), self.threshold, context, self.transports.clone());
        let seed = self.seeds.get(&place).copied().unwrap_or([place as u8; 32]);
        keyed.expect("a legal group").deal(&mut simulated_dealing(&seed))
    }

    fn masked(&self, place: usize, sharers: &Places) -> (Masked, Masker) {
        let dealings =
            sharers.iter().filter(|dealer| *dealer != place).map(|dealer| (dealer, self.dealings[&dealer].clone()));
        match self.dealt(place).0.receive(&dealings.collect(), &mut simulated_dealing(&[1; 32])) {
            Ok(Received::Accepted(checked)) => checked.masker(Suite::Keccak),
            Ok(Received::Objections(objections)) => panic!("{objections:?}"),
            Err(refused) => panic!("{}", refused.error),
        }
    }
}

fn dealing(case: &Value) -> Dealing {
    Dealing { points: bytes(&case["points"]), sealed: bytes(&case["sealed"]), root: fixed_bytes(&case["root"]) }
}

fn group<'a>(groups: &'a [Group], case: &Value) -> &'a Group {
    &groups[number(&case["group"]) as usize]
}

fn places(value: &Value) -> Places {
    (0..64).filter(|place| number(value) >> place & 1 == 1).collect()
}

fn scalar(value: &Value) -> Option<SecretScalar> {
    SecretScalar::from_bytes(&fixed_bytes(value))
}

fn hashes(case: &Value, key: &str) -> Vec<Hash> {
    cases(case, key).iter().map(fixed_bytes).collect()
}

#[test]
fn members_and_their_secrets() {
    for (group, case) in Group::all().iter().zip(cases(&load("recover.json"), "groups")) {
        for (place, member) in group.secrets.iter().enumerate() {
            assert_eq!(&group.context.peers[place], member.key().public());
            assert_eq!(&fixed_bytes::<20>(&case["addresses"][place]), member.key().address());
            let secret = scalar(&case["secrets"][place]).expect("from 1 to n-1");
            assert_eq!(member.key().address(), &secret.address());
            // in the last group one has registered another transport key than its own
            if group.transports[place] != *member.transport() {
                assert!(case["name"].as_str().expect("a name").contains("low order"));
            }
        }
    }
}

#[test]
fn dealings() {
    let (groups, vectors) = (Group::all(), load("recover.json"));
    for case in cases(&vectors, "dealings") {
        let expected = dealing(&case);
        let addresses = share_addresses(expected.points.as_chunks().0);
        assert_eq!(bytes(&case["addresses"]), addresses, "{}", case["name"]);
        let own = &cases(&load("recover.json"), "groups")[number(&case["group"]) as usize]["self_secrets"];
        let own = scalar(&own[number(&case["dealer"]) as usize]).expect("from 1 to n-1");
        assert_eq!(own.address(), addresses[..20]);
        for (index, share) in cases(&case, "shares").iter().enumerate() {
            for (offset, (secret, address)) in [("key", "key_address"), ("self", "self_address")].iter().enumerate() {
                let given: Address = fixed_bytes(&share[*address]);
                assert_eq!(given, scalar(&share[*secret]).expect("from 1 to n-1").address());
                assert_eq!(given, addresses[20 * (1 + 2 * index + offset)..][..20]);
            }
        }
        if !case["seed"].is_null() {
            let (_, made) = group(&groups, &case).dealt(number(&case["dealer"]) as usize);
            assert_eq!(expected, made, "{}", case["name"]);
        }
    }
}

#[test]
fn ciphertexts() {
    for case in cases(&load("recover.json"), "sealed") {
        let (info, aad, plain) = (bytes(&case["info"]), bytes(&case["aad"]), bytes(&case["plain"]));
        let sealed = seal_with(&case["ikm"], &fixed_bytes(&case["receiver"]), &info, &aad, &plain);
        assert_eq!(Some([bytes(&case["enc"]), bytes(&case["ct"])].concat()), sealed);
        assert_eq!(fixed_bytes(&case["enc"]), *TransportKey::derive(&fixed_bytes(&case["ikm"])).public());
    }
}

#[test]
fn secrets_rebuilt_and_not() {
    let vectors = load("recover.json");
    let rebuilt = |case: &Value, address: &Value| {
        let ids: Vec<u64> = cases(case, "xs").iter().map(number).collect();
        let threshold = number(&case["threshold"]) as usize;
        let weights = Weights::new(threshold, &ids)?;
        // what isn't a share doesn't come so far: SecretScalar holds 1..=n-1 alone
        let shares: Option<Vec<SecretScalar>> = cases(case, "shares").iter().map(scalar).collect();
        let shares = shares.ok_or(Error::ZeroSecret)?;
        weights.rebuild(&shares.iter().take(threshold).collect::<Vec<_>>(), &fixed_bytes(address))
    };
    for case in cases(&vectors, "rebuilds") {
        let secret = rebuilt(&case, &case["address"]).expect("the secret");
        assert_eq!(fixed_bytes(&case["secret"]), *secret.to_bytes(), "{}", case["name"]);
    }
    for case in cases(&vectors, "wrong_rebuilds") {
        assert!(matches!(rebuilt(&case, &case["expected"]), Err(Error::NotTheSecret { .. })), "{}", case["name"]);
        let secret = rebuilt(&case, &case["address"]).expect("another secret");
        assert_eq!(fixed_bytes(&case["secret"]), *secret.to_bytes());
    }
    for case in cases(&vectors, "refused_rebuilds") {
        let error = rebuilt(&case, &Value::from("0x".to_owned() + &"00".repeat(20))).err().expect("an error");
        let refused = match case["reason"].as_str().expect("a reason") {
            "fewer than T shares" => matches!(error, Error::TooFewShares { .. }),
            "duplicate x coordinate" => matches!(error, Error::DuplicateShare { .. }),
            "x coordinate zero" => matches!(error, Error::OutOfRange { given: 0, .. }),
            "share outside 1..n-1" => matches!(error, Error::ZeroSecret),
            other => panic!("{other}"),
        };
        assert!(refused, "{}: {error}", case["name"]);
    }
}

#[test]
fn masks_of_sharers() {
    let groups = Group::all();
    for case in cases(&load("recover.json"), "masks") {
        let (group, sharers) = (group(&groups, &case), places(&case["sharers"]));
        assert_eq!(fixed_bytes(&case["set_hash"]), set_hash_of(&group.context.peers, &sharers));
        for upload in cases(&case, "uploads") {
            let (_, masker) = group.masked(number(&upload["place"]) as usize, &sharers);
            let mut words = bytes(&upload["plain"]);
            masker.mask(words.as_chunks_mut().0);
            assert_eq!(bytes(&upload["masked"]), words, "{}", case["name"]);
        }
    }
}

#[test]
fn unmasking() {
    let (groups, vectors) = (Group::all(), load("recover.json"));
    for case in cases(&vectors, "unmaskings") {
        let (sharers, delivered) = (places(&case["sharers"]), places(&case["delivered"]));
        let members = &cases(&vectors, "groups")[number(&case["group"]) as usize];
        let secret = |place: usize| {
            let known = if delivered.contains(place) { &members["self_secrets"] } else { &members["secrets"] };
            (place, scalar(&known[place]).expect("from 1 to n-1"))
        };
        let secrets: BTreeMap<usize, SecretScalar> = sharers.iter().map(secret).collect();
        let context = &group(&groups, &case).context;
        let seeds = disclosed_seeds(context, &sharers, &delivered, &secrets);
        assert_eq!(Ok((hashes(&case, "minus"), hashes(&case, "plus"))), seeds, "{}", case["name"]);
        let signed =
            |key, sign| hashes(&case, key).into_iter().map(move |seed| PairSeed { peer: 0, seed: seed.into(), sign });
        let seeds: Vec<PairSeed> = signed("minus", Sign::Minus).chain(signed("plus", Sign::Plus)).collect();
        let mut words = bytes(&case["sum"]);
        Masker::from_seeds(Suite::Keccak, &seeds).mask(words.as_chunks_mut().0);
        assert_eq!(bytes(&case["aggregate"]), words);
        let values = integers(&case["values"]);
        assert_eq!(Ok(values.clone()), lanes::unpack(LaneWidth::W6, words.as_chunks().0, values.len()));
    }
}

#[test]
fn dealings_objected_to() {
    let groups = Group::all();
    for case in cases(&load("recover.json"), "refused_dealings") {
        let (group, dealer, holder) = (group(&groups, &case), number(&case["dealer"]), number(&case["holder"]));
        if group.transports[holder as usize] != *group.secrets[holder as usize].transport() {
            continue;
        }
        let mut dealings = group.dealings.clone();
        dealings.remove(&(holder as usize));
        dealings.insert(dealer as usize, dealing(&case));
        let received = group.dealt(holder as usize).0.receive(&dealings, &mut simulated_dealing(&[1; 32]));
        let Ok(Received::Objections(found)) = received else { panic!("{}", case["name"]) };
        assert_eq!(vec![dealer as usize], found.keys().copied().collect::<Vec<_>>());
        let reason = match found[&(dealer as usize)] {
            Objection::Points { .. } | Objection::Sealed { .. } => "length",
            Objection::OffCurve { .. } => "point off the curve",
            Objection::Root { .. } => "root",
            Objection::Unopened => "ciphertext",
            Objection::NotScalars => "share outside 1..n-1",
            Objection::WrongShare { .. } => "share isn't that of its point",
            Objection::Degree { .. } => "degree",
            _ => "another",
        };
        assert_eq!(case["reason"], reason, "{}", case["name"]);
    }
}

#[test]
fn openings_and_reveals() {
    for case in cases(&load("recover.json"), "openings")
        .iter()
        .filter(|case| case["reason"] != "addresses aren't those of the root")
    {
        let (dealer, holder) = (number(&case["dealer"]) as usize, number(&case["holder"]) as usize);
        let index = 1 + 2 * (holder - usize::from(holder > dealer)) + usize::from(case["self_mask"] == true);
        let committed = &bytes(&case["addresses"])[20 * index..][..20];
        let opens = scalar(&case["share"]).is_some_and(|share| share.address() == committed);
        assert_eq!(case["reason"].is_null(), opens, "{}", case["name"]);
    }
}

#[test]
fn sets_of_members() {
    let groups = Group::all();
    for case in cases(&load("recover.json"), "sets") {
        let group = group(&groups, &case);
        let members = group.context.peers.len();
        let bitmap = |key: &str| {
            let mut word = [0; 32];
            word[24..].copy_from_slice(&number(&case[key]).to_be_bytes());
            Places::from_bytes(&word, members)
        };
        let reason = match (bitmap("sharers"), bitmap("delivered")) {
            (Err(_), _) => Some("S outside the group"),
            (Ok(sharers), Ok(delivered)) => {
                let place = sharers.iter().next().expect("somebody");
                match group.masked(place, &sharers).0.reveal(delivered).map_err(|refused| refused.error) {
                    Ok(_) => None,
                    Err(Error::NotASharer { .. }) => Some("U outside S"),
                    Err(Error::OutOfRange { .. } | Error::NotDelivered { .. }) => Some("fewer than T in U"),
                    Err(error) => panic!("{error}"),
                }
            }
            (_, Err(error)) => panic!("{error}"),
        };
        assert_eq!(case["reason"].as_str(), reason, "{}", case["name"]);
    }
}
