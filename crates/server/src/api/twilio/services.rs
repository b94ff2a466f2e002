//! `/v2/Services` (docs/wires/twilio.md, section 6.1): Relying Parties in the words of this wire.
//!
//! Settings of channels that passkeyd does not have are kept with the Relying Party and shown again, nothing more.

use axum::response::Response;
use domain::model::ids::RelyingPartyId;
use domain::model::policy::PartialSelection;
use domain::model::relying_party::RelyingParty;
use serde::{Deserialize, Serialize};

use super::codes::Code;
use super::error::{ApiError, refused};
use super::form::Form;
use super::name::FRIENDLY_NAME;
use super::paging::{List, Row};
use super::reasons::Call;
use super::request::{Request, created, ok};
use super::settings::{self, Choice, Settings};
use super::sid::{self, Sid};
use super::state::State;
use crate::api::dates::Date;
use crate::api::reach;
use crate::http::name::NameRule;
use crate::http::reply::no_content;

/// A text of the settings that are only kept.
const TEXT: NameRule = NameRule::characters(0, 256);
/// Under which name this wire keeps its settings with a Relying Party.
const ATTRIBUTES: &str = "twilio";

/// Settings that passkeyd keeps and shows; no passkeys flow reads them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Attributes {
    code_length: u32,
    lookup_enabled: bool,
    psd2_enabled: bool,
    skip_sms_to_landlines: bool,
    dtmf_input_required: bool,
    tts_name: Option<String>,
    do_not_share_warning_enabled: bool,
    custom_code_enabled: bool,
    push: Push,
    totp: Totp,
    default_template_sid: Option<String>,
    whatsapp: Whatsapp,
    verify_event_subscription_enabled: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Push {
    include_date: bool,
    apn_credential_sid: Option<String>,
    fcm_credential_sid: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Totp {
    issuer: Option<String>,
    time_step: u32,
    code_length: u32,
    skew: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Whatsapp {
    msg_service_sid: Option<String>,
    from: Option<String>,
}

impl Default for Totp {
    fn default() -> Self {
        Self {
            issuer: None,
            time_step: 30,
            code_length: 6,
            skew: 1,
        }
    }
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            code_length: 6,
            lookup_enabled: false,
            psd2_enabled: false,
            skip_sms_to_landlines: false,
            dtmf_input_required: true,
            tts_name: None,
            do_not_share_warning_enabled: false,
            custom_code_enabled: false,
            push: Push::default(),
            totp: Totp::default(),
            default_template_sid: None,
            whatsapp: Whatsapp::default(),
            verify_event_subscription_enabled: false,
        }
    }
}

impl Attributes {
    /// Those kept with a Relying Party; the defaults when another wire made it.
    fn of(rp: &RelyingParty) -> Self {
        rp.attributes
            .get(ATTRIBUTES)
            .and_then(|kept| Self::deserialize(kept).ok())
            .unwrap_or_default()
    }

    /// Puts them among what other wires keep there.
    fn keep_in(&self, attributes: &mut serde_json::Value) {
        if !attributes.is_object() {
            *attributes = serde_json::json!({});
        }
        attributes[ATTRIBUTES] = serde_json::json!(self);
    }
}

/// A service as it is shown.
#[derive(Debug, Serialize)]
struct Service<'a> {
    sid: Sid,
    account_sid: Sid,
    friendly_name: &'a str,
    code_length: u32,
    lookup_enabled: bool,
    psd2_enabled: bool,
    skip_sms_to_landlines: bool,
    dtmf_input_required: bool,
    tts_name: &'a Option<String>,
    do_not_share_warning_enabled: bool,
    custom_code_enabled: bool,
    push: &'a Push,
    totp: &'a Totp,
    default_template_sid: &'a Option<String>,
    whatsapp: &'a Whatsapp,
    passkeys: Settings<'a>,
    verify_event_subscription_enabled: bool,
    date_created: Date,
    date_updated: Date,
    url: String,
    links: Links,
}

/// Only what exists here.
#[derive(Debug, Serialize)]
struct Links {
    entities: String,
    webhooks: String,
}

/// Path of a service.
pub fn path(id: RelyingPartyId) -> String {
    format!("/v2/Services/{}", Sid::of(&id))
}

impl<'a> Service<'a> {
    fn new(state: &State, rp: &'a RelyingParty, attributes: &'a Attributes) -> Self {
        let url = state.public_url.join(&path(rp.id));
        Self {
            sid: Sid::of(&rp.id),
            account_sid: Sid::of(&rp.account),
            friendly_name: &rp.name,
            code_length: attributes.code_length,
            lookup_enabled: attributes.lookup_enabled,
            psd2_enabled: attributes.psd2_enabled,
            skip_sms_to_landlines: attributes.skip_sms_to_landlines,
            dtmf_input_required: attributes.dtmf_input_required,
            tts_name: &attributes.tts_name,
            do_not_share_warning_enabled: attributes.do_not_share_warning_enabled,
            custom_code_enabled: attributes.custom_code_enabled,
            push: &attributes.push,
            totp: &attributes.totp,
            default_template_sid: &attributes.default_template_sid,
            whatsapp: &attributes.whatsapp,
            passkeys: Settings::from(&rp.selection),
            verify_event_subscription_enabled: attributes.verify_event_subscription_enabled,
            date_created: Date(rp.created),
            date_updated: Date(rp.updated),
            links: Links {
                entities: format!("{url}/Entities"),
                webhooks: format!("{url}/Webhooks"),
            },
            url,
        }
    }
}

/// 200 with the service.
fn show(state: &State, rp: &RelyingParty) -> Result<Response, ApiError> {
    ok(&Service::new(state, rp, &Attributes::of(rp)))
}

/// `POST /v2/Services`.
pub async fn create(request: Request) -> Result<Response, ApiError> {
    let form = request.form()?;
    form.required("FriendlyName")?;
    let mut name = String::new();
    let mut selection = PartialSelection::default();
    let mut kept = Attributes::default();
    apply(&form, &mut name, &mut selection, &mut kept)?;
    let mut attributes = serde_json::Value::Null;
    kept.keep_in(&mut attributes);
    let rp = request
        .state
        .passkeys
        .create_relying_party(request.account, &name, selection, attributes)
        .await
        .map_err(refused(Call::Resource))?;
    reach::warn(&rp);
    created(&Service::new(&request.state, &rp, &kept))
}

/// `GET /v2/Services`.
pub async fn list(request: Request) -> Result<Response, ApiError> {
    List::of(&request, "services", "/v2/Services".to_owned())?
        .answer(
            |page| {
                let passkeys = &request.state.passkeys;
                passkeys.list_relying_parties(request.account, page)
            },
            |rp| {
                let kept = Attributes::of(rp);
                let shown = Service::new(&request.state, rp, &kept);
                Row::new(rp.created, rp.id.0, &shown)
            },
        )
        .await
}

/// `GET /v2/Services/{sid}`.
pub async fn fetch(request: Request) -> Result<Response, ApiError> {
    let rp = request.service().await?;
    show(&request.state, &rp)
}

/// `POST /v2/Services/{sid}`.
pub async fn update(request: Request) -> Result<Response, ApiError> {
    let before = request.service().await?;
    let form = request.form()?;
    let change = |rp: &mut RelyingParty| -> Result<(), ApiError> {
        let mut kept = Attributes::of(rp);
        apply(&form, &mut rp.name, &mut rp.selection, &mut kept)?;
        kept.keep_in(&mut rp.attributes);
        Ok(())
    };
    let mut wanted = RelyingParty::clone(&before);
    change(&mut wanted)?;
    if wanted == *before {
        return show(&request.state, &before);
    }
    let after = request
        .state
        .passkeys
        .update_relying_party(request.account, before.id, |rp| {
            // The form was found good a moment ago, and whether it is does not depend on the Relying Party.
            let _ = change(rp);
        })
        .await
        .map_err(refused(Call::Resource))?;
    if wanted.selection != before.selection {
        reach::warn(&after);
    }
    show(&request.state, &after)
}

/// `DELETE /v2/Services/{sid}`.
pub async fn delete(request: Request) -> Result<Response, ApiError> {
    request
        .state
        .passkeys
        .delete_relying_party(request.account, request.service_id()?)
        .await
        .map_err(refused(Call::Resource))?;
    Ok(no_content())
}

/// Applies the parameters that are there: an absent one keeps the value, an empty one clears it.
fn apply(
    form: &Form<'_>,
    name: &mut String,
    selection: &mut PartialSelection,
    kept: &mut Attributes,
) -> Result<(), ApiError> {
    if let Some(text) = form.get("FriendlyName") {
        *name = friendly_name(text)?;
    }
    apply_passkeys(form, selection)?;
    apply_kept(form, kept)
}

/// Applies what the passkeys flows read.
fn apply_passkeys(form: &Form<'_>, selection: &mut PartialSelection) -> Result<(), ApiError> {
    const ID: &str = "Passkeys.RelyingParty.Id";
    const NAME: &str = "Passkeys.RelyingParty.Name";
    const ORIGINS: &str = "Passkeys.RelyingParty.Origins";
    if let Some(text) = form.get(ID) {
        selection.rp_id = unless_empty(text, settings::rp_id)?;
    }
    if let Some(text) = form.get(NAME) {
        selection.rp_name = unless_empty(text, settings::rp_name)?;
    }
    if form.has(ORIGINS) {
        let origins = settings::origins(form.all(ORIGINS))?;
        selection.origins = (!origins.is_empty()).then_some(origins);
    }
    let attachment = &mut selection.attachment;
    choice(form, "Passkeys.AuthenticatorAttachment", attachment)?;
    let resident_key = &mut selection.resident_key;
    choice(form, "Passkeys.DiscoverableCredentials", resident_key)?;
    let verification = &mut selection.user_verification;
    choice(form, "Passkeys.UserVerification", verification)
}

/// Applies what is only kept.
fn apply_kept(form: &Form<'_>, kept: &mut Attributes) -> Result<(), ApiError> {
    let new = Attributes::default();
    let length = &mut kept.code_length;
    number(form, "CodeLength", 4..=10, new.code_length, length)?;
    let truths = [
        ("LookupEnabled", false, &mut kept.lookup_enabled),
        ("Psd2Enabled", false, &mut kept.psd2_enabled),
        ("SkipSmsToLandlines", false, &mut kept.skip_sms_to_landlines),
        ("DtmfInputRequired", true, &mut kept.dtmf_input_required),
        (
            "DoNotShareWarningEnabled",
            false,
            &mut kept.do_not_share_warning_enabled,
        ),
        ("CustomCodeEnabled", false, &mut kept.custom_code_enabled),
        (
            "VerifyEventSubscriptionEnabled",
            false,
            &mut kept.verify_event_subscription_enabled,
        ),
    ];
    for (name, default, value) in truths {
        truth(form, name, default, value)?;
    }
    text(form, "TtsName", &mut kept.tts_name)?;
    let template = &mut kept.default_template_sid;
    kept_sid(form, "DefaultTemplateSid", "HJ", template)?;
    apply_whatsapp(form, &mut kept.whatsapp)?;
    apply_push(form, &mut kept.push)?;
    apply_totp(form, &mut kept.totp)
}

fn apply_whatsapp(form: &Form<'_>, kept: &mut Whatsapp) -> Result<(), ApiError> {
    let sid = &mut kept.msg_service_sid;
    kept_sid(form, "Whatsapp.MsgServiceSid", "MG", sid)?;
    text(form, "Whatsapp.From", &mut kept.from)
}

fn apply_push(form: &Form<'_>, kept: &mut Push) -> Result<(), ApiError> {
    truth(form, "Push.IncludeDate", false, &mut kept.include_date)?;
    let apn = &mut kept.apn_credential_sid;
    kept_sid(form, "Push.ApnCredentialSid", "CR", apn)?;
    let fcm = &mut kept.fcm_credential_sid;
    kept_sid(form, "Push.FcmCredentialSid", "CR", fcm)
}

fn apply_totp(form: &Form<'_>, kept: &mut Totp) -> Result<(), ApiError> {
    let new = Totp::default();
    text(form, "Totp.Issuer", &mut kept.issuer)?;
    let numbers = [
        ("Totp.TimeStep", 20..=60, new.time_step, &mut kept.time_step),
        (
            "Totp.CodeLength",
            3..=8,
            new.code_length,
            &mut kept.code_length,
        ),
        ("Totp.Skew", 0..=2, new.skew, &mut kept.skew),
    ];
    for (name, range, default, value) in numbers {
        number(form, name, range, default, value)?;
    }
    Ok(())
}

fn friendly_name(text: &str) -> Result<String, ApiError> {
    if FRIENDLY_NAME.allows(text) {
        return Ok(text.to_owned());
    }
    let most = FRIENDLY_NAME.most();
    let problem = format!("It must have 1 to {most} characters and no control characters");
    Err(ApiError::invalid_parameter("FriendlyName", problem))
}

fn unless_empty<T>(
    text: &str,
    read: impl FnOnce(&str) -> Result<T, ApiError>,
) -> Result<Option<T>, ApiError> {
    if text.is_empty() {
        Ok(None)
    } else {
        read(text).map(Some)
    }
}

fn choice<T: Choice>(
    form: &Form<'_>,
    name: &'static str,
    value: &mut Option<T>,
) -> Result<(), ApiError> {
    match form.get(name) {
        None => {}
        Some("") => *value = None,
        Some(text) => {
            let problem = || format!("It must be one of: {}", T::names());
            *value = Some(
                T::from_name(text).ok_or_else(|| ApiError::invalid_parameter(name, problem()))?,
            );
        }
    }
    Ok(())
}

fn number(
    form: &Form<'_>,
    name: &'static str,
    range: std::ops::RangeInclusive<u32>,
    default: u32,
    value: &mut u32,
) -> Result<(), ApiError> {
    match form.get(name) {
        None => {}
        Some("") => *value = default,
        Some(text) => {
            *value = text
                .parse()
                .ok()
                .filter(|n| range.contains(n))
                .ok_or_else(|| {
                    let problem = format!(
                        "It must be a number from {} to {}",
                        range.start(),
                        range.end()
                    );
                    ApiError::invalid_parameter(name, problem)
                })?;
        }
    }
    Ok(())
}

fn truth(
    form: &Form<'_>,
    name: &'static str,
    default: bool,
    value: &mut bool,
) -> Result<(), ApiError> {
    *value = match form.get(name) {
        None => return Ok(()),
        Some("") => default,
        Some(text) if text.eq_ignore_ascii_case("true") => true,
        Some(text) if text.eq_ignore_ascii_case("false") => false,
        Some(_) => {
            return Err(ApiError::invalid_parameter(
                name,
                "It must be true or false",
            ));
        }
    };
    Ok(())
}

fn text(form: &Form<'_>, name: &'static str, value: &mut Option<String>) -> Result<(), ApiError> {
    let Some(text) = form.get(name) else {
        return Ok(());
    };
    if !TEXT.allows(text) {
        let most = TEXT.most();
        let problem = format!("It must have at most {most} characters and no control characters");
        return Err(ApiError::invalid_parameter(name, problem));
    }
    *value = (!text.is_empty()).then(|| text.to_owned());
    Ok(())
}

fn kept_sid(
    form: &Form<'_>,
    name: &'static str,
    prefix: &str,
    value: &mut Option<String>,
) -> Result<(), ApiError> {
    let Some(text) = form.get(name) else {
        return Ok(());
    };
    if !text.is_empty() && !sid::has_form(text, prefix) {
        let problem = format!("It must be a SID: {prefix} and 32 hex digits");
        return Err(ApiError::invalid_parameter(name, problem));
    }
    *value = (!text.is_empty()).then(|| text.to_owned());
    Ok(())
}

/// A refusal for paths that need a service which exists, before anything else is judged.
pub async fn ensure(request: &Request, code: Code) -> Result<Response, ApiError> {
    request.service().await?;
    Err(ApiError::new(code))
}
