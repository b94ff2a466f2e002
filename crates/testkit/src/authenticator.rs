//! The two operations (sections 6.3.2 and 6.3.3) with the client's part around them (sections 5.1.3 and 5.1.4).

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::{Map, Value, json};

use crate::algorithm::Algorithm;
use crate::attestation;
use crate::cbor;
use crate::certificate::Authorities;
use crate::encoding::{base64url, from_base64url};
use crate::error::Error;
use crate::key::{Key, Public};
use crate::lies::{Lies, UserHandle};
use crate::profile::{Attachment, Counter, Extensions, Profile};
use crate::random::random_bytes;

/// Flag bits of authenticator data (section 6.1).
const UP: u8 = 1 << 0;
const UV: u8 = 1 << 2;
const BE: u8 = 1 << 3;
const BS: u8 = 1 << 4;
const AT: u8 = 1 << 6;
const ED: u8 = 1 << 7;

/// One credential that the authenticator keeps.
pub struct Credential {
    id: Vec<u8>,
    rp_id: String,
    user_handle: Vec<u8>,
    resident: bool,
    sign_count: u32,
    key: Key,
}

impl Credential {
    /// The credential id.
    pub fn id(&self) -> &[u8] {
        &self.id
    }

    /// The Relying Party id it is scoped to.
    pub fn rp_id(&self) -> &str {
        &self.rp_id
    }

    /// The `user.id` of the creation options.
    pub fn user_handle(&self) -> &[u8] {
        &self.user_handle
    }

    /// The counter that the last assertion carried.
    pub fn sign_count(&self) -> u32 {
        self.sign_count
    }

    /// The algorithm of its key.
    pub fn algorithm(&self) -> Algorithm {
        self.key.algorithm()
    }

    /// Its public key in COSE form, as written into the attested credential data.
    pub fn public_key(&self) -> Vec<u8> {
        self.key.cose()
    }
}

/// A software authenticator with its client. It keeps its credentials as long as it lives.
#[derive(Default)]
pub struct Authenticator {
    /// What it is; may be changed between calls, and holds for the calls that follow.
    pub profile: Profile,
    credentials: Vec<Credential>,
    authorities: Authorities,
}

impl Authenticator {
    /// An authenticator without credentials.
    pub fn new(profile: Profile) -> Self {
        Self {
            profile,
            ..Self::default()
        }
    }

    /// The credentials, oldest first.
    pub fn credentials(&self) -> &[Credential] {
        &self.credentials
    }

    /// Forgets the credential `id`; says whether it was there.
    pub fn forget(&mut self, id: &[u8]) -> bool {
        let before = self.credentials.len();
        self.credentials.retain(|credential| credential.id != id);
        self.credentials.len() < before
    }

    /// The root certificate (DER) to which every `x5c` leads while `profile.chain` stays as it is: to be given to a verifier as
    /// trust anchor. Another kind of root in the profile is another root.
    ///
    /// # Errors
    /// [`Error::Crypto`], or [`Error::Unsupported`] for a chain that cannot be.
    pub fn attestation_root(&mut self) -> Result<Vec<u8>, Error> {
        Ok(self.authorities.of(&self.profile.chain)?.root().to_vec())
    }

    /// `navigator.credentials.create({publicKey})` on a page of `origin`, as `toJSON()` gives it.
    ///
    /// `options` is a `PublicKeyCredentialCreationOptionsJSON`, bare or under `publicKey`.
    ///
    /// # Errors
    /// What a browser would raise, or a profile that cannot be.
    pub fn create(&mut self, options: &Value, origin: &str, lies: &Lies) -> Result<Value, Error> {
        let options = Options::of(options);
        let rp_id = options.text("rp.id")?.to_owned();
        let user_handle = options.bytes("user.id")?;
        let algorithm = self.choose_algorithm(&options)?;
        if !lies.ignore_exclude_list
            && options
                .descriptors("excludeCredentials")?
                .iter()
                .any(|id| self.holds(id, &rp_id))
        {
            return Err(Error::Excluded);
        }

        let key = self.new_key(algorithm)?;
        let id = random_bytes(self.profile.credential_id_length)?;
        let aaguid = lies.aaguid.unwrap_or(self.profile.aaguid);
        let client_data_json =
            client_data("webauthn.create", options.text("challenge")?, origin, lies);
        let attested = [
            &aaguid[..],
            &length(lies.attested_credential_id.as_deref().unwrap_or(&id)),
            lies.attested_credential_id.as_deref().unwrap_or(&id),
            lies.credential_public_key
                .as_deref()
                .unwrap_or(&key.cose_with(&lies.cose)),
        ]
        .concat();
        let authenticator_data = self.authenticator_data(
            &rp_id,
            0,
            Some(&attested),
            &self.profile.create_extensions,
            lies,
        );
        let subject = attestation::Subject {
            authenticator_data: &authenticator_data,
            client_data_json: &client_data_json,
            credential_id: lies.attested_credential_id.as_deref().unwrap_or(&id),
            key: &key,
            aaguid,
        };
        let object = match &lies.attestation_object {
            Some(other) => other.clone(),
            None => attestation::object(&subject, &self.profile, &mut self.authorities, lies)?,
        };

        let mut extensions = Map::new();
        if options.asks_for_extension("credProps") {
            extensions.insert("credProps".to_owned(), json!({"rk": self.profile.resident}));
        }
        if options.asks_for_extension("appidExclude") {
            extensions.insert("appidExclude".to_owned(), json!(true));
        }
        extensions.extend(self.profile.create_extensions.client.clone());
        let answer = credential_json(
            &id,
            self.profile.attachment,
            lies,
            extensions,
            &json!({
                "clientDataJSON": base64url(&client_data_json),
                "attestationObject": base64url(&object),
                "authenticatorData": base64url(&authenticator_data),
                "publicKey": base64url(&key.spki()),
                "publicKeyAlgorithm": algorithm.cose(),
                "transports": self.profile.transports,
            }),
        );

        let resident = self.profile.resident;
        if resident {
            // One discoverable credential per Relying Party and user (section 6.3.2, step 7).
            self.credentials.retain(|old| {
                !(old.resident && old.rp_id == rp_id && old.user_handle == user_handle)
            });
        }
        self.credentials.push(Credential {
            id,
            rp_id,
            user_handle,
            resident,
            sign_count: 0,
            key,
        });
        Ok(answer)
    }

    /// `navigator.credentials.get({publicKey})` on a page of `origin`, as `toJSON()` gives it.
    ///
    /// `options` is a `PublicKeyCredentialRequestOptionsJSON`, bare or under `publicKey`. With an empty
    /// `allowCredentials` the newest discoverable credential of the Relying Party answers.
    ///
    /// # Errors
    /// What a browser would raise, or a profile that cannot be.
    pub fn get(&mut self, options: &Value, origin: &str, lies: &Lies) -> Result<Value, Error> {
        let options = Options::of(options);
        let rp_id = options.text("rpId")?.to_owned();
        let allowed = options.descriptors("allowCredentials")?;
        let chosen = self
            .credentials
            .iter()
            .rposition(|held| match &lies.use_credential {
                Some(id) => held.id == *id,
                None if allowed.is_empty() => held.resident && held.rp_id == rp_id,
                None => held.rp_id == rp_id && allowed.contains(&held.id),
            });
        let Some(chosen) = chosen else {
            return Err(Error::NoCredential { rp_id });
        };
        if self.profile.counter == Counter::Increasing {
            self.credentials[chosen].sign_count += 1;
        }

        let held = &self.credentials[chosen];
        let client_data_json =
            client_data("webauthn.get", options.text("challenge")?, origin, lies);
        let mut extensions = Map::new();
        let mut scope = rp_id.as_str();
        if let Ok(application) = options.text("extensions.appid") {
            extensions.insert("appid".to_owned(), json!(self.profile.uses_appid));
            if self.profile.uses_appid {
                scope = application;
            }
        }
        extensions.extend(self.profile.get_extensions.client.clone());
        let authenticator_data = self.authenticator_data(
            scope,
            held.sign_count,
            None,
            &self.profile.get_extensions,
            lies,
        );
        let signed = [
            &authenticator_data[..],
            digest(&SHA256, &client_data_json).as_ref(),
        ]
        .concat();
        let signature = lies.distort_signature(held.key.sign(&signed)?);

        let mut response = json!({
            "clientDataJSON": base64url(&client_data_json),
            "authenticatorData": base64url(&authenticator_data),
            "signature": base64url(&signature),
        });
        let user_handle = match &lies.user_handle {
            UserHandle::Truth if held.resident => Some(Value::String(base64url(&held.user_handle))),
            UserHandle::Truth | UserHandle::Omitted => None,
            UserHandle::Null => Some(Value::Null),
            UserHandle::Empty => Some(Value::String(String::new())),
            UserHandle::Text(text) => Some(Value::String(base64url(text.as_bytes()))),
        };
        if let Some(handle) = user_handle {
            response["userHandle"] = handle;
        }
        Ok(credential_json(
            &held.id,
            self.profile.attachment,
            lies,
            extensions,
            &response,
        ))
    }

    fn new_key(&self, algorithm: Algorithm) -> Result<Key, Error> {
        loop {
            let key = Key::generate(algorithm)?;
            let fits = match key.public() {
                Public::Ec { x, y, .. } => {
                    !self.profile.leading_zero_coordinate || x[0] == 0 || y[0] == 0
                }
                Public::Rsa { .. } | Public::Raw(_) => true,
            };
            if fits {
                return Ok(key);
            }
        }
    }

    fn choose_algorithm(&self, options: &Options<'_>) -> Result<Algorithm, Error> {
        let mut offered = Vec::new();
        for parameter in options.list("pubKeyCredParams")? {
            if parameter["type"] == "public-key" {
                let number = parameter["alg"].as_i64();
                offered.push(number.ok_or_else(|| {
                    Error::options("pubKeyCredParams", "has an `alg` that is no integer")
                })?);
            }
        }
        let found = self
            .profile
            .algorithms
            .iter()
            .find(|algorithm| offered.contains(&algorithm.cose()));
        found.copied().ok_or(Error::NoCommonAlgorithm { offered })
    }

    fn holds(&self, id: &[u8], rp_id: &str) -> bool {
        self.credentials
            .iter()
            .any(|held| held.id == id && held.rp_id == rp_id)
    }

    /// Authenticator data (section 6.1) with `attested` credential data behind it, if there is any.
    fn authenticator_data(
        &self,
        rp_id: &str,
        sign_count: u32,
        attested: Option<&[u8]>,
        extensions: &Extensions,
        lies: &Lies,
    ) -> Vec<u8> {
        if let Some(other) = &lies.authenticator_data {
            return other.clone();
        }
        let profile = &self.profile;
        let outputs = match &lies.extensions {
            Some(other) => Some(other.clone()),
            None if extensions.authenticator.is_empty() => None,
            None => Some(cbor::encode(|out| {
                cbor::map(out, &extensions.authenticator)
            })),
        };
        let flags = [
            (UP, lies.user_present.unwrap_or(profile.user_present)),
            (UV, lies.user_verified.unwrap_or(profile.user_verified)),
            (BE, lies.backup_eligible.unwrap_or(profile.backup_eligible)),
            (BS, lies.backup_state.unwrap_or(profile.backup_state)),
            (
                AT,
                lies.attested_credential_data.unwrap_or(attested.is_some()),
            ),
            (ED, lies.extension_data.unwrap_or(outputs.is_some())),
        ];
        let flags = flags
            .iter()
            .filter(|(_, set)| *set)
            .fold(0, |byte, (bit, _)| byte | bit)
            ^ lies.flip_flags;
        let rp_id = lies.rp_id.as_deref().unwrap_or(rp_id);
        [
            digest(&SHA256, rp_id.as_bytes()).as_ref(),
            &[flags],
            &lies.sign_count.unwrap_or(sign_count).to_be_bytes(),
            attested
                .filter(|_| !lies.without_attested_credential_data)
                .unwrap_or_default(),
            outputs.as_deref().unwrap_or_default(),
            lies.trailing_authenticator_data
                .as_deref()
                .unwrap_or_default(),
        ]
        .concat()
    }
}

/// The JSON that both ceremonies share.
fn credential_json(
    id: &[u8],
    attachment: Option<Attachment>,
    lies: &Lies,
    mut extensions: Map<String, Value>,
    response: &Value,
) -> Value {
    extensions.extend(lies.client_extension_results.clone());
    let truth = base64url(id);
    json!({
        "id": lies.id.as_ref().unwrap_or(&truth),
        "rawId": lies.raw_id.as_ref().unwrap_or(&truth),
        "type": "public-key",
        "authenticatorAttachment": attachment.map(Attachment::as_str),
        "response": response,
        "clientExtensionResults": extensions,
    })
}

/// The serialised client data (section 5.8.1.1), written in the order of the specification.
fn client_data(kind: &str, challenge: &str, origin: &str, lies: &Lies) -> Vec<u8> {
    if let Some(other) = &lies.client_data_json {
        return other.clone();
    }
    let mut members: Vec<(&str, Value)> = vec![
        (
            "type",
            lies.client_data_type.as_deref().unwrap_or(kind).into(),
        ),
        (
            "challenge",
            lies.challenge.as_deref().unwrap_or(challenge).into(),
        ),
        ("origin", lies.origin.as_deref().unwrap_or(origin).into()),
    ];
    if !lies.without_cross_origin {
        members.push(("crossOrigin", lies.cross_origin.unwrap_or(false).into()));
    }
    if let Some(top_origin) = &lies.top_origin {
        members.push(("topOrigin", top_origin.as_str().into()));
    }
    members.retain(|(name, _)| !lies.extra_client_data.contains_key(*name));
    members.extend(
        lies.extra_client_data
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone())),
    );

    members.retain(|(name, _)| {
        !lies
            .without_client_data
            .iter()
            .any(|dropped| dropped == name)
    });

    // Not a `Map`, which would sort the members by name.
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("{}:{value}", Value::from(*name)))
        .collect();
    format!("{{{}}}", members.join(",")).into_bytes()
}

/// The length prefix of a credential id; no identifier here is near 65,535 bytes.
fn length(id: &[u8]) -> [u8; 2] {
    u16::try_from(id.len()).unwrap_or(u16::MAX).to_be_bytes()
}

/// Reading access to an options object by dotted path.
struct Options<'a>(&'a Value);

impl<'a> Options<'a> {
    fn of(value: &'a Value) -> Self {
        Self(value.get("publicKey").unwrap_or(value))
    }

    fn at(&self, path: &str) -> Option<&'a Value> {
        path.split('.')
            .try_fold(self.0, |value, name| value.get(name))
    }

    fn text(&self, path: &str) -> Result<&'a str, Error> {
        self.at(path)
            .and_then(Value::as_str)
            .ok_or_else(|| Error::options(path, "is not a string"))
    }

    fn bytes(&self, path: &str) -> Result<Vec<u8>, Error> {
        from_base64url(self.text(path)?).ok_or_else(|| Error::options(path, "is not base64url"))
    }

    /// A list; an absent one is empty, as in the browser's dictionary.
    fn list(&self, path: &str) -> Result<&'a [Value], Error> {
        match self.at(path) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(Error::options(path, "is not an array")),
        }
    }

    /// The identifiers of a list of credential descriptors.
    fn descriptors(&self, path: &str) -> Result<Vec<Vec<u8>>, Error> {
        let read = |item: &Value| {
            item["id"]
                .as_str()
                .and_then(from_base64url)
                .ok_or_else(|| Error::options(path, "has an `id` that is not base64url"))
        };
        self.list(path)?.iter().map(read).collect()
    }

    fn asks_for_extension(&self, name: &str) -> bool {
        self.at("extensions")
            .and_then(|extensions| extensions.get(name))
            .is_some_and(|value| *value != Value::Bool(false))
    }
}

#[cfg(test)]
mod tests;
