//! Passkeys in the shapes of other products, for those who leave.

use domain::model::text::is_control;
use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;
use serde_json::{Value, json};
use webauthn::base64url;

use super::export::Sink;
use super::record::{Credential, Line, User};

/// The shape of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// All records of passkeyd.
    #[default]
    Passkeyd,
    /// One passkey a line, with the members that the documentation of `SimpleWebAuthn` names.
    Simplewebauthn,
    /// One passkey a line: `Credential` of go-webauthn, with the user beside it.
    GoWebauthn,
    /// One document with users, for the partial import of a realm of Keycloak.
    Keycloak,
}

/// Longest id of a user in Keycloak.
const KEYCLOAK_ID: usize = 36;

/// Writes passkeys in the shape of another product.
pub struct Leaving<W> {
    out: W,
    format: Format,
    user: Option<User>,
    /// The credentials of that user, for a document of users.
    credentials: Vec<Credential>,
    begun: bool,
    written: u64,
    left_out: Vec<String>,
}

impl<W: Write> Leaving<W> {
    /// Passkeys to `out`.
    pub fn new(out: W, format: Format) -> Self {
        Self {
            out,
            format,
            user: None,
            credentials: Vec::new(),
            begun: false,
            written: 0,
            left_out: Vec::new(),
        }
    }

    /// Ends the file: where it went, how many passkeys it has, and what it does not have, in words.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn end(mut self) -> io::Result<(W, u64, Vec<String>)> {
        self.keycloak_user()?;
        if self.format == Format::Keycloak {
            let end: &[u8] = if self.begun {
                b"\n]}\n"
            } else {
                b"{\"users\": []}\n"
            };
            self.out.write_all(end)?;
        }
        self.out.flush()?;
        Ok((self.out, self.written, self.left_out))
    }

    fn json_line(&mut self, value: &Value) -> io::Result<()> {
        self.written += 1;
        serde_json::to_writer(&mut self.out, value)?;
        self.out.write_all(b"\n")
    }

    /// The user before, with the credentials whose handle is the id that the user gets.
    fn keycloak_user(&mut self) -> io::Result<()> {
        let Some(user) = self.user.take().filter(|_| self.format == Format::Keycloak) else {
            return Ok(());
        };
        let credentials = std::mem::take(&mut self.credentials);
        let usable = |handle: &[u8]| {
            let text = std::str::from_utf8(handle).ok();
            text.filter(|text| text.len() <= KEYCLOAK_ID && !text.contains(is_control))
                .map(str::to_owned)
        };
        let id = credentials
            .iter()
            .find_map(|credential| usable(credential.user_handle.as_bytes()));
        let (moved, left): (Vec<_>, Vec<_>) = credentials
            .into_iter()
            .partition(|c| id.as_deref().map(str::as_bytes) == Some(c.user_handle.as_bytes()));
        for credential in left {
            self.left_out.push(format!(
                "the passkey {} of {:?}: Keycloak finds users by the user handle, and its handle cannot be the id of this user",
                credential.id, user.name
            ));
        }
        let Some(id) = id else { return Ok(()) };
        let begin: &[u8] = if self.begun {
            b",\n"
        } else {
            b"{\"users\": [\n"
        };
        self.out.write_all(begin)?;
        self.begun = true;
        self.written += moved.len() as u64;
        let moved: Vec<Value> = moved.iter().map(keycloak_credential).collect();
        let user = json!({"id": id, "username": user.name, "enabled": true, "credentials": moved});
        serde_json::to_writer(&mut self.out, &user)?;
        Ok(())
    }
}

impl<W: Write> Sink for Leaving<W> {
    fn line(&mut self, line: &Line) -> io::Result<()> {
        match line {
            Line::User(user) => {
                self.keycloak_user()?;
                self.user = Some(user.clone());
                Ok(())
            }
            Line::Credential(credential) => {
                let Some(user) = &self.user else {
                    return Ok(());
                };
                match self.format {
                    Format::Simplewebauthn => {
                        let value = simplewebauthn(user, credential);
                        self.json_line(&value)
                    }
                    Format::GoWebauthn => {
                        let value = go_webauthn(user, credential);
                        self.json_line(&value)
                    }
                    Format::Keycloak | Format::Passkeyd => {
                        self.credentials.push((**credential).clone());
                        Ok(())
                    }
                }
            }
            Line::Header(_)
            | Line::Account(_)
            | Line::RelyingParty(_)
            | Line::Event(_)
            | Line::Imported(_)
            | Line::Manifest(_) => Ok(()),
        }
    }
}

fn simplewebauthn(user: &User, credential: &Credential) -> Value {
    json!({
        "id": credential.id,
        "publicKey": base64url::encode(&credential.public_key),
        "username": user.name,
        "userId": user.id,
        "webAuthnUserID": credential.user_handle,
        "counter": credential.sign_count,
        "deviceType": credential.backup_eligible.map(|eligible| {
            if eligible { "multiDevice" } else { "singleDevice" }
        }),
        "backedUp": credential.backup_state,
        "transports": credential.transports,
        "aaguid": credential.aaguid,
        "userVerified": credential.uv_initialized,
        "name": credential.name,
        "rpID": credential.selection.rp_id,
        "createdAt": credential.created,
        "lastUsedAt": credential.last_used,
    })
}

fn go_webauthn(user: &User, credential: &Credential) -> Value {
    let evidence = credential.attestation.evidence.as_ref();
    let mut value = json!({
        "user": user.name,
        "user_id": user.id,
        "user_handle": STANDARD.encode(credential.user_handle.as_bytes()),
        "rp_id": credential.selection.rp_id,
        "name": credential.name,
        "created_at": credential.created,
        "credential": {
            "id": STANDARD.encode(credential.id.as_bytes()),
            "publicKey": STANDARD.encode(&credential.public_key),
            "attestationType": credential.attestation.kind,
            "attestationFormat": credential.attestation.format,
            "transport": credential.transports,
            "authenticator": {
                "AAGUID": STANDARD.encode(credential.aaguid.as_bytes()),
                "signCount": credential.sign_count,
                "cloneWarning": credential.sign_count_since_fall.is_some(),
                "attachment": "",
            },
            "attestation": {
                "clientDataJSON": evidence.map(|kept| STANDARD.encode(&kept.client_data_json)),
                "object": evidence.map(|kept| STANDARD.encode(&kept.attestation_object)),
                "publicKeyAlgorithm": credential.algorithm.0,
            },
        },
    });
    // A flag of that library cannot be unknown, so unknown flags are left out with the rest.
    if let (Some(eligible), Some(state)) = (credential.backup_eligible, credential.backup_state) {
        value["credential"]["flags"] = json!({
            "userPresent": true,
            "userVerified": credential.uv_initialized,
            "backupEligible": eligible,
            "backupState": state,
        });
    }
    value
}

fn keycloak_credential(credential: &Credential) -> Value {
    let data = json!({
        "aaguid": credential.aaguid,
        "credentialId": STANDARD.encode(credential.id.as_bytes()),
        "counter": credential.sign_count,
        "attestationStatement": null,
        "credentialPublicKey": base64url::encode(&credential.public_key),
        "attestationStatementFormat": "none",
        "transports": credential.transports,
    });
    let created: domain::model::clock::Timestamp = credential.created.into();
    json!({
        "type": "webauthn-passwordless",
        "userLabel": credential.name,
        "createdDate": created.0,
        "secretData": "{}",
        "credentialData": data.to_string(),
    })
}
