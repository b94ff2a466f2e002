//! The passkeys of administrators.

use super::ConsoleRefusal;
use crate::model::audit::Actor;
use crate::model::console::CONSOLE_PARTY;
use crate::model::credential::CredentialRecord;
use crate::model::ids::{CredentialKey, SessionId, UserId};
use crate::service::Passkeys;

impl Passkeys {
    /// The passkeys of an administrator, the earliest first.
    ///
    /// # Errors
    /// [`ConsoleRefusal::Unknown`]; faults of the store.
    pub async fn console_passkeys(
        &self,
        of: UserId,
    ) -> Result<Vec<CredentialRecord>, ConsoleRefusal> {
        self.administrator(of).await?;
        let (_, records) = self.user_with_credentials(CONSOLE_PARTY, of).await?;
        Ok(records)
    }

    /// Removes a passkey of an administrator, and ends the sessions of this administrator but for `kept`: any of them may have begun with it.
    ///
    /// # Errors
    /// [`ConsoleRefusal::Unknown`]; [`ConsoleRefusal::LastPasskey`] when administrators remove their own only one.
    pub async fn remove_console_passkey(
        &self,
        of: UserId,
        key: CredentialKey,
        kept: Option<SessionId>,
        by: &Actor,
    ) -> Result<(), ConsoleRefusal> {
        self.administrator(of).await?;
        let (user, records) = self.user_with_credentials(CONSOLE_PARTY, of).await?;
        if records.iter().all(|record| record.key != key) {
            return Err(ConsoleRefusal::Unknown);
        }
        if by.administrator == Some(of) && records.len() == 1 {
            return Err(ConsoleRefusal::LastPasskey);
        }
        self.delete_credential_or_registration(&user, key, by)
            .await?;
        for session in self.sessions(of).await? {
            if Some(session.id) == kept {
                continue;
            }
            match self.end_session(session.id, by).await {
                // It has ended meanwhile.
                Ok(()) | Err(ConsoleRefusal::Unknown) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(())
    }
}
