use super::*;

#[test]
fn the_rp_id_hash_must_be_the_expected_one() {
    for other in [
        "org",
        "www.example.org",
        "EXAMPLE.ORG",
        "https://example.org",
    ] {
        Registration {
            rp_id_hash: sha256(other.as_bytes()),
            ..Registration::new()
        }
        .fails(Reason::RpIdHashMismatch);
    }
}

/// The table: what all 256 flag bytes mean under a policy.
fn verdict(
    flags: u8,
    uv_required: bool,
    conditional: bool,
    backup: BackupPolicy,
) -> Option<Reason> {
    let (be, bs) = (flags & BE != 0, flags & BS != 0);
    match () {
        // Without AT the credential that is there is left over, or read as extensions.
        () if flags & AT == 0 && flags & ED == 0 => Some(Reason::TrailingBytes),
        () if flags & ED != 0 => Some(Reason::AuthenticatorDataMalformed),
        () if flags & UP == 0 && !conditional => Some(Reason::UserNotPresent),
        () if flags & UV == 0 && uv_required => Some(Reason::UserNotVerified),
        () if bs && !be => Some(Reason::BackupFlagsInvalid),
        () => {
            let met = match backup {
                BackupPolicy::Any => true,
                BackupPolicy::DeviceBound => !be,
                BackupPolicy::Eligible => be,
                BackupPolicy::BackedUp => bs,
            };
            (!met).then_some(Reason::BackupPolicyRefused)
        }
    }
}

#[test]
fn every_flag_byte_under_every_policy() {
    let key = Key::es256();
    let cose_key = key.cose();
    let mut ceremony = Registration::with_key(key);
    for flags in 0..=u8::MAX {
        for (uv_required, conditional, backup) in [
            (false, false, BackupPolicy::Any),
            (true, false, BackupPolicy::Any),
            (false, true, BackupPolicy::Any),
            (true, true, BackupPolicy::DeviceBound),
            (false, false, BackupPolicy::Eligible),
            (false, false, BackupPolicy::BackedUp),
        ] {
            ceremony.flags = flags;
            ceremony.expected.user_verification_required = uv_required;
            ceremony.expected.conditional_create = conditional;
            ceremony.expected.backup = backup;
            // The maker leaves the credential out when AT is clear; this test wants it there always.
            ceremony.tail = match flags & AT {
                0 => [&[0xaa; 16][..], &[0, 32], &[0xc1; 32], &cose_key].concat(),
                _ => vec![],
            };
            let found = ceremony.finish().err().map(|error| error.reason());
            assert_eq!(
                found,
                verdict(flags, uv_required, conditional, backup),
                "{flags:#x} {uv_required} {conditional} {backup:?}"
            );
        }
    }
}

#[test]
fn the_flags_are_recorded_as_they_were() {
    let verified = Registration {
        flags: UP | AT | BE | BS,
        ..Registration::new()
    }
    .succeeds();
    assert!(verified.backup_eligible() && verified.backup_state() && !verified.user_verified());
    let mut conditional = Registration {
        flags: AT,
        ..Registration::new()
    };
    conditional.expected.conditional_create = true;
    assert!(!conditional.succeeds().user_present());
    conditional.flags = AT | UV;
    assert!(conditional.succeeds().user_verified());
}
