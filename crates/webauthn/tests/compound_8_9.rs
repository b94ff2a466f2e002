//! Section 8.9, several statements about one credential.

mod device;

use device::{Device, Format, of};
use webauthn::Reason;
use webauthn::attestation::{AttestationType, CompoundPolicy};
use webauthn::trust::Trust;

fn compound(formats: &[Format]) -> Device {
    of(Format::Compound).profile(|profile| profile.compound = formats.to_vec())
}

const PAIR: [Format; 2] = [Format::PackedX5c, Format::PackedSelf];

#[test]
fn statements_of_several_formats_succeed_and_the_most_trusted_speaks() {
    for formats in [
        &PAIR[..],
        &[Format::PackedSelf, Format::Apple],
        &[Format::AndroidKey, Format::Apple, Format::PackedX5c],
    ] {
        let verified = compound(formats).succeeds();
        assert_eq!(
            (
                verified.format(),
                verified.attestation_type(),
                verified.attestation_types().len(),
                verified.trust()
            ),
            (
                "compound",
                AttestationType::Compound,
                formats.len(),
                Trust::Trusted
            )
        );
    }
    let verified = compound(&PAIR).succeeds();
    assert_eq!(
        verified.attestation_types(),
        [AttestationType::Basic, AttestationType::SelfAttestation]
    );
}

#[test]
fn there_must_be_at_least_two() {
    for formats in [&[][..], &[Format::PackedX5c]] {
        compound(formats).fails(Reason::AttestationStatementMalformed);
    }
}

#[test]
fn there_are_at_most_eight() {
    let _ = compound(&[Format::PackedSelf; 8]).succeeds();
    compound(&[Format::PackedSelf; 9]).fails(Reason::AttestationStatementMalformed);
}

#[test]
fn each_must_verify() {
    for position in [0, 1] {
        compound(&PAIR)
            .lie(|lies| {
                lies.tampered_signature = true;
                lies.only_sub_statement = Some(position);
            })
            .fails(Reason::AttestationSignatureInvalid);
    }
}

#[test]
fn none_may_be_compound_or_of_an_unknown_format() {
    for (name, reason) in [
        ("compound", Reason::AttestationStatementMalformed),
        ("android-safetynet", Reason::AttestationFormatUnsupported),
        ("Packed", Reason::AttestationFormatUnsupported),
    ] {
        for compound_policy in [CompoundPolicy::All, CompoundPolicy::OneTrusted] {
            compound(&PAIR)
                .lie(|lies| lies.sub_format_name = Some(name.to_owned()))
                .policy(|policy| policy.compound = compound_policy)
                .fails(reason);
        }
    }
}

#[test]
fn each_must_be_acceptable_to_the_policy() {
    compound(&PAIR)
        .policy(|policy| policy.allow_self = false)
        .fails(Reason::AttestationPolicyRefused);
    let mut unanchored = compound(&PAIR);
    unanchored.anchored = false;
    assert_eq!(unanchored.succeeds().trust(), Trust::Unknown);
    unanchored
        .policy(|policy| policy.allow_unknown_trust = false)
        .fails(Reason::AttestationPolicyRefused);
    compound(&PAIR)
        .lie(|lies| lies.chain.foreign_root = true)
        .fails(Reason::AttestationUntrusted);
}

#[test]
fn the_policy_may_be_content_with_one_that_is_trusted() {
    let lenient =
        |device: Device| device.policy(|policy| policy.compound = CompoundPolicy::OneTrusted);
    let broken = |position| {
        lenient(compound(&PAIR).lie(|lies| {
            lies.tampered_signature = true;
            lies.only_sub_statement = Some(position);
        }))
    };
    let verified = broken(1).succeeds();
    assert_eq!(
        (verified.trust(), verified.attestation_types()),
        (Trust::Trusted, &[AttestationType::Basic][..])
    );
    assert_eq!(verified.attestation_type(), AttestationType::Compound);
    // What is left attests itself.
    broken(0).fails(Reason::AttestationUntrusted);
    lenient(compound(&PAIR).lie(|lies| lies.chain.foreign_root = true))
        .fails(Reason::AttestationUntrusted);
    lenient(compound(&PAIR).lie(|lies| lies.tampered_signature = true))
        .fails(Reason::AttestationSignatureInvalid);
    let _ = lenient(compound(&PAIR).policy(|policy| policy.allow_self = false)).succeeds();
}
