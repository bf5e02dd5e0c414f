//! Words of uploads and of published weights: what is read is what was written, or an error.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use omnilytics_core::floats::{float_words, from_float_words};
use omnilytics_core::lanes::{LaneWidth, pack, read_words, unpack};

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    width: u8,
    words: u8,
    count: u16,
    bytes: &'a [u8],
}

fuzz_target!(|input: Input| {
    let (words, count) = (usize::from(input.words), usize::from(input.count));
    if let (Ok(width), Ok(read)) = (LaneWidth::from_bits(input.width.into()), read_words(input.bytes, words))
        && let Ok(values) = unpack(width, read, count)
    {
        let again = pack(width, &values).expect("lanes hold what was in them");
        assert_eq!(values, unpack(width, &again, count).expect("as many words"));
    }
    if let Ok(vector) = from_float_words(input.bytes, count) {
        assert_eq!(input.bytes, float_words(&vector).expect("finite"));
    }
});
