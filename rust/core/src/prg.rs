//! The generators that expand a pair seed into one word a vector word (PROTOCOL.md section 5, E11).
//!
//! AES runs in counter mode with a 64-bit little-endian counter in the block's first half: `aes` 0.9.3 picks VAES at run
//! time for that flavour and is then twice as fast as OpenSSL 3.0. It is not the counter layout of NIST SP 800-38A.

use aes::Aes128;
use ctr::Ctr64LE;
use ctr::cipher::{KeyIvInit, StreamCipher};
use zeroize::Zeroizing;

use crate::keccak;
use crate::lanes::WireWord;
use crate::params::Suite;

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

    /// The next words, each as 32 little-endian bytes.
    pub fn fill(&mut self, words: &mut [WireWord]) {
        match &mut self.0 {
            Inner::Aes(stream) => stream.write_keystream(words.as_flattened_mut()),
            Inner::Keccak { seed, next } => {
                keccak::fill(seed, *next, words);
                *next = next.wrapping_add(words.len() as u64);
            }
        }
    }
}
