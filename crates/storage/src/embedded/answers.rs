//! Responses that are kept for calls which may be sent again.

use async_trait::async_trait;
use domain::model::ids::{AccountId, AttemptId};
use domain::store::{Answers, Fault, Reservation, Reserved};

use super::{Embedded, writes};

#[async_trait]
impl Answers for Embedded {
    async fn reserve_answer(&self, reservation: &Reservation) -> Result<Reserved, Fault> {
        let reservation = reservation.clone();
        self.write(move |c| writes::reserve_answer(c, &reservation))
            .await
    }

    async fn keep_answer(
        &self,
        account: AccountId,
        key: [u8; 32],
        attempt: AttemptId,
        answer: &[u8],
    ) -> Result<bool, Fault> {
        let answer = answer.to_vec();
        self.write(move |c| writes::keep_answer(c, account, key, attempt, &answer))
            .await
    }

    async fn release_answer(
        &self,
        account: AccountId,
        key: [u8; 32],
        attempt: AttemptId,
    ) -> Result<bool, Fault> {
        self.write(move |c| writes::release_answer(c, account, key, attempt))
            .await
    }
}
