//! Filling a store for a measurement, faster than calls can.

use domain::model::credential::NewCredential;
use domain::model::user::User;
use domain::store::Fault;
use rusqlite::Connection;

use super::Embedded;
use super::rows::{self, CredentialRow};

impl Embedded {
    /// Writes new users with one credential each in one transaction: the rows that a registration leaves when the ceremony and
    /// its events have been removed for their age. Nothing is checked that a registration checks.
    ///
    /// # Errors
    /// Those of a write; `Fatal` when a user is there already.
    pub async fn fill(&self, people: Vec<(User, NewCredential)>) -> Result<(), Fault> {
        let people = people
            .into_iter()
            .map(|(user, credential)| Ok((user, CredentialRow::new(&credential)?)))
            .collect::<Result<Vec<_>, Fault>>()?;
        let work = move |connection: &Connection| {
            for (user, credential) in &people {
                if !rows::insert_new_user(connection, user)? {
                    return Err(Fault::Fatal("the user is there".to_owned()).into());
                }
                credential.insert(connection)?;
            }
            Ok(())
        };
        // Without a savepoint: SQLite would walk through the whole journal of it at each row.
        self.writer.run_decided(work, |_| {}).await
    }
}
