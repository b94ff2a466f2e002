//! Answers that are kept for calls that are sent again.

use std::sync::Arc;

use domain::model::clock::Timestamp;
use domain::model::ids::{AccountId, AttemptId};
use domain::store::{Reservation, Reserved, Swept};

use super::fixture::{End, Fixture, StoreUnderTest, at, key};

/// A call that is sent at this moment. Its answer is kept for 100 milliseconds, and it counts as given up after 10.
pub(crate) fn call(account: AccountId, name: u8, now: Timestamp) -> Reservation {
    Reservation {
        account,
        key: [name; 32],
        content: [0; 32],
        attempt: AttemptId(key()),
        now,
        expires: now.plus_millis(100),
        abandoned_before: now.plus_millis(-10),
        max_per_account: 1000,
    }
}

fn other_content(mut call: Reservation) -> Reservation {
    call.content = [1; 32];
    call
}

pub async fn a_call_that_is_sent_again_gets_the_answer_of_the_first(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let (store, account) = (&fixture.store, fixture.account);
    let first = call(account, 1, at(0));
    assert_eq!(store.reserve_answer(&first).await, Ok(Reserved::Yours));
    // The outcome of a write may not be known: the same attempt asks again.
    assert_eq!(store.reserve_answer(&first).await, Ok(Reserved::Yours));
    let again = call(account, 1, at(5));
    assert_eq!(store.reserve_answer(&again).await, Ok(Reserved::Running));
    let other = other_content(call(account, 1, at(5)));
    assert_eq!(store.reserve_answer(&other).await, Ok(Reserved::Different));

    let kept = store.keep_answer(account, first.key, first.attempt, b"done");
    assert_eq!(kept.await, Ok(true));
    let answered = Ok(Reserved::Answered(b"done".to_vec()));
    for now in [5, 50, 99] {
        let again = call(account, 1, at(now));
        assert_eq!(store.reserve_answer(&again).await, answered);
        let other = other_content(call(account, 1, at(now)));
        assert_eq!(store.reserve_answer(&other).await, Ok(Reserved::Different));
    }
    // Neither another key nor another account has it.
    for free in [call(account, 2, at(5)), call(AccountId(key()), 1, at(5))] {
        assert_eq!(store.reserve_answer(&free).await, Ok(Reserved::Yours));
    }
    // When its time is over the key is free, whatever it is used for.
    let later = other_content(call(account, 1, at(100)));
    assert_eq!(store.reserve_answer(&later).await, Ok(Reserved::Yours));
    let again = call(account, 1, at(100));
    assert_eq!(store.reserve_answer(&again).await, Ok(Reserved::Different));
}

pub async fn a_call_that_was_given_up_is_done_by_another_attempt(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let (store, account) = (&fixture.store, fixture.account);
    let first = call(account, 1, at(0));
    assert_eq!(store.reserve_answer(&first).await, Ok(Reserved::Yours));
    let early = call(account, 1, at(10));
    assert_eq!(store.reserve_answer(&early).await, Ok(Reserved::Running));
    let second = call(account, 1, at(11));
    assert_eq!(store.reserve_answer(&second).await, Ok(Reserved::Yours));
    // The first one was only slow; its place is taken.
    let late = store.keep_answer(account, first.key, first.attempt, b"first");
    assert_eq!(late.await, Ok(false));
    let late = store.release_answer(account, first.key, first.attempt);
    assert_eq!(late.await, Ok(false));
    let third = call(account, 1, at(12));
    assert_eq!(store.reserve_answer(&third).await, Ok(Reserved::Running));
    let kept = store.keep_answer(account, second.key, second.attempt, b"second");
    assert_eq!(kept.await, Ok(true));
    let answered = Ok(Reserved::Answered(b"second".to_vec()));
    assert_eq!(store.reserve_answer(&third).await, answered);
}

pub async fn a_released_key_is_free_and_an_answer_is_not_released(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let (store, account) = (&fixture.store, fixture.account);
    let first = call(account, 1, at(0));
    assert_eq!(store.reserve_answer(&first).await, Ok(Reserved::Yours));
    let released = store.release_answer(account, first.key, first.attempt);
    assert_eq!(released.await, Ok(true));
    let kept = store.keep_answer(account, first.key, first.attempt, b"late");
    assert_eq!(kept.await, Ok(false));
    let second = other_content(call(account, 1, at(0)));
    assert_eq!(store.reserve_answer(&second).await, Ok(Reserved::Yours));
    let kept = store.keep_answer(account, second.key, second.attempt, b"");
    assert_eq!(kept.await, Ok(true));
    let released = store.release_answer(account, second.key, second.attempt);
    assert_eq!(released.await, Ok(false));
    let again = other_content(call(account, 1, at(0)));
    let answered = Ok(Reserved::Answered(Vec::new()));
    assert_eq!(store.reserve_answer(&again).await, answered);
}

pub async fn of_a_hundred_calls_with_one_key_at_once_one_is_done(
    under_test: &mut dyn StoreUnderTest,
) {
    let fixture = Fixture::new(under_test).await;
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let (store, call) = (Arc::clone(&fixture.store), call(fixture.account, 1, at(0)));
            tokio::spawn(async move { store.reserve_answer(&call).await.unwrap() })
        })
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.push(task.await.unwrap());
    }
    let count = |wanted| outcomes.iter().filter(|found| **found == wanted).count();
    assert_eq!((count(Reserved::Yours), count(Reserved::Running)), (1, 99));
}

pub async fn an_account_keeps_at_most_so_many_answers(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let store = &fixture.store;
    let other = AccountId(key());
    let of = |account, name: u8| Reservation {
        max_per_account: 3,
        ..call(account, name, at(i64::from(name)))
    };
    assert_eq!(
        store.reserve_answer(&of(other, 0)).await,
        Ok(Reserved::Yours)
    );
    for name in 1..=5 {
        let call = of(fixture.account, name);
        assert_eq!(store.reserve_answer(&call).await, Ok(Reserved::Yours));
    }
    // The oldest two made room; asking for them again would make room in turn.
    for (account, name) in [
        (fixture.account, 3),
        (fixture.account, 4),
        (fixture.account, 5),
        (other, 0),
    ] {
        let again = store.reserve_answer(&of(account, name)).await;
        assert_eq!(again, Ok(Reserved::Running), "{name}");
    }
    let gone = of(fixture.account, 1);
    assert_eq!(store.reserve_answer(&gone).await, Ok(Reserved::Yours));
}

pub async fn answers_are_swept_when_their_time_is_over(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let (store, account) = (&fixture.store, fixture.account);
    for name in 0..6 {
        let call = call(account, name, at(i64::from(name)));
        assert_eq!(store.reserve_answer(&call).await, Ok(Reserved::Yours));
    }
    for removed in [3, 1, 0] {
        let swept = store.sweep(at(-1), at(-1), at(104), 3).await;
        let expected = Swept {
            answers: removed,
            ..Swept::default()
        };
        assert_eq!(swept, Ok(expected));
    }
    for (name, expected) in [(3, Reserved::Yours), (4, Reserved::Running)] {
        let again = call(account, name, at(10));
        assert_eq!(store.reserve_answer(&again).await, Ok(expected));
    }
}

pub async fn answers_are_there_after_a_restart(under_test: &mut dyn StoreUnderTest) {
    let fixture = Fixture::new(under_test).await;
    let account = fixture.account;
    let (done, begun) = (call(account, 1, at(0)), call(account, 2, at(0)));
    for call in [&done, &begun] {
        let reserved = fixture.store.reserve_answer(call).await;
        assert_eq!(reserved, Ok(Reserved::Yours));
    }
    let kept = fixture
        .store
        .keep_answer(account, done.key, done.attempt, b"done");
    assert_eq!(kept.await, Ok(true));
    drop(fixture);
    for end in [End::Dropped, End::Closed] {
        under_test.reopen(end).await;
        let store = under_test.store();
        let again = store.reserve_answer(&call(account, 1, at(1))).await;
        assert_eq!(again, Ok(Reserved::Answered(b"done".to_vec())));
        let again = store.reserve_answer(&call(account, 2, at(1))).await;
        assert_eq!(again, Ok(Reserved::Running));
    }
}
