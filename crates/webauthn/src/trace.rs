//! A record of each step of a verification. It costs nothing when it is not wanted: [`NoTrace`].

use std::cell::RefCell;
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

/// Records nothing.
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

/// The checks of a verification, each recorded and its outcome handed on.
pub(crate) trait Check: Trace {
    /// Records the outcome of a check.
    fn check<V, E: Display>(
        &mut self,
        section: &'static str,
        check: &'static str,
        outcome: Result<V, E>,
    ) -> Result<V, E> {
        self.check_with(section, check, outcome, |_| String::new())
    }

    /// Records the outcome of a check. When the check holds, the detail is what was found; otherwise it is the error.
    fn check_with<V, E: Display>(
        &mut self,
        section: &'static str,
        check: &'static str,
        outcome: Result<V, E>,
        found: impl FnOnce(&V) -> String,
    ) -> Result<V, E> {
        match &outcome {
            Ok(value) => self.step(section, check, StepResult::Passed, || found(value)),
            Err(error) => self.step(section, check, StepResult::Refused, || error.to_string()),
        }
        outcome
    }

    /// Records a check that does not apply.
    fn skip(&mut self, section: &'static str, check: &'static str, why: &'static str) {
        self.step(section, check, StepResult::Skipped, || why.to_owned());
    }

    /// Lets a procedure record the checks that held, and nothing else.
    fn passing<R>(&mut self, procedure: impl FnOnce(Passed<'_>) -> R) -> R
    where
        Self: Sized,
    {
        let trace = RefCell::new(self);
        procedure(&|section, check, found| {
            trace
                .borrow_mut()
                .step(section, check, StepResult::Passed, found);
        })
    }
}

impl<T: Trace> Check for T {}

/// Called for each check that held, by procedures that record no refusals of their own: its section, what was checked, and a
/// detail that is only made if wanted.
pub(crate) type Passed<'p> = &'p dyn Fn(&'static str, &'static str, &dyn Fn() -> String);

/// Records nothing.
pub(crate) fn unrecorded(_: &'static str, _: &'static str, _: &dyn Fn() -> String) {}

/// A condition as an outcome.
pub(crate) fn ensure<E>(condition: bool, error: impl FnOnce() -> E) -> Result<(), E> {
    if condition { Ok(()) } else { Err(error()) }
}
