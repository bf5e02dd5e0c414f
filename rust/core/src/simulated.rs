//! What simulations draw instead of the operating system's randomness: keccak256 of a domain, a seed and a counter.

use rand_core::{CryptoRng, RngCore};
use zeroize::Zeroizing;

use crate::digest::{keccak256, uint256};

/// The bytes of `keccak256(domain || seed || i)`, i = 0, 1, ... as 32 bytes. As secret as the seed. Wiped when dropped.
pub struct SeedStream {
    domain: [u8; 32],
    seed: Zeroizing<[u8; 32]>,
    next: u64,
    block: Zeroizing<[u8; 32]>,
    used: usize,
}

impl SeedStream {
    /// The stream of a seed, before its first byte.
    #[must_use]
    pub fn new(domain: [u8; 32], seed: &[u8; 32]) -> Self {
        Self { domain, seed: Zeroizing::new(*seed), next: 0, block: Zeroizing::new([0; 32]), used: 32 }
    }
}

impl RngCore for SeedStream {
    fn next_u32(&mut self) -> u32 {
        rand_core::impls::next_u32_via_fill(self)
    }

    fn next_u64(&mut self) -> u64 {
        rand_core::impls::next_u64_via_fill(self)
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            if self.used == self.block.len() {
                *self.block = keccak256(&[&self.domain, &*self.seed, &uint256(self.next)]);
                self.next = self.next.wrapping_add(1);
                self.used = 0;
            }
            *byte = self.block[self.used];
            self.used += 1;
        }
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand_core::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for SeedStream {}
