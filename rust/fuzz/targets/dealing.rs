//! A dealer's points, ciphertexts and root as one receiver checks them: an honest dealing, or an objection.
#![no_main]

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use omnilytics_core::digest::{abi_address, domain, keccak256, set_hash_of, uint256};
use omnilytics_core::mask::GroupContext;
use omnilytics_core::places::Places;
use omnilytics_core::recovery::{Dealt, Keyed, MemberSecrets, Received, simulated_dealing};
use omnilytics_core::sharing::{Dealing, PAIR_BYTES, POINT_BYTES, SEALED_BYTES, share_addresses};
use omnilytics_core::transport::{TransportKey, seal};

const MEMBERS: usize = 4;
const THRESHOLD: usize = 2;
const DEALER: usize = 2;
const RECEIVER: usize = 3;
/// Of the receiver's ciphertext among those of the dealer, which has none itself.
const PLACE: Range<usize> = (RECEIVER - 1) * SEALED_BYTES..RECEIVER * SEALED_BYTES;
const MAX_EDITS: usize = 8;

#[derive(Arbitrary, Debug)]
enum Edit {
    Point { index: u8, offset: u8, bits: u8 },
    Copy { from: u8, to: u8 },
    Sealed { index: u16, bits: u8 },
    Longer { points: u8, sealed: u8 },
}

/// What the dealer seals to the receiver for its points after the edits.
#[derive(Arbitrary, Debug)]
enum Sealing {
    Nothing,
    HonestShares,
    Bytes([u8; PAIR_BYTES]),
}

#[derive(Arbitrary, Debug)]
struct Input {
    edits: Vec<Edit>,
    cut: Option<(u16, u16)>,
    sealing: Sealing,
    root: Option<[u8; 32]>,
    seed: [u8; 32],
}

fn secrets() -> &'static [Arc<MemberSecrets>] {
    static SECRETS: OnceLock<Vec<Arc<MemberSecrets>>> = OnceLock::new();
    SECRETS.get_or_init(|| (1..=MEMBERS as u8).map(|seed| Arc::new(MemberSecrets::from_seed(&[seed; 32]))).collect())
}

fn context(place: usize) -> GroupContext {
    let peers = secrets().iter().map(|peer| *peer.key().public()).collect();
    GroupContext { chain_id: 1, session: [2; 20], group: 3, place, model_hash: [4; 32], peers }
}

fn dealt(place: usize) -> (Dealt, Dealing) {
    let transports = secrets().iter().map(|peer| *peer.transport()).collect();
    let own = Arc::clone(&secrets()[place]);
    let keyed = Keyed::new(own, THRESHOLD, context(place), transports).expect("a good group");
    keyed.deal(&mut simulated_dealing(&[place as u8; 32]))
}

/// What the dealer would publish if it were honest.
fn honest() -> &'static Dealing {
    static DEALING: OnceLock<Dealing> = OnceLock::new();
    DEALING.get_or_init(|| dealt(DEALER).1)
}

/// The receiver's shares of an honest dealer.
fn honest_shares() -> &'static [u8; PAIR_BYTES] {
    static SHARES: OnceLock<[u8; PAIR_BYTES]> = OnceLock::new();
    SHARES.get_or_init(|| {
        let material = keccak256(&[&domain("omnilytics/simulated-transport/1"), &[RECEIVER as u8 + 1; 32]]);
        let (sealed, aad) = (&honest().sealed[PLACE], keccak256(&[&honest().points]));
        let opened = TransportKey::derive(&material).open(sealed, &info(), &aad).expect("sealed to the receiver");
        opened.as_slice().try_into().expect("a pair of shares")
    })
}

/// HPKE's info for the receiver (E33).
fn info() -> [u8; 256] {
    let context = context(DEALER);
    let words = [
        domain("omnilytics/share/1"),
        uint256(context.chain_id),
        abi_address(&context.session),
        uint256(context.group),
        context.model_hash,
        set_hash_of(&context.peers, &Places::all(MEMBERS)),
        uint256(DEALER as u64),
        uint256(RECEIVER as u64),
    ];
    words.as_flattened().try_into().expect("eight words")
}

fn apply(edit: &Edit, dealing: &mut Dealing) {
    let points = dealing.points.as_chunks_mut::<POINT_BYTES>().0;
    let among = |index: u8| usize::from(index) % points.len().max(1);
    match *edit {
        Edit::Point { index, offset, bits } => {
            let index = among(index);
            points[index][usize::from(offset) % POINT_BYTES] ^= bits;
        }
        Edit::Copy { from, to } => points[among(to)] = points[among(from)],
        Edit::Sealed { index, bits } => {
            let index = usize::from(index) % dealing.sealed.len().max(1);
            dealing.sealed[index] ^= bits;
        }
        Edit::Longer { points, sealed } => {
            dealing.points.extend(vec![0; points.into()]);
            dealing.sealed.extend(vec![0; sealed.into()]);
        }
    }
}

/// The honest dealing after the edits: root and the receiver's ciphertext may follow them, as a dishonest dealer's would.
fn forged(input: &Input) -> Dealing {
    let mut dealing = honest().clone();
    input.edits.iter().take(MAX_EDITS).for_each(|edit| apply(edit, &mut dealing));
    if let Some((points, sealed)) = input.cut {
        dealing.points.truncate(points.into());
        dealing.sealed.truncate(sealed.into());
    }
    let root = || keccak256(&[&share_addresses(dealing.points.as_chunks().0)]);
    dealing.root = input.root.unwrap_or_else(root);
    let shares = match &input.sealing {
        Sealing::Nothing => return dealing,
        Sealing::HonestShares => honest_shares(),
        Sealing::Bytes(bytes) => bytes,
    };
    if let Some(place) = dealing.sealed.get_mut(PLACE) {
        let aad = keccak256(&[&dealing.points]);
        let mut rng = simulated_dealing(&input.seed);
        let sealed = seal(secrets()[RECEIVER].transport(), &info(), &aad, shares, &mut rng);
        place.copy_from_slice(&sealed.expect("a key of full order"));
    }
    dealing
}

fuzz_target!(|input: Input| {
    let dealing = forged(&input);
    let (receiver, _) = dealt(RECEIVER);
    let dealings = BTreeMap::from([(DEALER, dealing.clone())]);
    let Ok(received) = receiver.receive(&dealings, &mut simulated_dealing(&input.seed)) else {
        panic!("two members of two are enough");
    };
    match received {
        // Nobody can know other polynomials through the dealer's key and the receiver's share, nor another share of these.
        Received::Accepted(_) => {
            assert_eq!((&honest().points, honest().root), (&dealing.points, dealing.root));
            match &input.sealing {
                Sealing::Nothing => assert_eq!(honest().sealed[PLACE], dealing.sealed[PLACE]),
                Sealing::HonestShares => {}
                Sealing::Bytes(bytes) => assert_eq!(honest_shares(), bytes),
            }
        }
        Received::Objections(objections) => {
            assert_eq!(vec![DEALER], objections.keys().copied().collect::<Vec<_>>());
            assert_ne!(*honest(), dealing, "{}", objections[&DEALER]);
        }
    }
});
