//! What the doctor finds.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// It is as it should be.
    Good,
    /// It works, and may not for everybody or for ever.
    Warning,
    /// It does not work, or is not safe.
    Problem,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub level: Level,
    /// Stable name of the check.
    pub check: String,
    /// What was found.
    pub what: String,
    /// Why it matters; empty if nothing is wrong.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// How to fix it; empty if nothing is wrong.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fix: String,
    /// The Service that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

impl Finding {
    /// Something that is as it should be.
    pub fn good(check: &str, what: impl Into<String>) -> Self {
        Self {
            level: Level::Good,
            check: check.to_owned(),
            what: what.into(),
            why: String::new(),
            fix: String::new(),
            service: None,
        }
    }

    /// Something that may not work.
    pub fn warning(check: &str, what: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            ..Self::good(check, what)
        }
    }

    /// Something that does not work, or is not safe.
    pub fn problem(check: &str, what: impl Into<String>) -> Self {
        Self {
            level: Level::Problem,
            ..Self::good(check, what)
        }
    }

    /// Says why it matters.
    #[must_use]
    pub fn because(mut self, why: impl Into<String>) -> Self {
        self.why = why.into();
        self
    }

    /// Says how to fix it.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }

    /// Names the Service.
    #[must_use]
    pub fn of(mut self, service: &str) -> Self {
        self.service = Some(service.to_owned());
        self
    }
}

/// What an examination found, the worst first.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The findings.
    pub findings: Vec<Finding>,
    /// How many of them are warnings.
    pub warnings: usize,
    /// How many of them are problems.
    pub problems: usize,
}

impl Report {
    /// The report of these findings.
    pub fn of(mut findings: Vec<Finding>) -> Self {
        findings.sort_by_key(|finding| Reverse(finding.level));
        let count = |level| findings.iter().filter(|f| f.level == level).count();
        Self {
            warnings: count(Level::Warning),
            problems: count(Level::Problem),
            findings,
        }
    }
}
