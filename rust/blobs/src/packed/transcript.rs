//! Challenges of a proof of packed sums (B14).

use omnilytics_core::digest::{keccak256, uint256};

use super::statement::Packed;
use crate::field::{Scalar, from_hash};
use crate::point::Point;
use crate::transcript::{OpenedAt, Transcript, fold};

/// What the identity between the polynomials hangs on.
pub(super) struct Challenges {
    /// Where logarithmic derivatives are compared.
    pub(super) xi: Scalar,
    /// Weighs their difference beside the products.
    pub(super) zeta: Scalar,
    /// Weighs what is zero on all of H.
    pub(super) eta: Scalar,
    /// Where polynomials are opened.
    pub(super) at: OpenedAt,
}

impl Transcript {
    /// t0, from everything that is claimed, all lanes, and how often each number is among their elements.
    pub(super) fn packed(statement: &Packed, lanes: &[Point], claimed: &[Scalar], multiplicities: &Point) -> Self {
        let products: Vec<u8> = claimed.iter().flat_map(Scalar::to_bytes_be).collect();
        let (kind, root) = (uint256(statement.kind()), fold([0; 32], lanes.iter().map(Point::bytes)));
        let context = &statement.products().context;
        Self(keccak256(&[context, &kind, &root, &keccak256(&[&products]), &multiplicities.bytes()]))
    }

    /// xi, while this is t0.
    pub(super) fn xi(&self) -> Scalar {
        from_hash(&keccak256(&[&keccak256(&[&self.0])]))
    }

    /// zeta, after the helpers and the table's.
    pub(super) fn after_helpers(&mut self, helpers: &[Point], table: &Point) -> Scalar {
        self.0 = fold(self.0, helpers.iter().chain([table]).map(Point::bytes));
        from_hash(&self.0)
    }
}
