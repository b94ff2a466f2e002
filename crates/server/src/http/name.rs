//! The rule for names that people give and read.

use domain::model::text::is_control;

/// How long a name may be. [Control characters](is_control) are never allowed: they would reach terminals and logs, and names that reorder
/// what follows them would deceive whoever reads a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameRule {
    least: usize,
    most: usize,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Characters,
    Bytes,
}

/// What is wrong with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameProblem {
    /// It is shorter than allowed.
    TooShort,
    /// It is longer than allowed.
    TooLong,
    /// It holds a control character.
    ControlCharacter,
}

impl NameRule {
    /// A name of so many characters.
    pub const fn characters(least: usize, most: usize) -> Self {
        Self {
            least,
            most,
            unit: Unit::Characters,
        }
    }

    /// A name of so many bytes in UTF-8.
    pub const fn bytes(least: usize, most: usize) -> Self {
        Self {
            least,
            most,
            unit: Unit::Bytes,
        }
    }

    /// The greatest length, for messages.
    pub const fn most(self) -> usize {
        self.most
    }

    /// What is wrong with the name, if anything is.
    pub fn problem(self, name: &str) -> Option<NameProblem> {
        let length = match self.unit {
            Unit::Characters => name.chars().count(),
            Unit::Bytes => name.len(),
        };
        if length < self.least {
            Some(NameProblem::TooShort)
        } else if length > self.most {
            Some(NameProblem::TooLong)
        } else if name.chars().any(is_control) {
            Some(NameProblem::ControlCharacter)
        } else {
            None
        }
    }

    /// Whether the name is allowed.
    pub fn allows(self, name: &str) -> bool {
        self.problem(name).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_the_length_of_its_rule_and_no_control_characters() {
        const RULE: NameRule = NameRule::characters(1, 64);
        assert!(RULE.allows("Phone"));
        assert!(RULE.allows(&"ä".repeat(64)));
        for (bad, problem) in [
            ("", NameProblem::TooShort),
            ("a\nb", NameProblem::ControlCharacter),
            ("\u{7f}", NameProblem::ControlCharacter),
            ("a\u{202e}b", NameProblem::ControlCharacter),
            (&"a".repeat(65), NameProblem::TooLong),
        ] {
            assert_eq!(RULE.problem(bad), Some(problem), "{bad:?}");
        }
    }

    #[test]
    fn a_rule_may_count_bytes() {
        const RULE: NameRule = NameRule::bytes(0, 64);
        assert!(RULE.allows("") && RULE.allows(&"ä".repeat(32)));
        assert_eq!(RULE.problem(&"ä".repeat(33)), Some(NameProblem::TooLong));
    }
}
