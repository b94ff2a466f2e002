//! Work that a response can cause is bounded, and the refusal names the limit.
//! How long each takes is measured by the benchmark of the same name.

mod common;

#[path = "common/hostile.rs"]
mod hostile_answers;

#[test]
fn every_hostile_answer_is_refused_by_a_limit_that_says_its_name() {
    for case in hostile_answers::all() {
        match case.registration.finish() {
            Ok(_) => panic!("{}: accepted", case.name),
            Err(error) => assert!(
                error.to_string().contains(&case.says),
                "{}: {error}",
                case.name
            ),
        }
    }
}
