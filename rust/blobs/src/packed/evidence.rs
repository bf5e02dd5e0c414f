//! The bytes of a proof of packed sums: all lanes and helpers, then the rest of the proof (B14).

use super::statement::{OTHER_POINTS, Packed};
use crate::field::{Scalar, WORD_BYTES, from_word};
use crate::point::{POINT_BYTES, Point};

/// Evidence that is well formed.
#[derive(Debug, PartialEq)]
pub(super) struct Evidence {
    /// Of each lane the commitment, but of digits 0 that of the whole sum.
    pub(super) lanes: Vec<Point>,
    pub(super) helpers: Vec<Point>,
    pub(super) multiplicities: Point,
    pub(super) table: Point,
    pub(super) remainder: Point,
    pub(super) quotients: [Point; 2],
    /// At z, of all lanes and of the identity.
    pub(super) values: Vec<Scalar>,
    pub(super) witness: Point,
    pub(super) witness_at_zero: Point,
}

impl Evidence {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let others = [&self.multiplicities, &self.table, &self.remainder];
        let points = self.lanes.iter().chain(&self.helpers).chain(others).chain(&self.quotients);
        let values = self.values.iter().flat_map(Scalar::to_bytes_be);
        let witnesses = [self.witness, self.witness_at_zero];
        points.flat_map(Point::bytes).chain(values).chain(witnesses.iter().flat_map(Point::bytes)).collect()
    }

    pub(super) fn read(statement: &Packed, bytes: &[u8]) -> Option<Self> {
        if bytes.len() != statement.evidence_bytes() {
            return None;
        }
        let (lanes, helpers) = (statement.lanes(), statement.helpers());
        let (points, rest) = bytes.split_at(POINT_BYTES * (lanes + helpers + OTHER_POINTS - 2));
        let (words, witnesses) = rest.split_at(WORD_BYTES * (lanes + 1));
        let point = |bytes: &[u8; POINT_BYTES]| Point::from_bytes("point", bytes).ok();
        let all = points.as_chunks().0.iter().chain(witnesses.as_chunks().0);
        let mut points = all.map(point).collect::<Option<Vec<Point>>>()?.into_iter();
        let words = words.as_chunks().0.iter().enumerate();
        Some(Self {
            lanes: points.by_ref().take(lanes).collect(),
            helpers: points.by_ref().take(helpers).collect(),
            multiplicities: points.next()?,
            table: points.next()?,
            remainder: points.next()?,
            quotients: [points.next()?, points.next()?],
            values: words.map(|(index, word)| from_word(word, index).ok()).collect::<Option<_>>()?,
            witness: points.next()?,
            witness_at_zero: points.next()?,
        })
    }
}
