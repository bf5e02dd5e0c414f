//! Shares that rebuild a secret: the one that was shared, or an error; never another one that passes for it.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use omnilytics_core::Error;
use omnilytics_core::secret::SecretScalar;
use omnilytics_core::shamir::{Polynomial, Weights};
use omnilytics_core::simulated::SeedStream;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    threshold: u8,
    seed: [u8; 32],
    secret: [u8; 32],
    forged: Option<(u8, [u8; 32])>,
    ids: &'a [u8],
}

fuzz_target!(|input: Input| {
    let threshold = usize::from(input.threshold);
    let ids: Vec<u64> = input.ids.iter().copied().map(u64::from).collect();
    let Ok(weights) = Weights::new(threshold, &ids) else { return };
    let ids = &ids[..threshold];
    let different = ids.iter().all(|id| *id > 0 && ids.iter().filter(|other| *other == id).count() == 1);
    assert!(threshold > 0 && different, "ids that no weights exist for");

    let Some(secret) = SecretScalar::from_bytes(&input.secret) else { return };
    let polynomial = Polynomial::random(&secret, threshold, &mut SeedStream::new([0; 32], &input.seed));
    let Some(mut shares) = ids.iter().map(|id| polynomial.share(*id)).collect::<Option<Vec<_>>>() else { return };
    let address = secret.address();
    let rebuilt = weights.rebuild(&shares.iter().collect::<Vec<_>>(), &address).expect("the shares of the secret");
    assert_eq!(secret.to_bytes(), rebuilt.to_bytes());

    let Some((place, bytes)) = input.forged else { return };
    let (Some(share), Some(forged)) = (shares.get_mut(usize::from(place)), SecretScalar::from_bytes(&bytes)) else {
        return;
    };
    let same = share.to_bytes() == forged.to_bytes();
    *share = forged;
    match weights.rebuild(&shares.iter().collect::<Vec<_>>(), &address) {
        Ok(_) => assert!(same, "a forged share rebuilt the secret"),
        Err(error) => assert!(!same && matches!(error, Error::NotTheSecret { .. } | Error::ZeroSecret)),
    }
});
