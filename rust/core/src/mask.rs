//! Masks: of pairs, and with policy `recover` of each member too (PROTOCOL.md section 5, E10, E12, E34-E36).
//!
//! All neighbours' streams are summed into one cache-sized tile of words before the next tile is touched, so the vector goes
//! through memory once, however many members a group has, and needs no second copy.

use std::collections::BTreeMap;

use zeroize::{Zeroize, Zeroizing};

use crate::digest::{Address, Hash, SeedScope, pair_seed, self_seed, set_hash_of};
use crate::error::{Error, Result, in_range, same_length};
use crate::keys::{MaskKey, PublicMaskKey, hexadecimal};
use crate::lanes::{WORD_BYTES, WireWord};
use crate::msm::Point;
use crate::params::{CodecParams, Suite};
use crate::places::Places;
use crate::prg::Stream;
use crate::secret::SecretScalar;
use crate::sums::{TILE_WORDS, Tile, combine};

/// The group that a mask is for.
#[derive(Clone, Debug)]
pub struct GroupContext {
    /// EIP-155 chain id.
    pub chain_id: u64,
    /// The session's address.
    pub session: Address,
    /// The group's id.
    pub group: u64,
    /// The member's place, below N.
    pub place: usize,
    /// E1.
    pub model_hash: Hash,
    /// The keys of all N members in place order, the member's own included.
    pub peers: Vec<PublicMaskKey>,
}

/// Whether a mask is added or taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Added: the peer's place is higher.
    Plus,
    /// Taken off: the peer's place is lower.
    Minus,
}

/// A secret seed and what its stream does to the member's words.
pub struct PairSeed {
    /// The place of the peer that has it too, the member's own for the seed of its own mask.
    pub peer: usize,
    /// E10, or E34.
    pub seed: Zeroizing<Hash>,
    /// Plus towards higher places, minus towards lower ones.
    pub sign: Sign,
}

/// The seeds that the member shares with each peer, in place order (E10).
///
/// # Errors
/// [`Error::Length`] when there aren't `members` keys, [`Error::OutOfRange`] for the place, [`Error::NotOwnKey`],
/// [`Error::DuplicateKey`], [`Error::PublicKey`].
pub fn pair_seeds(members: u64, key: &MaskKey, context: &GroupContext) -> Result<Vec<PairSeed>> {
    check_group(members, key, context)?;
    let scope = context.seed_scope(&Places::all(context.peers.len()));
    let others = context.peers.iter().enumerate().filter(|(peer, _)| *peer != context.place);
    others.map(|(peer, public)| Ok(pair_of(&scope, context.place, peer, &key.pair_address(public, peer)?))).collect()
}

/// The seeds of a member's mask with policy `recover`: those that it shares with each of the other `sharers`, in place order,
/// then its own (E35). `keys` are the points of all N members' keys.
pub(crate) fn recovery_seeds(
    key: &MaskKey,
    self_mask: &SecretScalar,
    context: &GroupContext,
    keys: &[Point],
    sharers: &Places,
) -> Vec<PairSeed> {
    let (scope, own) = (context.seed_scope(sharers), context.place);
    let others = keys.iter().enumerate().filter(|(peer, _)| *peer != own && sharers.contains(*peer));
    let pair = |(peer, point): (usize, &Point)| pair_of(&scope, own, peer, &key.shared_address(&point.projective()));
    let seed = Zeroizing::new(self_seed(&scope, own as u64, &self_mask.to_bytes()));
    others.map(pair).chain([PairSeed { peer: own, seed, sign: Sign::Plus }]).collect()
}

fn pair_of(scope: &SeedScope, own: usize, peer: usize, address: &Zeroizing<Address>) -> PairSeed {
    let seed = pair_seed(scope, own.min(peer) as u64, own.max(peer) as u64, address);
    let sign = if peer > own { Sign::Plus } else { Sign::Minus };
    PairSeed { peer, seed: Zeroizing::new(seed), sign }
}

/// The seeds of the masks that are left in the sum of the words of `delivered` (U), to be taken off and to be added: from the
/// secret of each of the `sharers` (S), b of U, sk of the others (E36). The context's own place doesn't matter.
///
/// # Errors
/// [`Error::NotASharer`] for U outside S, [`Error::Length`] unless there is a secret for each place of S and no other,
/// [`Error::NotTheSecret`] for a sk that isn't that of its key, [`Error::PublicKey`].
pub fn disclosed_seeds(
    context: &GroupContext,
    sharers: &Places,
    delivered: &Places,
    secrets: &BTreeMap<usize, SecretScalar>,
) -> Result<(Vec<Hash>, Vec<Hash>)> {
    if let Some(place) = delivered.without(sharers).iter().next() {
        return Err(Error::NotASharer { place });
    }
    let known = secrets.keys().filter(|place| sharers.contains(**place)).count();
    same_length("secrets of the members that shared", sharers.len(), known)?;
    same_length("secrets", sharers.len(), secrets.len())?;
    let scope = context.seed_scope(sharers);
    let (mut minus, mut plus) = (Vec::new(), Vec::new());
    for (&place, secret) in secrets.iter().filter(|(place, _)| delivered.contains(**place)) {
        minus.push(self_seed(&scope, place as u64, &secret.to_bytes()));
    }
    for (&dropped, secret) in secrets.iter().filter(|(place, _)| !delivered.contains(**place)) {
        let key = MaskKey::of_secret(secret, context.peer(dropped)?, dropped)?;
        for place in delivered.iter() {
            let seed = *pair_of(&scope, place, dropped, &key.pair_address(context.peer(place)?, place)?).seed;
            if dropped > place { minus.push(seed) } else { plus.push(seed) }
        }
    }
    Ok((minus, plus))
}

impl GroupContext {
    /// What seeds are bound to (E9, E10): members outside `sharers` count as the key (0, 0).
    fn seed_scope(&self, sharers: &Places) -> SeedScope {
        SeedScope {
            chain_id: self.chain_id,
            session: self.session,
            group: self.group,
            model_hash: self.model_hash,
            set_hash: set_hash_of(&self.peers, sharers),
        }
    }

    fn peer(&self, place: usize) -> Result<&PublicMaskKey> {
        in_range("place", 0, (self.peers.len() as u64).saturating_sub(1), place as u64)?;
        Ok(&self.peers[place])
    }
}

pub(crate) fn check_group(members: u64, key: &MaskKey, context: &GroupContext) -> Result<()> {
    let peers = &context.peers;
    same_length("mask keys of the group", members as usize, peers.len())?;
    in_range("place", 0, members.saturating_sub(1), context.place as u64)?;
    let own = &peers[context.place];
    if own != key.public() {
        let (expected, given) = (hexadecimal(&key.public().x), hexadecimal(&own.x));
        return Err(Error::NotOwnKey { place: context.place, expected, given });
    }
    for (first, key) in peers.iter().enumerate() {
        if let Some(offset) = peers[first + 1..].iter().position(|other| other == key) {
            return Err(Error::DuplicateKey { members: peers.len(), first, second: first + 1 + offset });
        }
    }
    Ok(())
}

/// Adds a member's mask to its words.
pub struct Masker {
    /// Those that are added first.
    streams: Vec<Stream>,
    added: usize,
    tiles: Vec<Tile>,
}

impl Masker {
    /// The mask of E12.
    ///
    /// # Errors
    /// Those of [`pair_seeds`].
    pub fn new(params: &CodecParams, key: &MaskKey, context: &GroupContext) -> Result<Self> {
        let seeds = pair_seeds(params.members(), key, context)?;
        Ok(Self::from_seeds(params.suite(), &seeds))
    }

    /// The mask made of these seeds.
    #[must_use]
    pub fn from_seeds(suite: Suite, seeds: &[PairSeed]) -> Self {
        let with = |sign| seeds.iter().filter(move |pair| pair.sign == sign).map(|pair| Stream::new(suite, &pair.seed));
        let mut streams: Vec<Stream> = with(Sign::Plus).collect();
        let added = streams.len();
        streams.extend(with(Sign::Minus));
        let tiles = vec![[[0; WORD_BYTES]; TILE_WORDS]; streams.len()];
        Self { streams, added, tiles }
    }

    /// Masks words on the wire, from word 0, where they stand.
    pub fn mask(mut self, words: &mut [WireWord]) {
        for words in words.chunks_mut(TILE_WORDS) {
            for (stream, tile) in self.streams.iter_mut().zip(&mut self.tiles) {
                stream.fill(&mut tile[..words.len()]);
            }
            let (plus, minus) = self.tiles.split_at(self.added);
            combine(words, plus, minus);
        }
    }
}

impl Drop for Masker {
    fn drop(&mut self) {
        self.tiles.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::{GroupContext, Masker, PairSeed, Sign, pair_seeds};
    use crate::error::Error;
    use crate::keys::MaskKey;
    use crate::lanes::{WORD_BYTES, WireWord, add, from_bytes, sub, to_bytes};
    use crate::params::Suite;
    use crate::prg::Stream;
    use crate::sums::TILE_WORDS;

    fn seeds() -> Vec<PairSeed> {
        let signs = [Sign::Minus, Sign::Minus, Sign::Plus];
        let seed = |(peer, sign): (usize, Sign)| PairSeed { peer, seed: Zeroizing::new([peer as u8; 32]), sign };
        signs.into_iter().enumerate().map(seed).collect()
    }

    /// E12, one peer after the other over the whole vector.
    fn mask_as_written(suite: Suite, plain: &[WireWord]) -> Vec<WireWord> {
        let mut words: Vec<_> = plain.iter().map(from_bytes).collect();
        for pair in seeds() {
            let mut masks = vec![[0; WORD_BYTES]; plain.len()];
            Stream::new(suite, &pair.seed).fill(&mut masks);
            for (word, mut mask) in words.iter_mut().zip(masks) {
                mask.reverse();
                let mask = from_bytes(&mask);
                if pair.sign == Sign::Plus { add(word, &mask) } else { sub(word, &mask) }
            }
        }
        words.iter().map(to_bytes).collect()
    }

    fn key(scalar: [u8; 32]) -> MaskKey {
        MaskKey::from_bytes(&scalar).unwrap()
    }

    /// The scalars 1 and n - 1: equal x, opposite y.
    fn mirrored() -> [MaskKey; 2] {
        let mut one = [0; 32];
        one[31] = 1;
        let mut minus_one = [0xff; 32];
        minus_one[15] = 0xfe;
        minus_one[16..].copy_from_slice(&0xbaae_dce6_af48_a03b_bfd2_5e8c_d036_4140_u128.to_be_bytes());
        [key(one), key(minus_one)]
    }

    fn context(place: usize, keys: [&MaskKey; 3]) -> GroupContext {
        GroupContext {
            chain_id: 1,
            session: [7; 20],
            group: 0,
            place,
            model_hash: [1; 32],
            peers: keys.map(|key| *key.public()).to_vec(),
        }
    }

    /// One owner of two accounts may register a key and its mirror image: its peers must not refuse to go on.
    #[test]
    fn mirrored_keys_are_two_keys() {
        let ([one, minus_one], own) = (mirrored(), key([9; 32]));
        assert_eq!(one.public().x, minus_one.public().x);
        let peers = [&own, &one, &minus_one];
        let seeds = pair_seeds(3, &own, &context(0, peers)).unwrap();
        assert_ne!(*seeds[0].seed, *seeds[1].seed);
        assert_eq!(*seeds[0].seed, *pair_seeds(3, &one, &context(1, peers)).unwrap()[0].seed);
        assert_eq!(*seeds[1].seed, *pair_seeds(3, &minus_one, &context(2, peers)).unwrap()[0].seed);
    }

    #[test]
    fn a_key_twice_is_refused() {
        let (one, own) = (key([3; 32]), key([9; 32]));
        let refused = pair_seeds(3, &own, &context(0, [&own, &one, &one]));
        assert!(matches!(refused, Err(Error::DuplicateKey { members: 3, first: 1, second: 2 })));
    }

    #[test]
    fn tiles_do_not_show() {
        for suite in [Suite::Aes, Suite::Keccak] {
            for count in [0, 1, TILE_WORDS - 1, TILE_WORDS, TILE_WORDS + 1, 3 * TILE_WORDS + 2] {
                let mut words: Vec<WireWord> = (0..count).map(|k| [k as u8; WORD_BYTES]).collect();
                let expected = mask_as_written(suite, &words);
                Masker::from_seeds(suite, &seeds()).mask(&mut words);
                assert_eq!(expected, words);
            }
        }
    }
}
