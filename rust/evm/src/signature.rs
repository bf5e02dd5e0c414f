//! Recovery of a signer, half as long as revm's own: that one verifies afterwards what it has just recovered.

use revm::{
    precompile::{Crypto, PrecompileHalt},
    primitives::keccak256,
};

use k256::{
    AffinePoint, FieldBytes, ProjectivePoint, Scalar, U256,
    ecdsa::Signature,
    elliptic_curve::{
        Group, PrimeField,
        ops::{LinearCombination, Reduce},
        point::DecompressPoint,
        sec1::ToEncodedPoint,
    },
};

/// revm's precompiles with this recovery.
#[derive(Debug)]
pub(crate) struct Precompiles;

impl Crypto for Precompiles {
    fn secp256k1_ecrecover(
        &self,
        signature: &[u8; 64],
        parity: u8,
        hash: &[u8; 32],
    ) -> Result<[u8; 32], PrecompileHalt> {
        recover(signature, parity, hash).ok_or(PrecompileHalt::Secp256k1RecoverFailed)
    }
}

/// The signer's address in the last 20 bytes; `None` if r or s isn't within 1..n or no point has the abscissa r.
///
/// The point is R = (r, y) with the given parity of y, the key Q = r^-1 (s R - z G). Verifying Q computes
/// s^-1 (z G + r Q) = R again, whose abscissa is r: it can't fail.
fn recover(signature: &[u8; 64], parity: u8, hash: &[u8; 32]) -> Option<[u8; 32]> {
    let (r, s) = Signature::from_slice(signature).ok()?.split_scalars();
    let point = Option::<AffinePoint>::from(AffinePoint::decompress(&r.to_repr(), (parity & 1).into()))?;
    let z = <Scalar as Reduce<U256>>::reduce_bytes(&FieldBytes::from(*hash));
    let inverse = Option::<Scalar>::from(r.invert())?;
    let key = ProjectivePoint::lincomb(
        &ProjectivePoint::GENERATOR,
        &-(inverse * z),
        &ProjectivePoint::from(point),
        &(inverse * *s),
    );
    if bool::from(key.is_identity()) {
        return None;
    }
    let mut address = keccak256(&key.to_affine().to_encoded_point(false).as_bytes()[1..]).0;
    address[..12].fill(0);
    Some(address)
}

#[cfg(test)]
mod tests {
    use revm::{
        precompile::{Crypto, DefaultCrypto},
        primitives::{B256, U256, keccak256},
    };

    use super::Precompiles;

    const ORDER: U256 = U256::from_be_bytes([
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae,
        0xdc, 0xe6, 0xaf, 0x48, 0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41,
    ]);

    /// Of the generator: with s = hash the recovered key is the point at infinity.
    const ABSCISSA: U256 = U256::from_be_bytes([
        0x79, 0xbe, 0x66, 0x7e, 0xf9, 0xdc, 0xbb, 0xac, 0x55, 0xa0, 0x62, 0x95, 0xce, 0x87, 0x0b, 0x07, 0x02, 0x9b,
        0xfc, 0xdb, 0x2d, 0xce, 0x28, 0xd9, 0x59, 0xf2, 0x81, 0x5b, 0x16, 0xf8, 0x17, 0x98,
    ]);

    /// How many of the recoveries succeeded; each gives what revm's own gives.
    fn agree(cases: impl Iterator<Item = (B256, B256, B256)>) -> usize {
        let mut succeeded = 0;
        for (r, s, hash) in cases {
            let signature: [u8; 64] = [r.0, s.0].concat().try_into().expect("64 bytes");
            for parity in [0, 1] {
                let expected = DefaultCrypto.secp256k1_ecrecover(&signature, parity, &hash.0).ok();
                assert_eq!(
                    Precompiles.secp256k1_ecrecover(&signature, parity, &hash.0).ok(),
                    expected,
                    "{r} {s} {hash}"
                );
                succeeded += usize::from(expected.is_some());
            }
        }
        succeeded
    }

    #[test]
    fn any_words_give_what_they_give_in_revm() {
        let word = |label: u8, i: u16| keccak256([label.to_be_bytes().as_slice(), &i.to_be_bytes()].concat());
        let succeeded = agree((0..200).map(|i| (word(0, i), word(1, i), word(2, i))));
        assert!((100..300).contains(&succeeded), "half of all words are abscissas, got {succeeded} of 400");
    }

    #[test]
    fn borders_give_what_they_give_in_revm() {
        let one = U256::from(1);
        let edges = [
            U256::ZERO,
            one,
            U256::from(5),
            ORDER >> 1,
            (ORDER >> 1) + one,
            ORDER - one,
            ORDER,
            ORDER + one,
            U256::MAX,
            ABSCISSA,
        ];
        let words: Vec<B256> = edges.into_iter().map(B256::from).collect();
        let all = words.iter().flat_map(|r| words.iter().flat_map(|s| words.iter().map(|hash| (*r, *s, *hash))));
        assert!(agree(all) > 0);
    }
}
