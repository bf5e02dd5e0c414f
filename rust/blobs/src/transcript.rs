//! Challenges: what is hashed, to the byte (B4).

use ekzg_bls12_381::ff::Field;
use omnilytics_core::digest::{keccak256, uint256};

use crate::domain::{N, one_nth};
use crate::field::{Scalar, Word, from_hash, powers};
use crate::point::Point;
use crate::statement::{Kind, Statement};

/// What challenges hang on so far.
pub(crate) struct Transcript(pub(crate) Word);

/// The random combination of products.
pub(crate) struct Combination {
    /// alpha^r.
    pub(crate) left: Vec<Scalar>,
    /// beta^s; that of `norms` is all ones, and only r = s counts.
    pub(crate) right: Vec<Scalar>,
}

/// z, the point where polynomials are opened.
pub(crate) struct OpenedAt {
    pub(crate) z: Scalar,
    /// Z(z), not 0.
    pub(crate) vanishing: Scalar,
}

/// A list hashed item by item: keccak256(... keccak256(keccak256(hash || item 0) || item 1) ...).
pub(crate) fn fold<T: AsRef<[u8]>>(hash: Word, items: impl Iterator<Item = T>) -> Word {
    items.fold(hash, |hash, item| keccak256(&[&hash, item.as_ref()]))
}

/// The hash of the hashes of all groups' sums, as the contract stores them.
fn root_of(statement: &Statement, commitments: &[Point]) -> Word {
    let groups = commitments.chunks(statement.chunks());
    fold([0; 32], groups.map(|group| fold([0; 32], group.iter().map(Point::bytes))))
}

impl Transcript {
    /// t0, from everything that is claimed.
    pub(crate) fn new(statement: &Statement, commitments: &[Point], products: &[Scalar]) -> Self {
        let products: Vec<u8> = products.iter().flat_map(Scalar::to_bytes_be).collect();
        let kind = uint256(statement.kind as u64);
        Self(keccak256(&[&statement.context, &kind, &root_of(statement, commitments), &keccak256(&[&products])]))
    }

    /// alpha and beta, in their powers.
    pub(crate) fn combination(&self, statement: &Statement) -> Combination {
        let right = match statement.kind {
            Kind::Norms => Scalar::ONE,
            Kind::Gram => from_hash(&keccak256(&[&self.0])),
        };
        let powers = |challenge| powers(challenge, statement.groups());
        Combination { left: powers(from_hash(&self.0)), right: powers(right) }
    }

    /// z, unless it is in H, where nothing is proven.
    pub(crate) fn opened_at(&mut self, remainder: &Point, quotient: &Point) -> Option<OpenedAt> {
        let z = self.next(&[&remainder.bytes(), &quotient.bytes()]);
        let vanishing = z.pow_vartime([N as u64]) - Scalar::ONE;
        (vanishing != Scalar::ZERO).then_some(OpenedAt { z, vanishing })
    }

    /// delta, after the values at z.
    pub(crate) fn after_values(&mut self, values: &[Scalar]) -> Scalar {
        self.0 = fold(self.0, values.iter().map(Scalar::to_bytes_be));
        from_hash(&self.0)
    }

    /// The challenge after these bytes: z after `[S]` and `[h]`, gamma after both witnesses.
    pub(crate) fn next(&mut self, parts: &[&[u8]]) -> Scalar {
        let all: Vec<&[u8]> = std::iter::once(&self.0[..]).chain(parts.iter().copied()).collect();
        self.0 = keccak256(&all);
        from_hash(&self.0)
    }
}

impl Combination {
    /// v / n, which S must have at 0.
    pub(crate) fn mean(&self, statement: &Statement, products: &[Scalar]) -> Scalar {
        let weight = |r: usize, s: usize| self.left[r] * self.right[s];
        let term = |((r, s), product): ((usize, usize), &Scalar)| match (statement.kind, r == s) {
            (Kind::Norms, _) => self.left[r] * product,
            (Kind::Gram, true) => weight(r, s) * product,
            (Kind::Gram, false) => (weight(r, s) + weight(s, r)) * product,
        };
        statement.pairs().zip(products).map(term).sum::<Scalar>() * one_nth()
    }
}
