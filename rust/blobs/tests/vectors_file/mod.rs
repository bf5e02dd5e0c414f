//! How tests/vectors spell what they have.

use serde_json::Value;

pub fn load(name: &str) -> Value {
    let path = format!("{}/../../tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(&path).expect(&path)).expect(&path)
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

pub fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

pub fn bytes(value: &Value) -> Vec<u8> {
    let digits = value.as_str().expect("hexadecimal").trim_start_matches("0x").as_bytes();
    let digit = |digit: u8| char::from(digit).to_digit(16).expect("a digit") as u8;
    digits.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

pub fn fixed<const LENGTH: usize>(value: &Value) -> [u8; LENGTH] {
    bytes(value).try_into().expect("a fixed length")
}
