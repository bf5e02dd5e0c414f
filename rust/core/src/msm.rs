//! Sums of multiples of public points of secp256k1, in variable time: for checks of what is on the chain, never for secrets.
//!
//! Buckets (N. Pippenger, "On the evaluation of powers and monomials", SIAM J. Comput. 9, 1980) over signed digits of 5 bits.
//! Points stay affine: many additions at once share one inversion (P. Montgomery's trick), which makes each of them six
//! multiplications instead of the eleven of complete formulas.

use std::sync::LazyLock;

use k256::elliptic_curve::Group;
use k256::elliptic_curve::point::BatchNormalize;
use k256::elliptic_curve::sec1::{FromEncodedPoint, ToEncodedPoint};
use k256::{AffinePoint, EncodedPoint, FieldElement, ProjectivePoint};

const DIGIT_BITS: usize = 5;
const BUCKETS: usize = 1 << (DIGIT_BITS - 1);

/// Additions that share an inversion: an inversion takes as long as about fifty of them.
const BATCH: usize = 2048;

/// Sums whose buckets are filled together, so that the points of many members stay in the second-level cache.
const TOGETHER: usize = 16;

/// Digits of a number below 2^256.
pub(crate) const FULL_DIGITS: usize = 256usize.div_ceil(DIGIT_BITS);

/// Bytes of a point, x || y.
pub const POINT_BYTES: usize = 64;

/// A public point of the curve, not the identity.
#[derive(Clone, Copy)]
pub(crate) struct Point {
    x: FieldElement,
    y: FieldElement,
}

impl Point {
    /// The point with these coordinates, big-endian; `None` unless both are below p and it is on the curve.
    pub(crate) fn from_bytes(bytes: &[u8; POINT_BYTES]) -> Option<Self> {
        let coordinate = |bytes: &[u8; 32]| FieldElement::from_bytes(&(*bytes).into()).into_option();
        let [x, y] = bytes.as_chunks().0 else { return None };
        let (x, y) = (coordinate(x)?, coordinate(y)?);
        let right = x.square() * x + FieldElement::from_u64(7);
        bool::from((y.square().negate(1) + right).normalizes_to_zero()).then_some(Self { x, y })
    }

    /// `None` for the identity.
    pub(crate) fn from_affine(point: &AffinePoint) -> Option<Self> {
        let encoded = point.to_encoded_point(false);
        Self::from_bytes(encoded.as_bytes().get(1..)?.try_into().ok()?)
    }

    /// x || y.
    pub(crate) fn bytes(&self) -> [u8; POINT_BYTES] {
        let mut bytes = [0; POINT_BYTES];
        let (x, y) = bytes.split_at_mut(POINT_BYTES / 2);
        x.copy_from_slice(&self.x.normalize().to_bytes());
        y.copy_from_slice(&self.y.normalize().to_bytes());
        bytes
    }

    pub(crate) fn projective(&self) -> ProjectivePoint {
        let encoded = EncodedPoint::from_untagged_bytes((&self.bytes()).into());
        AffinePoint::from_encoded_point(&encoded).map(ProjectivePoint::from).unwrap_or(ProjectivePoint::IDENTITY)
    }

    /// The image under the automorphism (x, y) -> (beta x, y) of order 3, applied `turns` times.
    pub(crate) fn turned(&self, turns: u32) -> Self {
        match turns % 3 {
            0 => *self,
            turns => Self { x: self.x * ROOTS[turns as usize - 1], y: self.y },
        }
    }

    fn negated(&self) -> Self {
        Self { x: self.x, y: self.y.negate(1).normalize_weak() }
    }
}

/// The cube roots of 1 modulo p, beta and its square (R. Gallant, R. Lambert, S. Vanstone, CRYPTO 2001).
static ROOTS: LazyLock<[FieldElement; 2]> = LazyLock::new(|| {
    const BYTES: [u8; 32] = [
        0x7a, 0xe9, 0x6a, 0x2b, 0x65, 0x7c, 0x07, 0x10, 0x6e, 0x64, 0x47, 0x9e, 0xac, 0x34, 0x34, 0xe9, 0x9c, 0xf0,
        0x49, 0x75, 0x12, 0xf5, 0x89, 0x95, 0xc1, 0x39, 0x6c, 0x28, 0x71, 0x95, 0x01, 0xee,
    ];
    let beta = FieldElement::from_bytes(&BYTES.into()).unwrap_or(FieldElement::ONE);
    [beta, beta.square()]
});

/// Terms of a sum of multiples, with as many digits a multiple.
pub(crate) struct Sum {
    points: Vec<Point>,
    /// For each digit, lowest first, that of each point's multiple.
    digits: Vec<Vec<i8>>,
}

impl Sum {
    /// A sum without terms whose multiples have `digits` digits, [`digits_of`] the largest.
    pub(crate) fn new(digits: usize) -> Self {
        Self { points: Vec::new(), digits: vec![Vec::new(); digits] }
    }

    /// Adds `magnitude P` or takes it off; `magnitude` little-endian.
    pub(crate) fn push(&mut self, point: Point, magnitude: [u64; 4], negative: bool) {
        let mut carry = 0;
        for (index, digits) in self.digits.iter_mut().enumerate() {
            let window = carry + bits_of(&magnitude, index * DIGIT_BITS);
            carry = i8::from(window > BUCKETS as i8);
            let window = window - (carry << DIGIT_BITS);
            digits.push(if negative { -window } else { window });
        }
        self.points.push(point);
    }
}

/// Digits of the multiples up to `largest`: 16 + 16 * 32 + ... is the largest of so many.
pub(crate) fn digits_of(largest: u128) -> usize {
    let (mut digits, mut reach) = (0, 0);
    while reach < largest {
        reach = (reach << DIGIT_BITS) + BUCKETS as u128;
        digits += 1;
    }
    digits
}

fn bits_of(limbs: &[u64; 4], bit: usize) -> i8 {
    let limb = |index: usize| u128::from(limbs.get(index).copied().unwrap_or(0));
    let wide = limb(bit / 64) | limb(bit / 64 + 1) << 64;
    ((wide >> (bit % 64)) as u8 & ((1 << DIGIT_BITS) - 1)) as i8
}

/// The values of sums, `None` for the identity, together: the more of them the faster each.
pub(crate) fn evaluate(sums: &[Sum]) -> Vec<Option<Point>> {
    let buckets: Vec<_> = sums.chunks(TOGETHER).flat_map(|sums| Lists::of(sums).reduced()).collect();
    let windows = weighted(&buckets);
    let mut windows = windows.iter();
    let mut value = |sum: &Sum| {
        let windows: Vec<_> = windows.by_ref().take(sum.digits.len()).collect();
        windows.iter().rev().fold(ProjectivePoint::IDENTITY, |value, window| {
            let shifted = (0..DIGIT_BITS).fold(value, |value, _| value.double());
            window.map_or(shifted, |point| shifted + point.projective())
        })
    };
    normalised(&sums.iter().map(&mut value).collect::<Vec<_>>())
}

/// Points in affine form. Of k256's `batch_normalize` it has to be kept that it fails for no points at all, and for identities
/// that came out of a computation.
fn normalised(points: &[ProjectivePoint]) -> Vec<Option<Point>> {
    let finite: Vec<_> = points.iter().copied().filter(|point| !bool::from(point.is_identity())).collect();
    if finite.is_empty() {
        return vec![None; points.len()];
    }
    let mut affine = <ProjectivePoint as BatchNormalize<[ProjectivePoint]>>::batch_normalize(&finite).into_iter();
    let next = |point: &ProjectivePoint| if point.is_identity().into() { None } else { affine.next() };
    points.iter().map(next).map(|affine| affine.as_ref().and_then(Point::from_affine)).collect()
}

/// Lists of points to be added up, one after the other.
struct Lists {
    points: Vec<Point>,
    lengths: Vec<usize>,
}

impl Lists {
    /// For each sum, for each digit: the points that have it as 1, 2 ... 16, or as the negative of that.
    fn of(sums: &[Sum]) -> Self {
        let (mut points, mut lengths) = (Vec::new(), Vec::new());
        for sum in sums {
            for digits in &sum.digits {
                let mut ends = [0; BUCKETS + 1];
                digits.iter().for_each(|digit| ends[usize::from(digit.unsigned_abs())] += 1);
                lengths.extend_from_slice(&ends[1..]);
                let mut end = points.len();
                for bucket in &mut ends[1..] {
                    (*bucket, end) = (end, end + *bucket);
                }
                points.resize(end, Point { x: FieldElement::ZERO, y: FieldElement::ZERO });
                for (point, digit) in sum.points.iter().zip(digits).filter(|(_, digit)| **digit != 0) {
                    let next = &mut ends[usize::from(digit.unsigned_abs())];
                    points[*next] = if *digit < 0 { point.negated() } else { *point };
                    *next += 1;
                }
            }
        }
        Self { points, lengths }
    }

    /// The sum of each list, by halves.
    fn reduced(mut self) -> Vec<Option<Point>> {
        while self.lengths.iter().any(|length| *length > 1) {
            self.halve();
        }
        let mut points = self.points.into_iter();
        self.lengths.iter().map(|length| points.by_ref().take(*length).next()).collect()
    }

    /// Puts sums of two in the place of two.
    fn halve(&mut self) {
        let (mut pairs, mut start) = (Vec::with_capacity(self.points.len() / 2), 0);
        for length in &self.lengths {
            let list = &self.points[start..start + length];
            pairs.extend(list.as_chunks::<2>().0.iter().map(|[one, other]| (one, other)));
            start += length;
        }
        let mut results = added(&pairs).into_iter();
        let mut halved = Vec::with_capacity(self.points.len() / 2 + self.lengths.len());
        start = 0;
        for length in &mut self.lengths {
            let (first, last) = (halved.len(), start + *length);
            halved.extend(results.by_ref().take(*length / 2).flatten());
            if *length % 2 == 1 {
                halved.push(self.points[last - 1]);
            }
            *length = halved.len() - first;
            start = last;
        }
        self.points = halved;
    }
}

/// `sum_b b P_b` of each run of buckets: the sum of what has been added up after each bucket, from the last one down.
fn weighted(buckets: &[Option<Point>]) -> Vec<Option<Point>> {
    let runs = buckets.as_chunks::<BUCKETS>().0;
    let mut sums: Vec<Option<Point>> = vec![None; 2 * runs.len()];
    for bucket in (0..BUCKETS).rev().map(Some).chain([None]) {
        let next = runs.iter().map(|run| bucket.and_then(|bucket| run[bucket].as_ref()));
        sums = added_to(&sums, next.chain(sums[..runs.len()].iter().map(Option::as_ref)));
    }
    sums.split_off(runs.len())
}

fn added_to<'a>(
    sums: &'a [Option<Point>],
    summands: impl Iterator<Item = Option<&'a Point>> + Clone,
) -> Vec<Option<Point>> {
    let pairs: Vec<_> = sums.iter().zip(summands.clone()).filter_map(|(one, other)| one.as_ref().zip(other)).collect();
    let mut results = added(&pairs).into_iter();
    let sum = |(one, other): (&Option<Point>, Option<&Point>)| match (one, other) {
        (Some(_), Some(_)) => results.next().flatten(),
        (one, other) => (*one).or(other.copied()),
    };
    sums.iter().zip(summands).map(sum).collect()
}

/// The sums of pairs, `None` for the identity.
fn added(pairs: &[(&Point, &Point)]) -> Vec<Option<Point>> {
    let mut results = Vec::with_capacity(pairs.len());
    for pairs in pairs.chunks(BATCH) {
        add_batch(pairs, &mut results);
    }
    results
}

/// Additions with one inversion.
fn add_batch(pairs: &[(&Point, &Point)], results: &mut Vec<Option<Point>>) {
    let mut product = FieldElement::ONE;
    let mut products = Vec::with_capacity(pairs.len());
    for (one, other) in pairs {
        products.push(product);
        if let Some(chord) = Chord::of(one, other) {
            product *= chord.run;
        }
    }
    let mut inverse = product.normalize().invert().unwrap_or(FieldElement::ONE);
    let start = results.len();
    results.resize(start + pairs.len(), None);
    for (((one, other), before), result) in pairs.iter().zip(products).zip(&mut results[start..]).rev() {
        let Some(chord) = Chord::of(one, other) else { continue };
        let slope = chord.rise * (inverse * before);
        inverse *= chord.run;
        let x = (slope.square() + one.x.negate(1) + other.x.negate(1)).normalize_weak();
        let y = (slope * (one.x + x.negate(1)) + one.y.negate(1)).normalize_weak();
        *result = Some(Point { x, y });
    }
}

/// The slope, as a fraction, of the line through two points, or of the tangent.
struct Chord {
    rise: FieldElement,
    run: FieldElement,
}

impl Chord {
    /// `None` for opposite points. No point has y = 0, for n is odd.
    #[inline]
    fn of(one: &Point, other: &Point) -> Option<Self> {
        let (rise, run) = (other.y + one.y.negate(1), other.x + one.x.negate(1));
        if !bool::from(run.normalizes_to_zero()) {
            return Some(Self { rise, run });
        }
        let tangent = || Self { rise: one.x.square().mul_single(3), run: one.y.double() };
        bool::from(rise.normalizes_to_zero()).then(tangent)
    }
}

#[cfg(test)]
mod tests {
    use k256::elliptic_curve::Group;
    use k256::elliptic_curve::sec1::ToEncodedPoint;
    use k256::{ProjectivePoint, Scalar};
    use proptest::prelude::*;

    use super::{FULL_DIGITS, Point, Sum, digits_of, evaluate};

    fn multiple(k: u64) -> Point {
        Point::from_affine(&(ProjectivePoint::GENERATOR * Scalar::from(k)).to_affine()).unwrap()
    }

    /// Terms (k, m, negative) of sums of m k G.
    fn check(digits: usize, sums: &[Vec<(u64, u64, bool)>]) {
        let expected: Vec<Option<[u8; 64]>> = sums
            .iter()
            .map(|terms| {
                let term = |(k, m, negative): &(u64, u64, bool)| {
                    let product = Scalar::from(*k) * Scalar::from(*m);
                    if *negative { -product } else { product }
                };
                let sum = ProjectivePoint::GENERATOR * terms.iter().map(term).sum::<Scalar>();
                Point::from_affine(&sum.to_affine()).map(|point| point.bytes())
            })
            .collect();
        let sums: Vec<Sum> = sums
            .iter()
            .map(|terms| {
                let mut sum = Sum::new(digits);
                terms.iter().for_each(|(k, m, negative)| sum.push(multiple(*k), [*m, 0, 0, 0], *negative));
                sum
            })
            .collect();
        let values = evaluate(&sums);
        assert_eq!(expected, values.iter().map(|value| value.map(|point| point.bytes())).collect::<Vec<_>>());
    }

    #[test]
    fn as_many_digits_as_the_largest_multiple_needs() {
        for (largest, digits) in [(0, 0), (1, 1), (16, 1), (17, 2), (16 + 16 * 32, 2), (16 + 16 * 32 + 1, 3)] {
            assert_eq!(digits, digits_of(largest));
            check(digits, &[vec![(3, largest as u64, false), (5, largest as u64, true)]]);
        }
        check(digits_of(u64::MAX.into()), &[vec![(1, u64::MAX, false)], vec![(9, u64::MAX - 1, true)]]);
        check(FULL_DIGITS, &[vec![], vec![(1, 1, false)]]);
    }

    #[test]
    fn equal_and_opposite_points() {
        check(2, &[vec![(7, 5, false), (7, 5, false), (7, 5, true), (7, 5, true)], vec![(7, 5, false); 9]]);
        check(1, &[(1..=16).map(|m| (1, m, false)).collect(), vec![(4, 16, false), (4, 14, false)]]);
    }

    #[test]
    fn the_whole_order() {
        let mut sum = Sum::new(FULL_DIGITS);
        let order = [0xbfd2_5e8c_d036_4141, 0xbaae_dce6_af48_a03b, u64::MAX - 1, u64::MAX];
        sum.push(multiple(11), order, false);
        assert!(evaluate(&[sum])[0].is_none());
    }

    #[test]
    fn turning_a_point_multiplies_it_by_a_cube_root_of_one() {
        let (point, turned) = (multiple(5), multiple(5).turned(1));
        assert_ne!(point.bytes(), turned.bytes());
        assert!(Point::from_bytes(&turned.bytes()).is_some());
        // 1 + lambda + lambda^2 = 0
        let sum = point.projective() + turned.projective() + point.turned(2).projective();
        assert!(bool::from(sum.is_identity()));
        assert_eq!(point.bytes(), point.turned(3).bytes());
    }

    #[test]
    fn bytes_that_are_no_point() {
        let point = multiple(2);
        let encoded = ProjectivePoint::GENERATOR.double().to_affine().to_encoded_point(false);
        assert_eq!(encoded.as_bytes()[1..], point.bytes());
        for index in [0, 31, 32, 63] {
            let mut bytes = point.bytes();
            bytes[index] ^= 1;
            assert!(Point::from_bytes(&bytes).is_none());
        }
        assert!(Point::from_bytes(&[0; 64]).is_none());
        assert!(Point::from_bytes(&[255; 64]).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn sums_of_multiples(
            sums in prop::collection::vec(prop::collection::vec((1..6u64, any::<u64>(), any::<bool>()), 0..40), 0..12)
        ) {
            check(digits_of(u64::MAX.into()), &sums);
        }
    }
}
