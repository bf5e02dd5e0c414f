//! The golden vectors of tests/vectors/blobs.json, made by plain Python and c-kzg (the README.md beside them says how to read them).

mod vectors_file;

use omnilytics_blobs::blob::{self, Range};
use omnilytics_blobs::mask::mask_at;
use omnilytics_blobs::point::{Compressed, Point, read_points};
use omnilytics_blobs::statement::{Kind, Statement};
use omnilytics_blobs::{commit, opening, prove, verify};
use omnilytics_core::digest::keccak256;
use omnilytics_core::mask::{PairSeed, Sign};
use serde_json::Value;
use vectors_file::{bytes, fixed, list, load, number};

const N: usize = 4096;

/// A member's values: numbers from -Q to Q by the first 8 bytes of hashes.
fn values(seed: &[u8; 32], bound: u64, count: u64) -> Vec<i32> {
    let value = |index: u64| {
        let hash = keccak256(&[seed, &[0; 24], &index.to_be_bytes()]);
        let drawn = u64::from_be_bytes(hash[..8].try_into().expect("8 bytes"));
        (drawn % (2 * bound + 1)) as i32 - bound as i32
    };
    (0..count).map(value).collect()
}

/// A group's uploads by member and chunk, checked against their hashes and commitments; the sums of each chunk.
fn sums_of(session: &Value, group: &Value) -> Vec<Vec<u8>> {
    let (bound, parameters) = (number(&session["bound"]), number(&session["parameters"]));
    let pair_seed: [u8; 32] = fixed(&group["pair_seed"]);
    let mut uploads: Vec<Vec<Vec<u8>>> = vec![];
    for (member, seed) in list(&group["value_seeds"]).iter().enumerate() {
        let sign = if member == 0 { Sign::Plus } else { Sign::Minus };
        let pairs = [PairSeed { peer: 1 - member, seed: pair_seed.into(), sign }];
        let values = values(&fixed(seed), bound, parameters);
        let blob = |(chunk, values): (usize, &[i32])| blob::masked(values, bound, (N * chunk) as u64, &pairs).unwrap();
        uploads.push(values.chunks(N).enumerate().map(blob).collect());
        for (chunk, blob) in uploads[member].iter().enumerate() {
            assert_eq!(fixed(&group["blob_hashes"][member][chunk]), keccak256(&[blob]));
            assert_eq!(fixed(&group["commitments"][member][chunk]), commit(blob).unwrap().compressed());
        }
    }
    let chunks = 0..uploads[0].len();
    chunks.map(|chunk| blob::sum(&uploads.iter().map(|upload| &upload[chunk]).collect::<Vec<_>>()).unwrap()).collect()
}

struct Session {
    sums: Vec<Vec<u8>>,
    commitments: Vec<Point>,
}

fn sessions(vectors: &Value) -> Vec<Session> {
    let session = |session: &Value| {
        let groups = list(&session["groups"]);
        let sums: Vec<Vec<u8>> = groups.iter().flat_map(|group| sums_of(session, group)).collect();
        let chunks = number(&session["chunks"]) as usize;
        let points = |group: &Value| read_points("sums", &bytes(&group["sums"]), chunks).unwrap();
        let commitments: Vec<Point> = groups.iter().flat_map(points).collect();
        for group in groups {
            let uploads: Vec<&Value> = list(&group["commitments"]).iter().flat_map(list).collect();
            let points = read_points("points", &bytes(&group["points"]), uploads.len()).unwrap();
            let compressed: Vec<Compressed> = points.iter().map(Point::compressed).collect();
            assert_eq!(uploads.into_iter().map(fixed).collect::<Vec<_>>(), compressed);
            let sum = |chunk| points.iter().skip(chunk).step_by(chunks).copied().sum();
            assert_eq!(
                read_points("sums", &bytes(&group["sums"]), chunks).unwrap(),
                (0..chunks).map(sum).collect::<Vec<_>>()
            );
        }
        let last = Range::new(number(&session["members"]), number(&session["bound"])).unwrap();
        let inside = number(&session["parameters"]) as usize - N * (chunks - 1);
        assert_eq!(last.decode(&sums[chunks - 1], inside).unwrap().len(), inside);
        Session { sums, commitments }
    };
    list(&vectors["sessions"]).iter().map(session).collect()
}

fn statement(vectors: &Value, case: &Value) -> Statement {
    let session = &vectors["sessions"][number(&case["session"]) as usize];
    let kind = if number(&case["kind"]) == 1 { Kind::Norms } else { Kind::Gram };
    let (groups, field) = (list(&session["groups"]).len(), |name: &str| number(&session[name]));
    let chunks = field("chunks") as usize;
    Statement::new(kind, fixed(&case["context"]), groups, field("members"), chunks, field("bound")).unwrap()
}

fn products(case: &Value) -> Vec<i128> {
    list(&case["products"]).iter().map(|product| product.as_str().expect("decimal").parse().unwrap()).collect()
}

#[test]
fn uploads_proofs_and_openings() {
    let vectors = load("blobs.json");
    let sessions = sessions(&vectors);
    for case in list(&vectors["proofs"]) {
        let (statement, session) = (statement(&vectors, case), &sessions[number(&case["session"]) as usize]);
        let proof = prove(&statement, &session.commitments, &session.sums).unwrap();
        assert_eq!(products(case), proof.products, "{}", case["name"]);
        assert_eq!(bytes(&case["proof"]), proof.bytes, "{}", case["name"]);
    }
    for case in list(&vectors["false_proofs"]) {
        let (statement, session) = (statement(&vectors, case), &sessions[number(&case["session"]) as usize]);
        let taken = verify(&statement, &session.commitments, &products(case), &bytes(&case["proof"]));
        assert_eq!(Ok(false), taken, "{}", case["name"]);
    }
    for case in list(&vectors["openings"]) {
        let session = number(&case["session"]) as usize;
        let chunks = number(&vectors["sessions"][session]["chunks"]) as usize;
        let index = number(&case["index"]) as usize;
        let (blob, place) = (chunks * number(&case["group"]) as usize + index / N, index % N);
        let (value, proof) = opening::open(&sessions[session].sums[blob], place).unwrap();
        assert_eq!((fixed(&case["element"]), fixed(&case["proof"])), (value, proof));
        let commitment = sessions[session].commitments[blob].compressed();
        assert_eq!(Ok(true), opening::holds(&commitment, place, &value, &proof));
    }
}

#[test]
fn elements_of_malformed_sums_open() {
    let vectors = load("blobs.json");
    for (name, case) in vectors["malformed"].as_object().expect("an object") {
        let commitment = Point::from_bytes("point", &fixed(&case["point"])).unwrap().compressed();
        let (place, value, proof) = (number(&case["index"]) as usize, fixed(&case["element"]), fixed(&case["proof"]));
        assert_eq!(Ok(true), opening::holds(&commitment, place, &value, &proof), "{name}");
        assert_eq!(Ok(false), opening::holds(&commitment, place + 1, &value, &proof), "{name}");
    }
}

#[test]
fn masks_and_points_of_the_domain() {
    let vectors = load("blobs.json");
    for case in list(&vectors["masks"]) {
        assert_eq!(fixed(&case["mask"]), mask_at(&fixed(&case["seed"]), number(&case["index"])));
    }
    for case in list(&vectors["domain"]) {
        assert_eq!(Ok(fixed(&case["point"])), opening::point_of(number(&case["index"]) as usize));
    }
}
