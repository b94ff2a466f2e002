//! The rule for names of users that this wire creates, and what a name does against it.
//!
//! Users of other wires may have other names, and are found all the same.

use domain::Reason;
use domain::webauthn::json::Value;

use super::codes::Code;
use super::error::ApiError;

/// Shortest identity that this wire creates, in characters.
const MIN_LENGTH: usize = 8;
/// Longest identity that this wire creates, in characters.
const MAX_LENGTH: usize = 64;

/// The rule that a name breaks, as a sentence about `identity`; `None` for a name that this wire may give: 8 to 64 characters,
/// letters and digits of ASCII in groups separated by single hyphens.
pub fn fault(name: &str) -> Option<String> {
    let length = name.chars().count();
    if !(MIN_LENGTH..=MAX_LENGTH).contains(&length) {
        let found = match length {
            0 => "is empty".to_owned(),
            1 => "has 1 character".to_owned(),
            _ => format!("has {length} characters"),
        };
        return Some(format!(
            "`identity` {found}; {MIN_LENGTH} to {MAX_LENGTH} characters are allowed"
        ));
    }
    let foreign = name
        .chars()
        .enumerate()
        .find(|(_, c)| !c.is_ascii_alphanumeric() && *c != '-');
    if let Some((at, character)) = foreign {
        return Some(format!(
            "`identity` holds {character:?} at position {}; ASCII letters, digits and single hyphens are allowed",
            at + 1
        ));
    }
    let hyphens = if name.starts_with('-') {
        "begins with a hyphen"
    } else if name.ends_with('-') {
        "ends with a hyphen"
    } else if name.contains("--") {
        "holds two hyphens in a row"
    } else {
        return None;
    };
    Some(format!(
        "`identity` {hyphens}; single hyphens are allowed between letters and digits"
    ))
}

/// The refusal of a name that breaks the rule (60367).
pub fn invalid(fault: String) -> ApiError {
    ApiError::new(Code::IdentityInvalid)
        .because(Reason::RequestInvalid)
        .explained(fault)
        .member("identity")
        .help(Code::IdentityInvalid.fix())
}

/// The refusal of a member that is missing or no text (60367).
pub fn wrong_type(found: Option<&Value<'_>>) -> ApiError {
    invalid(match found {
        None => "`identity` is missing".to_owned(),
        Some(value) => format!("`identity` is {}, not a string", value.type_name()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_has_8_to_64_letters_and_digits_separated_by_single_hyphens() {
        let longest = "a".repeat(64);
        for good in ["user-0001", "12345678", "A-b-C-d1", &longest] {
            assert_eq!(fault(good), None, "{good}");
        }
    }

    #[test]
    fn a_fault_says_which_rule_is_broken_and_what_was_found() {
        for (bad, found) in [
            ("", "is empty; 8 to 64"),
            ("7", "has 1 character; 8 to 64"),
            ("user-01", "has 7 characters"),
            (&"a".repeat(65), "has 65 characters"),
            ("-user-001", "begins with a hyphen"),
            ("user-001-", "ends with a hyphen"),
            ("user--001", "two hyphens in a row"),
            ("user_0001", "holds '_' at position 5"),
            ("ada@acme.test", "holds '@' at position 4"),
            ("benutzer-ä", "holds 'ä' at position 10"),
            ("user 0001", "holds ' ' at position 5"),
            ("user\n0001", r"holds '\n' at position 5"),
        ] {
            let fault = fault(bad).unwrap();
            assert!(fault.contains(found), "{bad}: {fault}");
        }
    }
}
