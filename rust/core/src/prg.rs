//! The generators that expand a pair seed into one word a vector word (PROTOCOL.md section 5, E11).
//!
//! AES runs in counter mode with a 64-bit little-endian counter in the block's first half: `aes` 0.9.3 picks VAES at run
//! time for that flavour and is then twice as fast as OpenSSL 3.0. It is not the counter layout of NIST SP 800-38A.

use aes::Aes128;
use ctr::Ctr64LE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use zeroize::Zeroizing;

use crate::digest::keccak256;
use crate::lanes::{WORD_BYTES, Word, add, from_bytes, sub};
use crate::params::Suite;

/// Words that [`Stream::combine`] takes at once: 8 KiB of keystream and 8 KiB of words stay in the first-level cache.
pub const TILE_WORDS: usize = 256;

/// Room for one tile of keystream.
pub type Scratch = [u8; TILE_WORDS * WORD_BYTES];

/// Whether a mask is added or taken off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// Added: the peer's place is higher.
    Plus,
    /// Taken off: the peer's place is lower.
    Minus,
}

/// A seed's words in order, from word 0. Wiped when dropped.
pub struct Stream(Inner);

enum Inner {
    Aes(Box<Ctr64LE<Aes128>>),
    Keccak { seed: Zeroizing<[u8; 32]>, next: u64 },
}

impl Stream {
    /// The stream of `seed`, before word 0.
    #[must_use]
    pub fn new(suite: Suite, seed: &[u8; 32]) -> Self {
        Self(match suite {
            Suite::Aes => {
                let mut key = Zeroizing::new([0; 16]);
                key.copy_from_slice(&seed[..16]);
                Inner::Aes(Box::new(Ctr64LE::new((&*key).into(), &[0; 16].into())))
            }
            Suite::Keccak => Inner::Keccak { seed: Zeroizing::new(*seed), next: 0 },
        })
    }

    /// Adds the next words to `words`, or takes them off, modulo 2^256.
    pub fn combine(&mut self, sign: Sign, words: &mut [Word], scratch: &mut Scratch) {
        match sign {
            Sign::Plus => self.each(words, scratch, add),
            Sign::Minus => self.each(words, scratch, sub),
        }
    }

    fn each(&mut self, words: &mut [Word], scratch: &mut Scratch, apply: impl Fn(&mut Word, &Word)) {
        match &mut self.0 {
            Inner::Aes(stream) => {
                for tile in words.chunks_mut(TILE_WORDS) {
                    let keystream = &mut scratch[..tile.len() * WORD_BYTES];
                    stream.write_keystream(keystream);
                    for (word, bytes) in tile.iter_mut().zip(keystream.as_chunks::<WORD_BYTES>().0) {
                        apply(word, &from_little_endian(bytes));
                    }
                }
            }
            Inner::Keccak { seed, next } => {
                for word in words {
                    let mut index = [0; 32];
                    index[24..].copy_from_slice(&next.to_be_bytes());
                    apply(word, &from_bytes(&keccak256(&[seed.as_slice(), &index])));
                    *next = next.wrapping_add(1);
                }
            }
        }
    }
}

#[inline]
fn from_little_endian(bytes: &[u8; WORD_BYTES]) -> Word {
    let limbs = bytes.as_chunks::<8>().0;
    std::array::from_fn(|limb| u64::from_le_bytes(limbs[limb]))
}

/// The first `count` words of a seed's stream.
#[must_use]
pub fn expand(suite: Suite, seed: &[u8; 32], count: usize) -> Vec<Word> {
    let mut words = vec![[0; 4]; count];
    Stream::new(suite, seed).combine(Sign::Plus, &mut words, &mut [0; TILE_WORDS * WORD_BYTES]);
    words
}
