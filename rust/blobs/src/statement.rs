//! What is proven: the products of the centred sums of all groups (B3).

use crate::blob::Range;
use crate::domain::N;
use crate::error::{Result, in_range};
use crate::field::{Scalar, Word, from_integer};

/// Fewest members of a group.
pub const MIN_MEMBERS: u64 = 2;

/// Most members of a group.
pub const MAX_MEMBERS: u64 = 255;

/// The largest Q.
pub const MAX_BOUND: u64 = i32::MAX as u64;

/// Most groups of a session.
pub const MAX_GROUPS: usize = 256;

/// Most blobs of a member.
pub const MAX_CHUNKS: usize = 1 << 16;

/// Which products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The squared length of each sum.
    Norms = 1,
    /// Those of each two sums too.
    Gram = 2,
}

/// Everything but the commitments and the products.
#[derive(Clone, Debug)]
pub struct Statement {
    /// Which products.
    pub kind: Kind,
    /// What the proof is bound to: chain, session and parameters, hashed by the contract.
    pub context: Word,
    groups: usize,
    chunks: usize,
    range: Range,
}

impl Statement {
    /// About R `groups` of N `members` whose values are -`bound` to `bound`, in c `chunks` each. The products are then below
    /// c n (N Q)^2 < 2^106 in absolute value, and so integers, not only numbers modulo q.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`].
    pub fn new(kind: Kind, context: Word, groups: usize, members: u64, chunks: usize, bound: u64) -> Result<Self> {
        let range = Range::new(members, bound)?;
        in_range("groups", 1, MAX_GROUPS as u64, groups as u64)?;
        in_range("chunks", 1, MAX_CHUNKS as u64, chunks as u64)?;
        Ok(Self { kind, context, groups, chunks, range })
    }

    /// R.
    #[must_use]
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// c.
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.chunks
    }

    /// How sums are read.
    #[must_use]
    pub fn range(&self) -> Range {
        self.range
    }

    /// Commitments of the sums, R c.
    #[must_use]
    pub fn commitments(&self) -> usize {
        self.groups * self.chunks
    }

    /// The pairs of groups r <= s whose products are proven, in their order: the rows of the upper triangle.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let last = move |r: usize| if self.kind == Kind::Norms { r + 1 } else { self.groups };
        (0..self.groups).flat_map(move |r| (r..last(r)).map(move |s| (r, s)))
    }

    /// Whether sums in range can have this product with each other, or with themselves.
    pub(crate) fn has(&self, same: bool, product: i128) -> bool {
        let offset = i128::from(self.range.offset());
        let most = (N * self.chunks) as i128 * offset * offset;
        (if same { 0 } else { -most }..=most).contains(&product)
    }

    /// Values of polynomials that a proof has, M.
    #[must_use]
    pub fn openings(&self) -> usize {
        match self.kind {
            Kind::Norms => self.commitments(),
            Kind::Gram => self.chunks,
        }
    }
}

/// Products as words: q - |p| for a negative one.
#[must_use]
pub fn words_of(products: &[i128]) -> Vec<Word> {
    scalars_of(products).iter().map(Scalar::to_bytes_be).collect()
}

pub(crate) fn scalars_of(products: &[i128]) -> Vec<Scalar> {
    products.iter().map(|product| from_integer(*product)).collect()
}
