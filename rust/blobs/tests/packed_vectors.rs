//! The golden vectors of tests/vectors/packed.json: proofs of packed sums, made by plain Python and c-kzg.

mod vectors_file;

use omnilytics_blobs::commit;
use omnilytics_blobs::packed::{Packed, prove, verify};
use omnilytics_blobs::packing::{LANES, masked};
use omnilytics_blobs::point::{Point, read_points};
use omnilytics_blobs::statement::Kind;
use omnilytics_core::digest::keccak256;
use serde_json::Value;
use vectors_file::{bytes, fixed, list, load, number};

const N: usize = 4096;

struct Session {
    sums: Vec<Vec<u8>>,
    commitments: Vec<Point>,
}

/// The sums of a group, by 2 bytes of hashes for each value.
fn sums_of(session: &Value, group: &Value) -> Vec<Vec<u8>> {
    let offset = number(&session["members"]) * number(&session["bound"]);
    let (seed, parameters): ([u8; 32], _) = (fixed(&group["seed"]), number(&session["parameters"]) as usize);
    let hashes = (0..parameters.div_ceil(16) as u64).map(|index| keccak256(&[&seed, &[0; 24], &index.to_be_bytes()]));
    let drawn: Vec<u8> = hashes.flatten().collect();
    let value = |pair: &[u8]| (u64::from(pair[0]) * 256 + u64::from(pair[1])) % (2 * offset + 1);
    let values = drawn.chunks(2).take(parameters).map(|pair| value(pair) as i32 - offset as i32);
    let values: Vec<i32> = values.collect();
    let blobs: Vec<Vec<u8>> = values.chunks(LANES * N).map(|chunk| masked(chunk, offset, 0, &[]).unwrap()).collect();
    for (blob, hash) in blobs.iter().zip(list(&group["blob_hashes"])) {
        assert_eq!(fixed(hash), keccak256(&[blob]));
    }
    blobs
}

fn session(session: &Value) -> Session {
    let groups = list(&session["groups"]);
    let sums: Vec<Vec<u8>> = groups.iter().flat_map(|group| sums_of(session, group)).collect();
    let chunks = sums.len() / groups.len();
    let points = |group: &Value| read_points("sums", &bytes(&group["sums"]), chunks).unwrap();
    let commitments: Vec<Point> = groups.iter().flat_map(points).collect();
    assert_eq!(sums.iter().map(|sum| commit(sum).unwrap()).collect::<Vec<_>>(), commitments);
    Session { sums, commitments }
}

fn statement(vectors: &Value, case: &Value) -> Packed {
    let session = &vectors["sessions"][number(&case["session"]) as usize];
    let kind = if number(&case["kind"]) == 3 { Kind::Norms } else { Kind::Gram };
    let (groups, field) = (list(&session["groups"]).len(), |name: &str| number(&session[name]));
    let lanes = field("lanes") as usize;
    Packed::new(kind, fixed(&case["context"]), groups, field("members"), lanes, field("bound")).unwrap()
}

fn products(case: &Value) -> Option<Vec<i128>> {
    list(&case["products"]).iter().map(|product| product.as_str().expect("decimal").parse().ok()).collect()
}

#[test]
fn proofs_are_those_of_plain_python() {
    let vectors = load("packed.json");
    let sessions: Vec<Session> = list(&vectors["sessions"]).iter().map(session).collect();
    for case in list(&vectors["proofs"]) {
        let (statement, session) = (statement(&vectors, case), &sessions[number(&case["session"]) as usize]);
        let proof = prove(&statement, &session.commitments, &session.sums).unwrap();
        assert_eq!(products(case).unwrap(), proof.products, "{}", case["name"]);
        assert_eq!(bytes(&case["evidence"]), proof.evidence, "{}", case["name"]);
    }
    for case in list(&vectors["false_proofs"]) {
        let (statement, session) = (statement(&vectors, case), &sessions[number(&case["session"]) as usize]);
        let products = products(case).expect("products of 128 bits");
        let taken = verify(&statement, &session.commitments, &products, &bytes(&case["evidence"]));
        assert_eq!(Ok(false), taken, "{}", case["name"]);
    }
    let numbers: Vec<u8> =
        (0..N as u64).flat_map(|number| [[0; 24].to_vec(), number.to_be_bytes().to_vec()].concat()).collect();
    assert_eq!(commit(&numbers), Ok(Point::from_bytes("identity", &fixed(&vectors["identity"])).unwrap()));
}
