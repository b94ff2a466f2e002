//! `passkeyd verify` from outside: the real binary, cases on its input, verdicts on its output.

#![expect(clippy::unwrap_used, reason = "tests may stop at the first surprise")]

mod certificates;
mod devices;
mod expectations;
mod explain;
mod lines;
mod support;
mod vectors;
