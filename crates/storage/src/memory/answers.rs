//! Answers that are kept for calls that are sent again.

use async_trait::async_trait;
use domain::model::clock::Timestamp;
use domain::model::ids::{AccountId, AttemptId};
use domain::store::{Answers, Fault, Reservation, Reserved};

use super::Memory;
use super::state::{Called, State};

#[async_trait]
impl Answers for Memory {
    async fn reserve_answer(&self, reservation: &Reservation) -> Result<Reserved, Fault> {
        Ok(self.state().reserve_answer(reservation))
    }

    async fn keep_answer(
        &self,
        account: AccountId,
        key: [u8; 32],
        attempt: AttemptId,
        answer: &[u8],
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        let taken = state.answers.get_mut(&(account, key));
        let own = taken.filter(|taken| taken.attempt == attempt);
        Ok(own.map(|own| own.answer = Some(answer.to_vec())).is_some())
    }

    async fn release_answer(
        &self,
        account: AccountId,
        key: [u8; 32],
        attempt: AttemptId,
    ) -> Result<bool, Fault> {
        let mut state = self.state();
        let taken = state.answers.get(&(account, key));
        let own = taken.is_some_and(|taken| taken.attempt == attempt && taken.answer.is_none());
        if own {
            state.answers.remove(&(account, key));
        }
        Ok(own)
    }
}

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
