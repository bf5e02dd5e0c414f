//! What blob mode reads: points in both encodings, blobs of sums, and proofs, which nothing may change and still hold.
#![no_main]

use std::sync::LazyLock;

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use omnilytics_blobs::blob::{self, BLOB_BYTES, Range};
use omnilytics_blobs::packed::{self, Packed};
use omnilytics_blobs::packing;
use omnilytics_blobs::point::{Point, read_points};
use omnilytics_blobs::statement::{Kind, Statement};
use omnilytics_blobs::{Proof, commit, opening, prove, verify};

const BOUND: u64 = 1_000;

#[derive(Arbitrary, Debug)]
enum Input {
    Compressed([u8; 48]),
    /// Without the 32 bytes that must be zero.
    Coordinates([u8; 96]),
    Points(Vec<u8>, u8),
    /// Bytes of a blob that are changed, and how many values it is said to have.
    Sum(Vec<(u32, u8)>, u16),
    /// Bytes of a proof that are changed, bytes more, and what is added to a product.
    Proof(Vec<(u16, u8)>, Vec<u8>, i64),
    Opening([u8; 48], u16, [u8; 32], [u8; 48]),
    /// The same of packed sums: bytes of the evidence that are changed, bytes more, and what is added to a product.
    Packed(Vec<(u16, u8)>, Vec<u8>, i64),
}

/// A true claim with its proof.
struct Honest {
    statement: Statement,
    points: Vec<Point>,
    blob: Vec<u8>,
    proof: Proof,
}

static HONEST: LazyLock<Honest> = LazyLock::new(|| {
    let statement = Statement::new(Kind::Gram, [7; 32], 2, 2, 1, BOUND).expect("a good statement");
    let values: Vec<i32> = (0..50).map(|place| 41 * place - 1_000).collect();
    let blob = blob::masked(&values, 2 * BOUND, 0, &[]).expect("values in range");
    let points = vec![commit(&blob).expect("a blob"); 2];
    let proof = prove(&statement, &points, &[&blob, &blob]).expect("sums in range");
    Honest { statement, points, blob, proof }
});

/// The same of packed sums: three lanes, so that one helper is of one lane.
struct HonestPacked {
    statement: Packed,
    points: Vec<Point>,
    proof: packed::Proof,
}

static PACKED: LazyLock<HonestPacked> = LazyLock::new(|| {
    let statement = Packed::new(Kind::Norms, [7; 32], 1, 2, 3, BOUND).expect("a good statement");
    let values: Vec<i32> = (0..9_000).map(|place| 41 * place % 4_001 - 2_000).collect();
    let blob = packing::masked(&values, 2 * BOUND, 0, &[]).expect("values in range");
    let points = vec![commit(&blob).expect("a blob")];
    let proof = packed::prove(&statement, &points, &[&blob]).expect("sums in range");
    HonestPacked { statement, points, proof }
});

fuzz_target!(|input: Input| {
    let honest = &*HONEST;
    match input {
        Input::Compressed(bytes) => comes_back(Point::from_compressed("point", &bytes).ok(), &bytes),
        Input::Coordinates(bytes) => {
            let mut point = [0; 128];
            point[16..64].copy_from_slice(&bytes[..48]);
            point[80..].copy_from_slice(&bytes[48..]);
            comes_back(Point::from_bytes("point", &point).ok(), &point);
        }
        Input::Points(bytes, count) => {
            let read = read_points("points", &bytes, count.into());
            assert!(read.is_err() || bytes.len() == 128 * usize::from(count));
        }
        Input::Sum(changes, count) => sum(&honest.blob, &changes, count.into()),
        Input::Proof(changes, more, added) => {
            let (mut bytes, mut products) = (honest.proof.bytes.clone(), honest.proof.products.clone());
            let length = bytes.len();
            changes.iter().for_each(|(place, change)| bytes[usize::from(*place) % length] ^= change);
            bytes.extend_from_slice(&more);
            products[0] += i128::from(added);
            let same = bytes == honest.proof.bytes && added == 0;
            assert_eq!(Ok(same), verify(&honest.statement, &honest.points, &products, &bytes));
        }
        Input::Opening(commitment, place, value, proof) => {
            let _ = opening::holds(&commitment, place.into(), &value, &proof);
        }
        Input::Packed(changes, more, added) => {
            let honest = &*PACKED;
            let (mut evidence, mut products) = (honest.proof.evidence.clone(), honest.proof.products.clone());
            let length = evidence.len();
            changes.iter().for_each(|(place, change)| evidence[usize::from(*place) % length] ^= change);
            evidence.extend_from_slice(&more);
            products[0] += i128::from(added);
            let same = evidence == honest.proof.evidence && added == 0;
            assert_eq!(Ok(same), packed::verify(&honest.statement, &honest.points, &products, &evidence));
        }
    }
});

fn comes_back<const LENGTH: usize>(point: Option<Point>, bytes: &[u8; LENGTH]) {
    let Some(point) = point else { return };
    assert!(point.compressed().as_slice() == bytes || point.bytes().as_slice() == bytes);
    assert_eq!(Ok(point), Point::from_compressed("point", &point.compressed()));
    assert_eq!(Ok(point), Point::from_bytes("point", &point.bytes()));
}

fn sum(blob: &[u8], changes: &[(u32, u8)], count: usize) {
    let mut blob = blob.to_vec();
    changes.iter().for_each(|(place, change)| blob[*place as usize % BLOB_BYTES] ^= change);
    let range = Range::new(2, BOUND).expect("a good range");
    let Ok(values) = range.decode(&blob, count) else { return };
    assert_eq!(count, values.len());
    assert!(values.iter().all(|value| value.unsigned_abs() <= 2 * BOUND));
    let sum: i64 = values.iter().sum();
    let words = blob.chunks(32).map(|word| i64::from_be_bytes(word[24..].try_into().expect("8 bytes")));
    assert_eq!(sum + 4_096 * 2 * BOUND as i64, words.sum::<i64>());
    assert_eq!(blob::sum(&[&blob]), Ok(blob));
}
