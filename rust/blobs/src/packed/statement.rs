//! What is proven of packed sums, and how their lanes are numbered (B12, B13).

use crate::error::{Result, in_range};
use crate::field::{Scalar, WORD_BYTES, Word};
use crate::packing::{LANE_BITS, LANES, MAX_SUM};
use crate::point::POINT_BYTES;
use crate::statement::{Kind, Statement};

/// Most lanes of all groups: 64 groups of 2^20 values, as a session may have.
pub const MAX_LANES: usize = 1 << 14;

/// Points of a proof beside lanes and helpers: `[m]`, `[g]`, `[S]`, `[q0]`, `[q1]`, both witnesses.
pub(super) const OTHER_POINTS: usize = 7;

/// How much larger the kinds of packed sums are than those of others.
const KIND_OFFSET: u64 = 2;

/// Everything but the commitments and the products.
#[derive(Clone, Debug)]
pub struct Packed(Statement);

/// Where a lane stands.
pub(super) struct Lane {
    /// The sum of which it is a digit: group after group, in each chunk after chunk.
    pub(super) sum: usize,
    /// Which digit; digit 0 is implied by the sum and the others.
    pub(super) digit: usize,
    /// The number of the sum's digit 0 among all lanes.
    pub(super) first: usize,
}

impl Packed {
    /// About R `groups` of N `members` whose values are -`bound` to `bound`, in M `lanes` of 4,096 values each.
    ///
    /// # Errors
    /// [`crate::Error::OutOfRange`], also for sums that don't fit a lane, and for more lanes than a session has.
    pub fn new(kind: Kind, context: Word, groups: usize, members: u64, lanes: usize, bound: u64) -> Result<Self> {
        let statement = Statement::new(kind, context, groups, members, lanes, bound)?;
        in_range("members * bound", 1, MAX_SUM / 2, statement.range().offset())?;
        in_range("lanes of all groups", 1, MAX_LANES as u64, statement.commitments() as u64)?;
        Ok(Self(statement))
    }

    /// The same of sums that were blobs of their own.
    #[must_use]
    pub fn products(&self) -> &Statement {
        &self.0
    }

    /// What the transcript has for the kind.
    pub(super) fn kind(&self) -> u64 {
        self.0.kind as u64 + KIND_OFFSET
    }

    /// Lanes of all groups, K.
    #[must_use]
    pub fn lanes(&self) -> usize {
        self.0.commitments()
    }

    /// Pairs of lanes, the last one maybe of one lane: I.
    #[must_use]
    pub fn helpers(&self) -> usize {
        self.lanes().div_ceil(2)
    }

    /// Blobs of a group, c.
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.0.chunks().div_ceil(LANES)
    }

    /// Sums of all groups, R c.
    #[must_use]
    pub fn sums(&self) -> usize {
        self.0.groups() * self.chunks()
    }

    /// Lanes of a group's chunk `chunk`, which is below c.
    pub(super) fn lanes_of(&self, chunk: usize) -> usize {
        self.0.chunks().saturating_sub(LANES * chunk).min(LANES)
    }

    /// All lanes, by their numbers: the first of each group, then the second.
    pub(super) fn places(&self) -> impl Iterator<Item = Lane> + '_ {
        (0..self.lanes()).map(|number| {
            let (lane, group) = (number / self.0.groups(), number % self.0.groups());
            let digit = lane % LANES;
            Lane { sum: group * self.chunks() + lane / LANES, digit, first: number - self.0.groups() * digit }
        })
    }

    /// Bytes of the evidence: lanes, points and values of the proof.
    #[must_use]
    pub fn evidence_bytes(&self) -> usize {
        POINT_BYTES * (self.lanes() + self.helpers() + OTHER_POINTS) + WORD_BYTES * (self.lanes() + 1)
    }
}

/// 2^(12 digit).
pub(super) fn weight(digit: usize) -> Scalar {
    (0..digit).fold(Scalar::from(1), |weight, _| weight * Scalar::from(1 << LANE_BITS))
}

#[cfg(test)]
mod tests {
    use super::{Kind, Packed};

    #[test]
    fn the_longest_evidence_of_one_call_has_576_lanes() {
        let bytes = |lanes| Packed::new(Kind::Norms, [0; 32], 1, 2, lanes, 1).unwrap().evidence_bytes();
        assert!(bytes(576) <= 130_048 && bytes(577) > 130_048);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let message = |groups, lanes, bound| Packed::new(Kind::Gram, [0; 32], groups, 2, lanes, bound).unwrap_err();
        assert_eq!(message(1, 1, 1_024).to_string(), "members * bound: expected 1 to 2047, got 2048");
        assert_eq!(message(64, 257, 1).to_string(), "lanes of all groups: expected 1 to 16384, got 16448");
        assert!(Packed::new(Kind::Norms, [0; 32], 64, 2, 256, 1).is_ok());
        assert_eq!(message(0, 1, 1).to_string(), "groups: expected 1 to 256, got 0");
    }

    #[test]
    fn lanes_are_numbered_by_digit_and_group() {
        let packed = Packed::new(Kind::Gram, [0; 32], 2, 2, 22, 1).unwrap();
        let places: Vec<_> = packed.places().map(|lane| (lane.sum, lane.digit, lane.first)).collect();
        assert_eq!([packed.lanes(), packed.helpers(), packed.chunks(), packed.sums()], [44, 22, 2, 4]);
        assert_eq!([places[0], places[40], places[42]], [(0, 0, 0), (0, 20, 0), (1, 0, 42)]);
        assert_eq!([places[1], places[41], places[43]], [(2, 0, 1), (2, 20, 1), (3, 0, 43)]);
        assert_eq!([packed.lanes_of(0), packed.lanes_of(1), packed.lanes_of(2)], [21, 1, 0]);
    }
}
