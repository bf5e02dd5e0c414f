//! The golden vectors of tests/vectors, made by the plain-Python protocol (its README.md says how to read them).

#[path = "vectors/public.rs"]
mod public;
#[path = "vectors/recover.rs"]
mod recover;

use omnilytics_core::digest::{self, Address, Hash};
use omnilytics_core::fixed;
use omnilytics_core::floats;
use omnilytics_core::gram;
use omnilytics_core::keys::{MaskKey, PublicMaskKey};
use omnilytics_core::lanes::{self, LaneWidth};
use omnilytics_core::mask::{GroupContext, Masker, pair_seeds};
use omnilytics_core::params::{CodecParams, KrumPicks, RawParams, Suite};
use omnilytics_core::prg;
use omnilytics_core::select::{self, Distances, Selection};
use omnilytics_core::{Error, draw};
use serde_json::Value;

fn load(name: &str) -> Value {
    let path = format!("{}/../../tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).expect(&path)).expect(&path)
}

fn cases(value: &Value, key: &str) -> Vec<Value> {
    value[key].as_array().expect(key).clone()
}

fn bytes(value: &Value) -> Vec<u8> {
    let digits = value.as_str().expect("hexadecimal").trim_start_matches("0x").as_bytes();
    let digit = |digit: u8| char::from(digit).to_digit(16).expect("a digit") as u8;
    digits.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn fixed_bytes<const N: usize>(value: &Value) -> [u8; N] {
    bytes(value).try_into().expect("a fixed length")
}

fn floats_of(value: &Value) -> Vec<f32> {
    bytes(value).chunks_exact(4).map(|b| f32::from_be_bytes(b.try_into().expect("4 bytes"))).collect()
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn decimal<T: std::str::FromStr<Err: std::fmt::Debug>>(value: &Value) -> T {
    value.as_str().expect("decimal").parse().expect("decimal")
}

fn integers(value: &Value) -> Vec<i32> {
    let values = value.as_array().expect("integers").iter();
    values.map(|value| i32::try_from(value.as_i64().expect("an integer")).expect("32 bits")).collect()
}

fn width(case: &Value) -> LaneWidth {
    LaneWidth::from_bits(number(&case["lane_bits"])).expect("a lane width")
}

fn suite(case: &Value) -> Suite {
    if case["suite"] == "aes" { Suite::Aes } else { Suite::Keccak }
}

/// Parameters with N = 4, Q = 7 and 6-bit lanes, for the caller to change.
fn raw(parameter_count: u64) -> RawParams {
    RawParams {
        parameter_count,
        members: 4,
        encoding: 0,
        clip: u64::from(0.05f32.to_bits()),
        bound: 7,
        lane_bits: 6,
        chunk_words: 720,
        ..RawParams::default()
    }
}

#[test]
fn encoding() {
    for case in cases(&load("encoding.json"), "cases") {
        let weights = floats_of(&case["weights"]);
        let params = CodecParams::new(&RawParams {
            members: number(&case["members"]),
            encoding: number(&case["encoding"]),
            clip: u64::from(u32::from_be_bytes(fixed_bytes(&case["clip"]))),
            bound: number(&case["bound"]),
            lane_bits: number(&case["lane_bits"]),
            rule: number(&case["rule"]),
            krum_m: number(&case["rule"]),
            ..raw(weights.len() as u64)
        })
        .expect("legal parameters");
        let (published, seed) = (floats_of(&case["published"]), fixed_bytes(&case["rounding_seed"]));
        let mut words = vec![[0; 32]; params.words()];
        let shrink = case["shrink"] == true && params.rule().shrinks();
        let encoded = fixed::encode(params.coding(), &weights, &published, &seed, shrink, &mut words).expect("finite");
        let values = lanes::unpack(params.width(), &words, weights.len());
        assert_eq!(Ok(integers(&case["values"])), values, "{}", case["name"]);
        assert_eq!(number(&case["clipped"]), encoded.clipped as u64, "{}", case["name"]);
        assert_eq!(fixed_bytes(&case["scale"]), encoded.scale.to_be_bytes(), "{}", case["name"]);
        assert_eq!(bytes(&case["words"]), words.as_flattened());
    }
}

#[test]
fn lanes_and_words() {
    let vectors = load("lanes.json");
    for case in cases(&vectors, "packing") {
        let (values, expected) = (integers(&case["values"]), bytes(&case["words"]));
        let words = lanes::pack(width(&case), &values).expect("values in their lanes");
        assert_eq!(expected, words.as_flattened(), "{}", case["name"]);
        assert_eq!(Ok(values.clone()), lanes::unpack(width(&case), &words, values.len()), "{}", case["name"]);
    }
    for case in cases(&vectors, "decoding") {
        let data = bytes(&case["words"]);
        let words = lanes::read_words(&data, data.len() / 32).expect("whole words");
        let values = lanes::unpack(width(&case), words, number(&case["parameter_count"]) as usize);
        assert_eq!(Ok(integers(&case["values"])), values, "{}", case["name"]);
    }
    for case in cases(&vectors, "floats") {
        let (vector, words) = (floats_of(&case["vector"]), bytes(&case["words"]));
        assert_eq!(Ok(words.clone()), floats::float_words(&vector));
        assert_eq!(Ok(vector.clone()), floats::from_float_words(&words, vector.len()));
    }
}

#[test]
fn generators() {
    for case in cases(&load("prg.json"), "cases") {
        let mut words = vec![[0; 32]; number(&case["count"]) as usize];
        prg::Stream::new(suite(&case), &fixed_bytes(&case["seed"])).fill(&mut words);
        words.iter_mut().for_each(|word| word.reverse());
        let stream = words.as_flattened();
        assert_eq!(bytes(&case["first"]), stream[..160], "{}", case["name"]);
        assert_eq!(bytes(&case["last"]), stream[stream.len() - 32..], "{}", case["name"]);
        assert_eq!(fixed_bytes(&case["keccak256"]), digest::keccak256(&[stream]), "{}", case["name"]);
    }
}

#[test]
fn keys_and_signatures() {
    let vectors = load("keys.json");
    for case in cases(&vectors, "cases") {
        for key in [
            MaskKey::from_seed(&fixed_bytes(&case["seed"])),
            MaskKey::from_bytes(&fixed_bytes(&case["secret"])).expect("a legal key"),
        ] {
            assert_eq!(fixed_bytes(&case["x"]), key.public().x);
            assert_eq!(case["parity"] == 1, key.public().odd);
            assert_eq!(&fixed_bytes::<20>(&case["address"]), key.address());
            assert_eq!(Ok(*key.address()), key.public().address(0));
            let (session, sender): (Address, Address) = (fixed_bytes(&case["session"]), fixed_bytes(&case["sender"]));
            let signed = digest::key_digest(number(&case["chain_id"]), &session, &sender);
            assert_eq!(fixed_bytes(&case["digest"]), signed);
            let signature = key.sign(&signed).expect("a signature");
            assert_eq!(number(&case["v"]), u64::from(signature.v));
            assert_eq!(fixed_bytes(&case["r"]), signature.r);
            assert_eq!(fixed_bytes(&case["s"]), signature.s);
        }
    }
    for x in cases(&vectors, "bad_x") {
        let key = PublicMaskKey { x: fixed_bytes(&x), odd: false };
        assert!(matches!(key.point(3), Err(Error::PublicKey { place: 3, .. })), "{x}");
    }
}

#[test]
fn masks_of_a_group() {
    for case in cases(&load("masks.json"), "cases") {
        let count = number(&case["parameter_count"]);
        let suite_code = u64::from(suite(&case) == Suite::Keccak);
        let params = CodecParams::new(&RawParams { suite: suite_code, ..raw(count) }).expect("legal parameters");
        let key = |peer: &Value| PublicMaskKey { x: fixed_bytes(&peer["x"]), odd: peer["parity"] == 1 };
        let peers: Vec<PublicMaskKey> = cases(&case, "peers").iter().map(key).collect();
        let set_hash = digest::set_hash(peers.iter().map(|peer| (peer.x, peer.odd)));
        assert_eq!(fixed_bytes(&case["set_hash"]), set_hash);
        let pairs = cases(&case, "pairs");
        for (place, seed) in cases(&case, "key_seeds").iter().enumerate() {
            let key = MaskKey::from_seed(&fixed_bytes(seed));
            let context = GroupContext {
                chain_id: number(&case["chain_id"]),
                session: fixed_bytes(&case["session"]),
                group: number(&case["group"]),
                place,
                model_hash: fixed_bytes(&case["model_hash"]),
                peers: peers.clone(),
            };
            for pair in pair_seeds(4, &key, &context).expect("a legal group") {
                let (lo, hi) = (place.min(pair.peer) as u64, place.max(pair.peer) as u64);
                let expected = pairs.iter().find(|pair| pair["lo"] == lo && pair["hi"] == hi).expect("the pair");
                assert_eq!(fixed_bytes::<32>(&expected["seed"]), *pair.seed);
                let address = key.pair_address(&peers[pair.peer], pair.peer).expect("a point");
                assert_eq!(fixed_bytes::<20>(&expected["address"]), *address);
            }
            let masker = Masker::new(&params, &key, &context).expect("a legal group");
            let mut words = bytes(&case["plain"][place]);
            masker.mask(words.as_chunks_mut().0);
            assert_eq!(bytes(&case["masked"][place]), words);
        }
    }
}

#[test]
fn digests() {
    let vectors = load("digests.json");
    for case in cases(&vectors, "keccak256") {
        assert_eq!(fixed_bytes(&case["hash"]), digest::keccak256(&[&bytes(&case["data"])]));
    }
    for case in cases(&vectors, "commitments") {
        let hashes = digest::chunk_hashes(&bytes(&case["words"]), number(&case["chunk_words"]) as usize);
        let expected: Vec<Hash> = cases(&case, "chunk_hashes").iter().map(fixed_bytes).collect();
        assert_eq!(expected, hashes);
        assert_eq!(Ok(fixed_bytes(&case["root"])), digest::commitment_root(&hashes));
    }
    for case in cases(&vectors, "published") {
        let chunks: Vec<Vec<u8>> = cases(&case, "chunks").iter().map(bytes).collect();
        assert_eq!(fixed_bytes(&case["hash"]), digest::published_hash(chunks.iter().map(Vec::as_slice)));
    }
    for case in cases(&vectors, "votes") {
        let (session, member) = (fixed_bytes(&case["session"]), fixed_bytes(&case["member"]));
        let (bits, salt) = (fixed_bytes(&case["bits"]), fixed_bytes(&case["salt"]));
        let found = digest::vote_commitment(number(&case["chain_id"]), &session, &member, &bits, &salt);
        assert_eq!(fixed_bytes::<32>(&case["commitment"]), found);
    }
    let model = &vectors["model"];
    let fields: Vec<u8> = cases(model, "fields").iter().flat_map(|field| digest::uint256(decimal(field))).collect();
    let published = fixed_bytes(&model["published_hash"]);
    assert_eq!(Ok(fixed_bytes(&model["hash"])), digest::model_hash(&fields, &published));
    assert!(digest::model_hash(&fields[1..], &published).is_err());
}

#[test]
fn the_draw() {
    let vectors = load("draw.json");
    let seed = draw::draw_seed(&fixed_bytes(&vectors["block_hash"]), &fixed_bytes(&vectors["session"]));
    assert_eq!(fixed_bytes(&vectors["seed"]), seed);
    for case in cases(&vectors, "permutations") {
        for (index, place) in cases(&case, "places").iter().enumerate() {
            assert_eq!(Ok(number(place)), draw::permutation(&seed, number(&case["count"]), index as u64));
        }
    }
}

#[test]
fn gram_and_norm() {
    let vectors = load("selection.json");
    for case in cases(&vectors, "gram") {
        let decode = |data: &Value| {
            let data = bytes(data);
            let words = lanes::read_words(&data, data.len() / 32).expect("whole words");
            lanes::unpack(width(&case), words, number(&case["parameter_count"]) as usize).expect("as many words")
        };
        let aggregates: Vec<Vec<i32>> = cases(&case, "aggregates").iter().map(decode).collect();
        let norms: Vec<u128> = cases(&case, "norms").iter().map(decimal).collect();
        assert_eq!(norms, aggregates.iter().map(|vector| gram::squared_norm(vector)).collect::<Vec<_>>());
        assert_eq!(Ok(cases(&case, "products").iter().map(decimal).collect()), gram::products(&aggregates));
    }
    for case in cases(&vectors, "norm") {
        let (members, bound) = (number(&case["members"]), number(&case["bound"]));
        let lane_bits = LaneWidth::smallest(members, bound).expect("a lane").bits().into();
        let count = number(&case["parameter_count"]);
        let params = CodecParams::new(&RawParams { members, bound, lane_bits, ..raw(count) }).expect("legal");
        let counts: Vec<u64> = cases(&case, "counts").iter().map(number).collect();
        let norms: Vec<u128> = cases(&case, "norms").iter().map(decimal).collect();
        let accepted: Vec<bool> = cases(&case, "accepted").iter().map(|one| one == true).collect();
        assert_eq!(Ok(accepted), select::norm(&params, &norms, &counts));
        for (count, limit) in counts.iter().zip(cases(&case, "limits")) {
            assert_eq!(Ok(decimal(&limit)), params.norm_limit(*count));
        }
    }
}

#[test]
fn norm_vote() {
    for case in cases(&load("selection.json"), "norm_vote") {
        let (members, bound) = (number(&case["members"]), number(&case["bound"]));
        let lane_bits = LaneWidth::smallest(members, bound).expect("a lane").bits().into();
        let raw = RawParams { members, bound, lane_bits, rule: 2, ..raw(number(&case["parameter_count"])) };
        let params = CodecParams::new(&raw).expect("legal");
        let counts: Vec<u64> = cases(&case, "counts").iter().map(number).collect();
        let norms: Vec<u128> = cases(&case, "norms").iter().map(decimal).collect();
        let against: Vec<u64> = cases(&case, "against").iter().map(number).collect();
        let accepted: Vec<bool> = cases(&case, "accepted").iter().map(|one| one == true).collect();
        let found = select::norm_vote(&params, &norms, &counts, &against, number(&case["cast"]));
        assert_eq!(Ok(accepted), found, "{}", case["name"]);
    }
}

#[test]
fn krum() {
    for case in cases(&load("selection.json"), "krum") {
        let norms: Vec<i128> = cases(&case, "norms").iter().map(decimal).collect();
        let products: Vec<i128> = cases(&case, "products").iter().map(decimal).collect();
        check_krum(&Distances::new(&norms, &products).expect("a Gram matrix"), &case);
    }
}

/// Holds the picks and the scores of a case against what the distances give.
fn check_krum(distances: &Distances, case: &Value) {
    assert_eq!(Ok(selection(case)), krum_of(distances, case), "{}", case["name"]);
    let scores: Vec<i128> = cases(case, "scores").iter().map(decimal).collect();
    assert_eq!(scores, select::krum_scores(distances, number(&case["mu_bps"])), "{}", case["name"]);
}

#[test]
fn krum_of_means() {
    for case in cases(&load("selection.json"), "krum_counts") {
        let norms: Vec<i128> = cases(&case, "norms").iter().map(decimal).collect();
        let products: Vec<i128> = cases(&case, "products").iter().map(decimal).collect();
        let counts: Vec<u64> = cases(&case, "counts").iter().map(number).collect();
        let distances = Distances::of_means(&norms, &products, &counts, number(&case["members"]));
        check_krum(&distances.expect("a Gram matrix"), &case);
    }
}

#[test]
fn means() {
    for case in cases(&load("selection.json"), "mean") {
        let rule = if case["encoding"] == 0 { (0, 0) } else { (1, 1) };
        let params = CodecParams::new(&RawParams {
            members: number(&case["members"]),
            encoding: number(&case["encoding"]),
            clip: u64::from(u32::from_be_bytes(fixed_bytes(&case["clip"]))),
            bound: number(&case["bound"]),
            lane_bits: number(&case["lane_bits"]),
            rule: rule.0,
            krum_m: rule.1,
            ..raw(number(&case["parameter_count"]))
        })
        .expect("legal parameters");
        let counts: Vec<u64> = cases(&case, "counts").iter().map(number).collect();
        let decode =
            |words: &Value| lanes::unpack(params.width(), bytes(words).as_chunks().0, params.parameter_count());
        let aggregates = cases(&case, "aggregates").iter().map(decode).collect::<Result<Vec<_>, _>>().expect("words");
        assert_eq!(Ok(floats_of(&case["mean"])), fixed::decode_mean(&params, &aggregates, &counts), "{}", case["name"]);
    }
}

fn selection(case: &Value) -> Selection {
    case["accepted"]
        .as_array()
        .map_or(Selection::Undefined, |accepted| Selection::Accepted(accepted.iter().map(|one| one == true).collect()))
}

fn krum_of(distances: &Distances, case: &Value) -> omnilytics_core::Result<Selection> {
    let picks = if case["m_rule"] == 0 { KrumPicks::Strict } else { KrumPicks::Paper };
    select::krum(distances, number(&case["mu_bps"]), number(&case["m"]), picks)
}
