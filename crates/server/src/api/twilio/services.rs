//! `/v2/Services` (docs/wires/twilio.md, section 6.1): Relying Parties in the words of this wire.
//!
//! Settings of channels that passkeyd does not have are kept with the Relying Party and shown again, nothing more.

use axum::response::Response;
use domain::model::ids::RelyingPartyId;
use domain::model::policy::PartialSelection;
use domain::model::refusal::Refusal;
use domain::model::relying_party::RelyingParty;
use domain::model::settings::WireSettings;
use domain::model::settings::twilio::{Push, Totp, TwilioSettings, Whatsapp};
use serde::Serialize;

use super::codes::Code;
use super::error::{ApiError, refused};
use super::form::Form;
use super::name::FRIENDLY_NAME;
use super::paging::{List, Row};
use super::reasons::Call;
use super::request::{Request, created, ok};
use super::settings::{self, Choice, Settings};
use super::sid::{self, Sid};
use super::state::{State, administrator};
use crate::api::dates::Date;
use crate::api::reach;
use crate::http::name::NameRule;
use crate::http::reply::no_content;

/// A text of the settings that are only kept.
const TEXT: NameRule = NameRule::characters(0, 256);
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
    fn new(state: &State, rp: &'a RelyingParty) -> Self {
        let kept = &rp.settings.twilio;
        let url = state.public_url.join(&path(rp.id));
        Self {
            sid: Sid::of(&rp.id),
            account_sid: Sid::of(&rp.account),
            friendly_name: &rp.name,
            code_length: kept.code_length,
            lookup_enabled: kept.lookup_enabled,
            psd2_enabled: kept.psd2_enabled,
            skip_sms_to_landlines: kept.skip_sms_to_landlines,
            dtmf_input_required: kept.dtmf_input_required,
            tts_name: &kept.tts_name,
            do_not_share_warning_enabled: kept.do_not_share_warning_enabled,
            custom_code_enabled: kept.custom_code_enabled,
            push: &kept.push,
            totp: &kept.totp,
            default_template_sid: &kept.default_template_sid,
            whatsapp: &kept.whatsapp,
            passkeys: Settings::from(&rp.selection),
            verify_event_subscription_enabled: kept.verify_event_subscription_enabled,
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
    ok(&Service::new(state, rp))
}

/// `POST /v2/Services`.
pub async fn create(request: Request) -> Result<Response, ApiError> {
    let form = request.form()?;
    form.required("FriendlyName")?;
    let mut name = String::new();
    let mut selection = PartialSelection::default();
    let mut settings = WireSettings::default();
    apply(&form, &mut name, &mut selection, &mut settings.twilio)?;
    let rp = request
        .state
        .passkeys
        .create_relying_party(
            request.account,
            &name,
            selection,
            settings,
            &administrator(),
        )
        .await
        .map_err(refused(Call::Resource))?;
    reach::warn(&rp);
    created(&Service::new(&request.state, &rp))
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
                let shown = Service::new(&request.state, rp);
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

/// Why a service is not changed: the form, or the domain.
struct Refused(ApiError);

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(ApiError::refused(Call::Resource, &refusal))
    }
}

impl From<Refused> for ApiError {
    fn from(refused: Refused) -> Self {
        refused.0
    }
}

/// `POST /v2/Services/{sid}`.
pub async fn update(request: Request) -> Result<Response, ApiError> {
    let before = request.service().await?;
    let form = request.form()?;
    let change = |rp: &mut RelyingParty| -> Result<(), Refused> {
        let kept = &mut rp.settings.twilio;
        Ok(apply(&form, &mut rp.name, &mut rp.selection, kept)?)
    };
    let mut wanted = RelyingParty::clone(&before);
    change(&mut wanted)?;
    if wanted == **before {
        return show(&request.state, &before);
    }
    let after = request
        .state
        .passkeys
        .update_relying_party(request.account, before.id, change, &administrator())
        .await?;
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
        .delete_relying_party(request.account, request.service_id()?, &administrator())
        .await
        .map_err(refused(Call::Resource))?;
    Ok(no_content())
}

/// Applies the parameters that are there: an absent one keeps the value, an empty one clears it.
fn apply(
    form: &Form<'_>,
    name: &mut String,
    selection: &mut PartialSelection,
    kept: &mut TwilioSettings,
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
fn apply_kept(form: &Form<'_>, kept: &mut TwilioSettings) -> Result<(), ApiError> {
    let new = TwilioSettings::default();
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
