//! Public keys and secret scalars: a point that two members agree on, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use omnilytics_core::keys::{MaskKey, PublicMaskKey};
use omnilytics_core::secret::SecretScalar;

fuzz_target!(|input: ([u8; 32], bool, [u8; 32])| {
    let (x, odd, secret) = input;
    let public = PublicMaskKey { x, odd };
    assert_eq!(public.point(0).is_ok(), public.address(0).is_ok());
    let scalar = SecretScalar::from_bytes(&secret);
    assert!(scalar.as_ref().is_none_or(|scalar| *scalar.to_bytes() == secret));
    let Ok(key) = MaskKey::from_bytes(&secret) else { return };
    assert_eq!(Some(*key.address()), scalar.map(|scalar| scalar.address()));
    assert_eq!(Ok(*key.address()), key.public().address(0));
    let fixed = MaskKey::from_seed(&[7; 32]);
    let ours = key.pair_address(fixed.public(), 1).expect("a good key");
    assert_eq!(ours, fixed.pair_address(key.public(), 0).expect("a good key"));
    assert_eq!(public.point(0).is_ok(), key.pair_address(&public, 0).is_ok());
});
