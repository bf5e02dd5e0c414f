//! Commitments to blobs of short numbers, by the commitments to Lagrange's polynomials: numbers stay short there, where the
//! coefficients of their polynomial are any. Those commitments take as long as about 20 others, once a process.

use std::sync::LazyLock;

use blst::{MultiPoint, blst_p1_affine};
use ekzg_bls12_381::group::Group;
use ekzg_bls12_381::group::prime::PrimeCurveAffine;
use ekzg_bls12_381::{G1Point, G1Projective};

use crate::domain::{N, inverse_root, one_nth};
use crate::parallel;
use crate::point::Point;
use crate::setup;

/// From how many blobs on the time for Lagrange's commitments is saved.
pub(crate) const MANY: usize = 32;

/// Bits of a short number.
const BITS: usize = u16::BITS as usize;

/// n times the commitment to the polynomial that is 1 at a place and 0 at all others, for each place.
static LAGRANGE: LazyLock<Vec<blst_p1_affine>> = LazyLock::new(|| {
    let mut points: Vec<G1Projective> = setup::powers().iter().map(projective).collect();
    let mut half = N / 2;
    while half > 0 {
        let place = |index: usize| (index / half * 2 * half + index % half, index % half);
        let turned = parallel::each(N / 2, |index| {
            let (low, step) = place(index);
            let (sum, difference) = (points[low] + points[low + half], points[low] - points[low + half]);
            let turned = if step == 0 { difference } else { difference * inverse_root(N / (2 * half) * step) };
            (sum, turned)
        });
        for (index, (sum, turned)) in turned.into_iter().enumerate() {
            let low = place(index).0;
            (points[low], points[low + half]) = (sum, turned);
        }
        half /= 2;
    }
    points.iter().map(|point| *Point::of(point).0.as_ref()).collect()
});

fn projective(point: &blst_p1_affine) -> G1Projective {
    let mut affine = G1Point::identity();
    *affine.as_mut() = *point;
    affine.into()
}

/// The commitment to the blob of these numbers; places that lack one have 0.
pub(crate) fn commit_short(numbers: &[u16]) -> Point {
    let count = numbers.len().min(N);
    if count == 0 {
        return Point::of(&G1Projective::identity());
    }
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    let mut sum = G1Projective::identity();
    *sum.as_mut() = LAGRANGE[..count].mult(&bytes, BITS);
    Point::of(&(sum * one_nth()))
}

#[cfg(test)]
mod tests {
    use super::{N, Point, commit_short};
    use crate::commit;

    #[test]
    fn commitments_are_those_of_the_blobs() {
        let cases: [&[u16]; 4] = [&[], &[1], &[0, 65_535, 7], &std::array::from_fn::<u16, N, _>(|at| (at * at) as u16)];
        for numbers in cases {
            let word = |at: usize| [&[0; 30][..], &numbers.get(at).copied().unwrap_or(0).to_be_bytes()].concat();
            let blob: Vec<u8> = (0..N).flat_map(word).collect();
            let found: Point = commit_short(numbers);
            assert_eq!(commit(&blob), Ok(found));
        }
    }
}
