use super::support::*;
use crate::algorithm::Algorithm;
use crate::authenticator::Authenticator;
use crate::lies::{CoseLies, Lies};
use crate::profile::Profile;

use serde_json::json;

type Members = Vec<(Item, Item)>;

/// The members of the COSE key that is told with `lies`, and those of the true one.
fn told(algorithm: Algorithm, lies: serde_json::Value) -> (Members, Members) {
    let profile = Profile {
        leading_zero_coordinate: true,
        ..Profile::default().with_algorithm(algorithm)
    };
    let lies = Lies {
        cose: serde_json::from_value::<CoseLies>(lies).unwrap(),
        ..Lies::default()
    };
    let mut device = Authenticator::new(profile);
    let created = device.create(&creation_options(), ORIGIN, &lies).unwrap();
    let members = |cose: &[u8]| match Item::decode(cose) {
        Item::Map(members) => members,
        other => panic!("{other:?}"),
    };
    let truth = device.credentials()[0].public_key();
    (members(&Parts::of(&created).cose), members(&truth))
}

#[test]
fn numbers_and_strings_can_be_replaced_added_and_dropped() {
    let lies = json!({"numbers": {"1": 3, "2": 9}, "bytes": {"-4": "AAEC"}, "without": [-1]});
    let (broken, truth) = told(Algorithm::ES256, lies);
    let expected = [
        (Item::Integer(1), Item::Integer(3)),
        (Item::Integer(2), Item::Integer(9)),
        (Item::Integer(3), Item::Integer(-7)),
        truth[3].clone(),
        truth[4].clone(),
        (Item::Integer(-4), Item::Bytes(vec![0, 1, 2])),
    ];
    assert_eq!(broken, expected);
    let (mut broken, truth) = told(Algorithm::RS256, json!({"reversed": true}));
    assert_ne!(broken, truth);
    broken.reverse();
    assert_eq!(broken, truth);
}

#[test]
fn points_can_leave_the_curve_or_change_their_form() {
    let (broken, truth) = told(Algorithm::ES384, json!({"off_curve": true}));
    assert_eq!(broken[..4], truth[..4]);
    let (broken, truth) = (broken[4].1.bytes(), truth[4].1.bytes());
    assert_eq!(broken[..47], truth[..47]);
    assert_eq!(broken[47] ^ truth[47], 1);
    let (broken, truth) = told(Algorithm::ES256, json!({"compressed": true}));
    let odd = truth[4].1.bytes()[31] % 2 == 1;
    assert_eq!(broken[4].1, Item::Bool(odd));
    let (broken, truth) = told(Algorithm::ES256, json!({"padded": true}));
    assert_eq!(broken[3].1.bytes(), [&[0], truth[3].1.bytes()].concat());
    let (broken, _) = told(Algorithm::ES256, json!({"stripped": true}));
    assert!(broken[3].1.bytes().len() + broken[4].1.bytes().len() < 64);
}
