//! A record of each verification step, for people who ask why. Costs nothing when nobody asks.

use std::fmt::Display;

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepResult {
    /// The check held.
    Passed,
    /// The check failed and ended the verification.
    Refused,
    /// The check did not apply.
    Skipped,
}

impl StepResult {
    /// `passed`, `refused` or `skipped`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Refused => "refused",
            Self::Skipped => "skipped",
        }
    }
}

/// Receives the steps of a verification in their order.
pub trait Trace {
    /// Whether steps are wanted at all.
    const ENABLED: bool;

    /// One step: the section of the specification, what is checked, how it ended, and a detail that is only made if wanted.
    fn step(
        &mut self,
        section: &'static str,
        check: &'static str,
        result: StepResult,
        detail: impl FnOnce() -> String,
    );
}

/// Nobody asks.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTrace;

impl Trace for NoTrace {
    const ENABLED: bool = false;

    #[inline(always)]
    fn step(
        &mut self,
        _: &'static str,
        _: &'static str,
        _: StepResult,
        _: impl FnOnce() -> String,
    ) {
    }
}

/// One recorded step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Section of the specification, for example `7.1 step 8`.
    pub section: &'static str,
    /// What was checked.
    pub check: &'static str,
    /// How it ended.
    pub result: StepResult,
    /// Values found and expected; empty when the check says it all.
    pub detail: String,
}

/// Records every step.
#[derive(Debug, Clone, Default)]
pub struct Steps(pub Vec<Step>);

impl Trace for Steps {
    const ENABLED: bool = true;

    fn step(
        &mut self,
        section: &'static str,
        check: &'static str,
        result: StepResult,
        detail: impl FnOnce() -> String,
    ) {
        self.0.push(Step {
            section,
            check,
            result,
            detail: detail(),
        });
    }
}

/// Records the outcome of a check and hands it on.
pub(crate) fn judged<T: Trace, V, E: Display>(
    trace: &mut T,
    section: &'static str,
    check: &'static str,
    outcome: Result<V, E>,
) -> Result<V, E> {
    match &outcome {
        Ok(_) => trace.step(section, check, StepResult::Passed, String::new),
        Err(error) => trace.step(section, check, StepResult::Refused, || error.to_string()),
    }
    outcome
}

/// As [`judged`], and tells what was found when the check holds; a refusal tells it by its error.
pub(crate) fn judged_with<T: Trace, V, E: Display>(
    trace: &mut T,
    section: &'static str,
    check: &'static str,
    outcome: Result<V, E>,
    found: impl FnOnce(&V) -> String,
) -> Result<V, E> {
    match &outcome {
        Ok(value) => trace.step(section, check, StepResult::Passed, || found(value)),
        Err(error) => trace.step(section, check, StepResult::Refused, || error.to_string()),
    }
    outcome
}

/// Is told each check that held, by procedures that record no refusals of their own: its section, what it was, and a text that
/// is only made if wanted.
pub(crate) type Passed<'p> = &'p dyn Fn(&'static str, &'static str, &dyn Fn() -> String);

/// A condition as an outcome.
pub(crate) fn ensure<E>(condition: bool, error: impl FnOnce() -> E) -> Result<(), E> {
    if condition { Ok(()) } else { Err(error()) }
}

/// Records a step that does not apply.
pub(crate) fn skipped<T: Trace>(
    trace: &mut T,
    section: &'static str,
    check: &'static str,
    why: &'static str,
) {
    trace.step(section, check, StepResult::Skipped, || why.to_owned());
}
