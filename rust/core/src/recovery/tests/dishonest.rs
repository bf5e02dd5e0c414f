//! Dealers that seal properly what isn't proper.

use k256::Scalar;
use k256::elliptic_curve::Field;
use zeroize::Zeroizing;

use super::{Group, rooted, stream};
use crate::digest::keccak256;
use crate::error::{Objection, Shared};
use crate::places::Places;
use crate::recovery::{Keyed, Received};
use crate::secret::SecretScalar;
use crate::sharing::{Dealing, SEALED_BYTES, SharePair, coordinates, deal, holder_index, holders};
use crate::transport::seal;

/// What a dealer at place 1 seals after `change` has had its pairs and points.
fn dealing(group: &Group, change: impl FnOnce(&mut Vec<SharePair>, &mut Vec<u8>)) -> Dealing {
    let member = &group.dealt[1].member;
    let secrets = [&member.secrets.key.shared_secret(), &member.secrets.self_mask];
    let mut rng = stream(77);
    let (mut pairs, mut points) = deal(secrets, group.threshold, group.members(), 1, &mut rng);
    change(&mut pairs, &mut points);
    let (scope, aad) = (member.seal_scope(), keccak256(&[&points]));
    let sealed = holders(group.members(), 1).zip(&pairs).flat_map(|(holder, pair)| {
        seal(&member.transports[holder], &scope.info(1, holder), &aad, &*pair.to_bytes(), &mut rng).unwrap()
    });
    let sealed: Vec<u8> = sealed.collect();
    assert_eq!(sealed.len(), (group.members() - 1) * SEALED_BYTES);
    let mut dealing = Dealing { points, sealed, root: [0; 32] };
    rooted(&mut dealing);
    dealing
}

fn objection(group: &Group, change: impl FnOnce(&mut Vec<SharePair>, &mut Vec<u8>)) -> Option<Objection> {
    let mut dealings = group.dealings_to(0, &Places::all(group.members()));
    dealings.insert(1, dealing(group, change));
    match group.receive(0, &dealings) {
        Ok(Received::Objections(mut found)) => {
            assert_eq!(vec![1], found.keys().copied().collect::<Vec<_>>());
            found.remove(&1)
        }
        Ok(Received::Accepted(_)) => None,
        Err(refused) => panic!("{}", refused.error),
    }
}

fn point_of(secret: &SecretScalar) -> [u8; 64] {
    coordinates(&secret.point().to_affine())
}

fn more(share: &SecretScalar) -> SecretScalar {
    SecretScalar::new(*share.scalar() + Scalar::ONE).unwrap()
}

fn pair(mask_key: SecretScalar, self_mask: SecretScalar) -> SharePair {
    let mut bytes = Zeroizing::new([0; 64]);
    bytes[..32].copy_from_slice(&*mask_key.to_bytes());
    bytes[32..].copy_from_slice(&*self_mask.to_bytes());
    SharePair::from_bytes(&*bytes).unwrap()
}

#[test]
fn shares_that_are_not_those_of_their_points() {
    let group = Group::new(4, 3);
    assert_eq!(None, objection(&group, |_, _| ()));
    let found = objection(&group, |pairs, _| {
        let [key, own] = pairs[0].scalars();
        pairs[0] = pair(more(key), more(own));
    });
    assert_eq!(Some(Objection::WrongShare { shared: Shared::MaskKey }), found);
    assert!(found.unwrap().to_string().starts_with("share of the mask key: expected the one of the published point"));
    let found = objection(&group, |pairs, _| {
        let [key, own] = pairs[0].scalars();
        pairs[0] = pair(SecretScalar::new(*key.scalar()).unwrap(), more(own));
    });
    assert_eq!(Some(Objection::WrongShare { shared: Shared::SelfMask }), found);
    // the shares of another receiver
    let found = objection(&group, |pairs, _| pairs.swap(0, 1));
    assert_eq!(Some(Objection::WrongShare { shared: Shared::MaskKey }), found);
    // somebody else's wrong share is for that one to object to
    assert_eq!(None, objection(&group, |pairs, _| pairs.swap(1, 2)));
}

#[test]
fn a_single_point_off_the_polynomial() {
    for (members, threshold) in [(4, 3), (4, 2), (6, 2), (7, 4), (9, 8)] {
        let group = Group::new(members, threshold);
        // B, and every point of places other than the receiver's
        for index in [0].into_iter().chain(3..2 * members - 1) {
            let shared = if index % 2 == 1 { Shared::MaskKey } else { Shared::SelfMask };
            let found = objection(&group, |_, points| {
                points[64 * index..][..64].copy_from_slice(&point_of(&SecretScalar::generate(&mut stream(9))));
            });
            assert_eq!(Some(Objection::Degree { shared, expected: threshold - 1 }), found);
        }
    }
}

#[test]
fn polynomials_of_degree_t() {
    for (members, threshold) in [(4, 3), (6, 2), (8, 5)] {
        let group = Group::new(members, threshold);
        for index in 0..2 {
            let found = objection(&group, |pairs, points| {
                // x (x - 1) ... is 0 at 0, where the secret is: f + x^T for every holder
                for (place, held) in holders(members, 1).zip(pairs.iter_mut()) {
                    let power = Scalar::from(place as u64 + 1).pow_vartime([threshold as u64]);
                    let changed = SecretScalar::new(*held.scalars()[index].scalar() + power).unwrap();
                    let other = SecretScalar::new(*held.scalars()[1 - index].scalar()).unwrap();
                    let offset = 64 * (1 + 2 * holder_index(1, place) + index);
                    points[offset..][..64].copy_from_slice(&point_of(&changed));
                    *held = if index == 0 { pair(changed, other) } else { pair(other, changed) };
                }
            });
            let shared = [Shared::MaskKey, Shared::SelfMask][index];
            assert_eq!(Some(Objection::Degree { shared, expected: threshold - 1 }), found);
        }
    }
}

#[test]
fn a_polynomial_of_another_secret() {
    let group = Group::new(5, 3);
    let found = objection(&group, |pairs, points| {
        let other = [SecretScalar::generate(&mut stream(5)), SecretScalar::generate(&mut stream(6))];
        let (new_pairs, mut new_points) = deal([&other[0], &other[1]], 3, 5, 1, &mut stream(8));
        new_points[..64].copy_from_slice(&points[..64]);
        (*pairs, *points) = (new_pairs, new_points);
    });
    assert_eq!(Some(Objection::Degree { shared: Shared::MaskKey, expected: 2 }), found);
}

#[test]
fn a_member_without_a_legal_transport_key_alone_cannot_open() {
    let mut group = Group::new(4, 3);
    for dealt in &mut group.dealt {
        // a point of order 2
        dealt.member.transports[3] = [0; 32];
    }
    let keyed = Keyed(super::copy_of_member(&group.dealt[1].member));
    let (_, dealing) = keyed.deal(&mut stream(1));
    assert_eq!([0; SEALED_BYTES], dealing.sealed[2 * SEALED_BYTES..]);
    let mut dealings = group.dealings_to(0, &Places::all(4));
    dealings.insert(1, dealing.clone());
    assert!(matches!(group.receive(0, &dealings), Ok(Received::Accepted(_))));
    let mut dealings = group.dealings_to(3, &Places::all(4));
    dealings.insert(1, dealing);
    let Ok(Received::Objections(found)) = group.receive(3, &dealings) else { panic!("nothing objected to") };
    assert_eq!(std::collections::BTreeMap::from([(1, Objection::Unopened)]), found);
}
