//! The shapes in which other products keep passkeys: the names of their members, and what each of them leaves out.

use domain::model::credential::MAX_CREDENTIAL_NAME;
use domain::model::text::is_control;
use domain::service::transfer::Passkey;
use serde_json::Value;
use uuid::Uuid;
use webauthn::credential::{CredentialId, UserHandle};

use super::columns::{Columns, id_of_user, of_user};
use super::cose::{Form, public_key};
use super::disabled::{Found, Standing, standing};
use super::encoding::bytes;
use super::names::{NAMES, credential_id, find, handle_of};
use super::products::{hanko, keycloak, kratos, nested};
use super::rows::{Row, plain_path};
use super::source::{HandleRule, Source, Told};
use super::values::{aaguid, moment, text, transports, truth};

/// A passkey from a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The passkey.
    pub passkey: Passkey,
    /// The RP ID that the row names.
    pub rp_id: Option<String>,
    /// What the file leaves out or says in its own way, in words.
    pub notes: Vec<String>,
}

impl Source {
    /// Where the user handle of a row is from, if that is known. One that is in the row is never replaced by another one.
    fn handle_rule(self, row: &Row, told: &Told) -> Option<HandleRule> {
        if handle_of(row).is_some() {
            let text = told.handle == Some(HandleRule::GivenText);
            return Some(if text {
                HandleRule::GivenText
            } else {
                HandleRule::Given
            });
        }
        if told.handle.is_some() {
            return told.handle;
        }
        match self {
            Self::Keycloak | Self::Aspnet => Some(HandleRule::IdText),
            Self::WebauthnRs | Self::Hanko => Some(HandleRule::IdUuid),
            _ => None,
        }
    }

    /// The rows of a record: its passkeys, and the user whose list they are in, who may have none.
    pub(super) fn rows(self, place: String, value: &Value) -> Vec<Row> {
        match self {
            Self::Keycloak => keycloak(&place, value),
            Self::Kratos => kratos(&place, value),
            Self::Hanko => hanko(place, value),
            Self::Fusionauth
            | Self::Passwordless
            | Self::GoWebauthn
            | Self::WebauthnRs
            | Self::Simplewebauthn
            | Self::Aspnet => nested(place, value, self),
            Self::Passkeyd => vec![Row::new(place, value)],
        }
    }
}

impl Source {
    /// The passkey in a row.
    ///
    /// # Errors
    /// Why there is none, in words.
    pub(super) fn convert(
        self,
        row: &Row,
        columns: &Columns,
        told: &Told,
    ) -> Result<Converted, String> {
        let mut notes = Vec::new();
        let second = ["secondfactor", "ismfa", "mfaonly"];
        let second = find(row, &second).and_then(truth) == Some(true);
        if second && !told.second_factors {
            return Err("it is a second factor with this product, and would become a passkey that signs in alone; \
                        --second-factors imports it all the same".to_owned());
        }
        notes.extend(judge_standing(row, columns, told)?);
        let user = user(row, columns, self, told)?;
        let id = credential_id(row)?.ok_or("there is no credential id")?;
        let id = bytes(id, &columns.id).map_err(|why| format!("the credential id: {why}"))?;
        let id = CredentialId::new(id).map_err(|error| error.to_string())?;
        let key = find(row, NAMES.key).ok_or("there is no public key")?;
        let (public_key, form) =
            public_key(key, &columns.key).map_err(|why| format!("the public key: {why}"))?;
        match form {
            Form::Cose | Form::Json => {}
            Form::Spki => notes.push(
                "the public key is a SubjectPublicKeyInfo; its algorithm follows from its type"
                    .to_owned(),
            ),
            Form::Point => notes.push(
                "the public key is a bare point; its algorithm follows from its length".to_owned(),
            ),
        }
        let user_handle = handle(row, columns, self.handle_rule(row, told), &mut notes)?;
        let sign_count = counter(row, &mut notes)?;
        if find(row, NAMES.cloned).and_then(truth) == Some(true) {
            notes.push("the product has noticed a copy of this authenticator: its signature counter fell once".to_owned());
        }
        let transports = find(row, NAMES.transports).and_then(transports);
        let (backup_eligible, backup_state) = self.flags(row, transports.is_some(), &mut notes);
        if transports.is_none() {
            notes.push("the transports are not known: browsers ask for any".to_owned());
        }
        let verified = find(row, NAMES.verified).and_then(truth);
        if verified.is_none() {
            notes.push("whether the user was ever verified is not known: taken as no".to_owned());
        }
        let name = find(row, NAMES.name).and_then(text).unwrap_or_default();
        let name: String = name
            .chars()
            .filter(|c| !is_control(*c))
            .take(MAX_CREDENTIAL_NAME)
            .collect();
        let passkey = Passkey {
            user,
            user_handle,
            id,
            public_key,
            sign_count,
            transports: transports.unwrap_or_default(),
            backup_eligible,
            backup_state,
            uv_initialized: verified.unwrap_or(false),
            aaguid: find(row, NAMES.aaguid).and_then(aaguid).unwrap_or_default(),
            discoverable: find(row, NAMES.discoverable).and_then(truth),
            name,
            created: find(row, NAMES.created).and_then(moment),
            last_used: find(row, NAMES.used).and_then(moment),
        };
        let of_document = || NAMES.rp_id.iter().find_map(|path| row.of_owner(path));
        let rp_id = find(row, NAMES.rp_id).or_else(of_document).and_then(text);
        Ok(Converted {
            passkey,
            rp_id,
            notes,
        })
    }

    /// The backup flags: what the file does not know is unknown, and not false.
    fn flags(
        self,
        row: &Row,
        with_transports: bool,
        notes: &mut Vec<String>,
    ) -> (Option<bool>, Option<bool>) {
        let kind = find(row, &["devicetype", "credentialdevicetype"]).and_then(text);
        let kind = kind.map(|kind| kind.to_lowercase().replace(['_', '-', ' '], ""));
        let eligible = match kind.as_deref() {
            Some("multidevice") => Some(true),
            Some("singledevice") => Some(false),
            _ => find(row, NAMES.eligible).and_then(truth),
        };
        let state = find(row, NAMES.state).and_then(truth);
        if self == Self::WebauthnRs
            && (eligible, state) == (Some(false), Some(false))
            && !with_transports
        {
            notes.push(
                "a record without transports may be one of webauthn-rs 0.3, whose backup flags were set to false when it was migrated: \
                 they are taken as unknown and learned at the first sign-in".to_owned(),
            );
            return (None, None);
        }
        if eligible.is_none() || state.is_none() {
            notes.push(
                "the backup flags are not known: they are learned at the first sign-in".to_owned(),
            );
        }
        (eligible, state)
    }
}

impl Source {
    /// The credential id of a passkey that may be revoked.
    pub(super) fn revoked_id(row: &Row, columns: &Columns, told: &Told) -> Option<Vec<u8>> {
        if row.is_person() || standing(row, told, &columns.stated).standing == Standing::Enabled {
            return None;
        }
        bytes(credential_id(row).ok()??, &columns.id).ok()
    }

    /// The name of the user of a row, where the row can be said to have one.
    pub(super) fn user_of(self, row: &Row, columns: &Columns, told: &Told) -> Option<String> {
        user(row, columns, self, told).ok()
    }
}

/// What is to be said of a passkey with which the other system lets nobody sign in, where it is imported all the same.
///
/// # Errors
/// It is not, in words.
fn judge_standing(row: &Row, columns: &Columns, told: &Told) -> Result<Vec<String>, String> {
    let Found { standing, ignored } = standing(row, told, &columns.stated);
    let why = match standing {
        Standing::Enabled => {
            let note = |member| format!("the member {member} was ignored, as you said");
            return Ok(ignored.into_iter().map(note).collect());
        }
        Standing::Disabled(member) => format!(
            "{member}: in the other system, the passkey or its user is revoked, disabled or deleted"
        ),
        Standing::Unclear(member) => format!(
            "{member}: it may say that the passkey or its user is revoked, disabled or deleted in the other system, and passkeyd does not know this value"
        ),
    };
    if told.include_disabled {
        return Ok(vec![format!("{why}. The passkey can sign in here")]);
    }
    Err(format!(
        "{why}. Imported, the passkey could sign in here. If that is right, there is nothing to do: it stays out, and one that was imported before stays as it is. \
         --include-disabled imports it; --ignore NAME says that the member means something else"
    ))
}

/// The name of the user.
fn user(row: &Row, columns: &Columns, source: Source, told: &Told) -> Result<String, String> {
    let member = match told.user.as_deref() {
        Some(member) => member,
        None => columns.user(source)?.ok_or(
            "there is no user: --user-column names the member that has the name, with a dot before each member within another one. Where a user has a \
             list of passkeys, it is a member of the user; a list whose records name their users must not be within an object",
        )?,
    };
    let found = of_user(row, &plain_path(member));
    if found.is_some_and(is_rounded) {
        return Err(rounded(member, "so that it names another user"));
    }
    let name = found.and_then(as_it_is).ok_or_else(|| {
        let alone = if row.is_listed() {
            ". A list whose records name their users themselves must not be within an object: write the list alone"
        } else {
            ""
        };
        format!(
            "there is no member {member}, which names the users of this file: --user-column names another one{alone}"
        )
    })?;
    if name.trim() != name {
        return Err("the name of the user begins or ends with white space".to_owned());
    }
    Ok(name)
}

/// Whether a number may have been rounded: programs of JavaScript, and jq, have 53 bits for it.
fn is_rounded(value: &Value) -> bool {
    const EXACT: u64 = 1 << 53;
    let Value::Number(number) = value else {
        return false;
    };
    let size = number.as_u64().or(number.as_i64().map(i64::unsigned_abs));
    size.is_none_or(|size| size >= EXACT)
}

fn rounded(member: &str, so: &str) -> String {
    format!(
        "the member {member} is a number of more than 53 bits, which some tools round, {so}: export it as a text"
    )
}

/// A text or a number, as it is.
fn as_it_is(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        other => text(other),
    }
}

fn counter(row: &Row, notes: &mut Vec<String>) -> Result<u32, String> {
    let Some(value) = find(row, NAMES.counter) else {
        notes.push("the signature counter is not known: it begins with 0".to_owned());
        return Ok(0);
    };
    let number = value
        .as_u64()
        .or_else(|| value.as_str()?.trim().parse().ok());
    number
        .and_then(|n| u32::try_from(n).ok())
        .ok_or_else(|| "the signature counter is not a number of 32 bits".to_owned())
}

fn handle(
    row: &Row,
    columns: &Columns,
    rule: Option<HandleRule>,
    notes: &mut Vec<String>,
) -> Result<UserHandle, String> {
    let given = handle_of(row);
    let missing = || {
        "there is no user handle, and a sign-in without a name needs it: --user-handle says how it is made (id-text: the letters of the user's id; id-uuid: its 16 bytes)".to_owned()
    };
    let id = || {
        let (member, id) = id_of_user(row)
            .ok_or("there is no id of the user, of which the user handle is made")?;
        if is_rounded(id) {
            return Err(rounded(member, "so that the user handle is another one"));
        }
        let id = text(id).ok_or("the id of the user is neither a text nor a number")?;
        Ok::<_, String>((member, id))
    };
    let bytes = match rule.ok_or_else(missing)? {
        HandleRule::Given => {
            let given = given.ok_or_else(missing)?;
            bytes(given, &columns.handle).map_err(|why| format!("the user handle: {why}"))?
        }
        HandleRule::GivenText => {
            let given = given.and_then(text).ok_or_else(missing)?;
            given.into_bytes()
        }
        HandleRule::IdText => {
            let (member, id) = id()?;
            notes.push(format!(
                "the user handle is not in the file: it is made of the letters of the user's id (member {member})"
            ));
            id.into_bytes()
        }
        HandleRule::IdUuid => {
            let (member, id) = id()?;
            notes.push(format!(
                "the user handle is not in the file: it is made of the 16 bytes of the user's id (member {member})"
            ));
            let uuid = Uuid::try_parse(&id);
            let uuid =
                uuid.map_err(|_| "the id of the user is no UUID, so the user handle is not known")?;
            uuid.as_bytes().to_vec()
        }
    };
    UserHandle::new(bytes).map_err(|error| error.to_string())
}
