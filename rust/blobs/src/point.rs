//! Points of G1 on the wire: compressed (48 bytes), and as EIP-2537 has them (128 bytes).

use ekzg_bls12_381::G1Point;
pub(crate) use ekzg_bls12_381::G1Projective;
use ekzg_bls12_381::group::Group;
use ekzg_bls12_381::group::prime::PrimeCurveAffine;
use ekzg_bls12_381::traits::Curve;

use crate::error::{Error, Result};

/// Bytes of a point as EIP-4844 has it.
pub const COMPRESSED_BYTES: usize = 48;

/// Bytes of a point as EIP-2537 has it.
pub const POINT_BYTES: usize = 128;

/// Zero bytes before each coordinate.
const PAD: usize = 16;

/// Bits of a coordinate's first byte that mean something else in other encodings.
const FLAGS: u8 = 0xe0;

/// x and its flags.
pub type Compressed = [u8; COMPRESSED_BYTES];

/// x and y, 64 bytes each; all zero for infinity.
pub type Uncompressed = [u8; POINT_BYTES];

/// A point of the subgroup of order q.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point(pub(crate) G1Point);

impl Point {
    /// The point that is written in 48 bytes.
    ///
    /// # Errors
    /// [`Error::NotAPoint`] for other bytes, and for points off the curve or outside the subgroup.
    pub fn from_compressed(what: &'static str, bytes: &Compressed) -> Result<Self> {
        Option::from(G1Point::from_compressed(bytes)).map(Self).ok_or(Error::NotAPoint { what })
    }

    /// The point that is written in 128 bytes.
    ///
    /// # Errors
    /// [`Error::NotAPoint`] for other bytes, and for points off the curve or outside the subgroup.
    pub fn from_bytes(what: &'static str, bytes: &Uncompressed) -> Result<Self> {
        let refused = Error::NotAPoint { what };
        if bytes.iter().all(|byte| *byte == 0) {
            return Ok(Self(G1Point::identity()));
        }
        let mut packed = [0; 2 * COMPRESSED_BYTES];
        for (half, packed) in bytes.as_chunks::<{ POINT_BYTES / 2 }>().0.iter().zip(packed.chunks_mut(COMPRESSED_BYTES))
        {
            let (pad, coordinate) = half.split_at(PAD);
            if pad.iter().any(|byte| *byte != 0) || coordinate[0] & FLAGS != 0 {
                return Err(refused);
            }
            packed.copy_from_slice(coordinate);
        }
        Option::from(G1Point::from_uncompressed(&packed)).map(Self).ok_or(refused)
    }

    /// 48 bytes.
    #[must_use]
    pub fn compressed(&self) -> Compressed {
        self.0.to_compressed()
    }

    /// 128 bytes.
    #[must_use]
    pub fn bytes(&self) -> Uncompressed {
        let mut bytes = [0; POINT_BYTES];
        if !bool::from(self.0.is_identity()) {
            let packed = self.0.to_uncompressed();
            for (half, coordinate) in bytes.chunks_mut(POINT_BYTES / 2).zip(packed.chunks(COMPRESSED_BYTES)) {
                half[PAD..].copy_from_slice(coordinate);
            }
        }
        bytes
    }

    pub(crate) fn of(point: &G1Projective) -> Self {
        Self(point.to_affine())
    }
}

impl std::iter::Sum for Point {
    fn sum<I: Iterator<Item = Self>>(points: I) -> Self {
        Self::of(&points.fold(G1Projective::identity(), |sum, point| sum + point.0))
    }
}

/// As many points as there are 128 bytes.
///
/// # Errors
/// [`Error::Length`] unless there are `count`, [`Error::NotAPoint`].
pub fn read_points(what: &'static str, bytes: &[u8], count: usize) -> Result<Vec<Point>> {
    let (points, rest) = bytes.as_chunks();
    crate::error::same_length(what, POINT_BYTES * count, bytes.len())?;
    debug_assert!(rest.is_empty());
    points.iter().map(|bytes| Point::from_bytes(what, bytes)).collect()
}

#[cfg(test)]
mod tests {
    use ekzg_bls12_381::group::prime::PrimeCurveAffine;

    use super::{G1Point, G1Projective, Point, read_points};
    use crate::field::Scalar;

    fn multiple(factor: u64) -> Point {
        Point::of(&(G1Projective::from(G1Point::generator()) * Scalar::from(factor)))
    }

    #[test]
    fn points_come_back() {
        for point in [0, 1, 2, 77].map(multiple) {
            assert_eq!(Ok(point), Point::from_bytes("p", &point.bytes()));
            assert_eq!(Ok(point), Point::from_compressed("p", &point.compressed()));
        }
        assert_eq!(multiple(0).bytes(), [0; 128]);
        assert_eq!(multiple(0).compressed()[0], 0xc0);
        assert_eq!(multiple(5), [2, 0, 3].map(multiple).into_iter().sum());
    }

    #[test]
    fn other_bytes_are_refused() {
        let point = multiple(5).bytes();
        for place in [0, 15, 16, 63, 64, 79, 80, 127] {
            for bit in [0x01, 0x20, 0x40, 0x80] {
                let mut other = point;
                other[place] ^= bit;
                assert!(Point::from_bytes("p", &other).is_err(), "{place} {bit}");
            }
        }
        let message = Point::from_compressed("sum", &[0x80; 48]).unwrap_err().to_string();
        assert_eq!(message, "sum: expected a point of BLS12-381's G1, got bytes that are none");
        assert_eq!(read_points("sums", &point, 2).unwrap_err().to_string(), "sums: expected 256, got 128");
    }

    /// x = 4, y = sqrt(68): on the curve, of another order.
    #[test]
    fn points_outside_the_subgroup_are_refused() {
        let mut bytes = [0; 48];
        (bytes[0], bytes[47]) = (0x80, 4);
        let point: Option<G1Point> = G1Point::from_compressed_unchecked(&bytes).into();
        let point = Point(point.unwrap());
        assert!(bool::from(point.0.is_on_curve()));
        assert!(Point::from_compressed("p", &bytes).is_err());
        assert!(Point::from_bytes("p", &point.bytes()).is_err());
    }
}
