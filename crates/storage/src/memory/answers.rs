//! Answers that are kept for calls that are sent again.

use domain::model::clock::Timestamp;
use domain::store::{Reservation, Reserved};

use super::state::{Called, State};

impl State {
    pub(super) fn reserve_answer(&mut self, new: &Reservation) -> Reserved {
        let key = (new.account, new.key);
        let taken = self.answers.get(&key);
        if let Some(taken) = taken.filter(|taken| taken.expires > new.now) {
            if taken.content != new.content {
                return Reserved::Different;
            }
            if let Some(answer) = &taken.answer {
                return Reserved::Answered(answer.clone());
            }
            if taken.attempt == new.attempt {
                return Reserved::Yours;
            }
            if taken.started >= new.abandoned_before {
                return Reserved::Running;
            }
        }
        let called = Called {
            content: new.content,
            attempt: new.attempt,
            started: new.now,
            expires: new.expires,
            answer: None,
        };
        self.answers.insert(key, called);
        let mut others: Vec<_> = self
            .answers
            .iter()
            .filter(|(taken, _)| taken.0 == new.account && **taken != key)
            .map(|(taken, answer)| (answer.expires, *taken))
            .collect();
        others.sort_unstable();
        let room = new.max_per_account.saturating_sub(1) as usize;
        others.truncate(others.len().saturating_sub(room));
        for (_, oldest) in others {
            self.answers.remove(&oldest);
        }
        Reserved::Yours
    }

    pub(super) fn sweep_answers(&mut self, before: Timestamp, budget: usize) -> usize {
        let mut expired: Vec<_> = self
            .answers
            .iter()
            .map(|(key, answer)| (answer.expires, *key))
            .filter(|(expires, _)| *expires < before)
            .collect();
        expired.sort_unstable();
        expired.truncate(budget);
        for (_, key) in &expired {
            self.answers.remove(key);
        }
        expired.len()
    }
}
