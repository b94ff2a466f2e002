//! What every record that comes in is judged by, whatever file it is from. A dry run asks the same questions.

use crate::model::text::is_control;
use webauthn::cose::{CoseAlgorithm, PublicKey};

use crate::model::audit::{AuditEvent, MAX_USER_AGENT};
use crate::model::relying_party::{MAX_RELYING_PARTY_NAME, RelyingParty};

/// Most letters of a word of a credential: a format, a type, a transport.
pub(super) const MAX_WORD: usize = 64;
/// Most transports of a credential.
const MAX_TRANSPORTS: usize = 16;
/// Most letters of the signals of an event.
const MAX_SIGNALS: usize = 4096;
/// Most letters of the name of a user in an event: of what a caller sent.
const MAX_SENT_NAME: usize = 2048;

pub(super) type Judged<T = ()> = Result<T, String>;

/// The public key, as a registration reads it.
pub(super) fn judge_key(public_key: &[u8]) -> Judged<CoseAlgorithm> {
    let key = PublicKey::parse(public_key).map_err(|error| error.to_string())?;
    Ok(key.algorithm())
}

/// Backup flags that no authenticator has.
pub(super) fn judge_flags(eligible: Option<bool>, state: Option<bool>) -> Judged {
    if eligible == Some(false) && state == Some(true) {
        return Err(
            "the file says that the passkey is backed up and cannot be backed up".to_owned(),
        );
    }
    Ok(())
}

/// A text that every store keeps and every terminal shows.
pub(super) fn judge_text(what: &str, text: &str, most: usize) -> Judged {
    if text.chars().count() > most {
        return Err(format!("{what} has more than {most} characters"));
    }
    if text.chars().any(is_control) {
        return Err(format!("{what} has a control character"));
    }
    Ok(())
}

/// The transports of a credential.
pub(super) fn judge_transports(transports: &[String]) -> Judged {
    if transports.len() > MAX_TRANSPORTS {
        return Err(format!("it has more than {MAX_TRANSPORTS} transports"));
    }
    transports
        .iter()
        .try_for_each(|transport| judge_text("a transport", transport, MAX_WORD))
}

pub(super) fn judge_agent(agent: Option<&str>) -> Judged {
    agent.map_or(Ok(()), |agent| {
        judge_text("the user agent", agent, MAX_USER_AGENT)
    })
}

pub(super) fn judge_party(rp: &RelyingParty) -> Judged {
    judge_text(
        "the name of the Relying Party",
        &rp.name,
        MAX_RELYING_PARTY_NAME,
    )?;
    let reach = rp.selection.judge_reach();
    reach.map(drop).map_err(|refusal| refusal.message)
}

pub(super) fn judge_event(event: &AuditEvent) -> Judged {
    // The name of a user who was refused may be anything that a caller sent.
    let name = event.user_name.as_deref().unwrap_or_default();
    judge_text("the name of the user", name, MAX_SENT_NAME)?;
    judge_text("the list of signals", &event.signals, MAX_SIGNALS)?;
    judge_text("the name of the API", &event.actor.wire, MAX_WORD)?;
    judge_agent(event.actor.user_agent())
}
