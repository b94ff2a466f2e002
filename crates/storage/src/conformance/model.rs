//! The model test: the same random operations on the reference store and on another one, compared after
//! each step.

use std::fmt::Debug;
use std::sync::Arc;

use domain::model::access_key::AccessKey;
use domain::model::audit::{AuditEvent, AuditKind};
use domain::model::ceremony::{Authentication, Ceremony, Standing};
use domain::model::grant::{KeyUse, UsedKey};
use domain::model::ids::{
    AttemptId, CeremonyId, CredentialKey, EventId, RelyingPartyId, TokenId, UserId,
};
use domain::model::page::{Order, PageRequest, Position};
use domain::model::relying_party::RelyingParty;
use domain::model::token::{TokenKey, TokenKind};
use domain::model::user::{User, UserRef};
use domain::model::webhook::Webhook;
use domain::store::{
    AuthenticationFilter, BeginRegistration, CounterRule, EventFilter, FinishedRegistration,
    RefuseCeremony, Reserved, Storage, Survival,
};
use webauthn::error::Reason;
use webauthn::relying_party::RpId;

use super::answers::call;
use super::device::Claims;
use super::durability::dump;
use super::fixture::{
    NOW, Passkey, RegistrationAttempt, SOMEBODY, SignIn, at, authentication, event, key,
    new_account, new_relying_party, new_user, registration,
};
use super::relying_parties::{configured, webhook};
use super::tokens::{access_key, token_key};

const STEPS: usize = 400;
/// After so many steps the whole content is compared.
const DUMP_EVERY: usize = 20;
const NAMES: [&str; 4] = ["ann", "bob", "carl", "dora"];

/// A small generator (`SplitMix64`); a seed gives the same run again.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((z ^ (z >> 31)) % sides as u64).unwrap()
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() {
            None
        } else {
            Some(&from[self.roll(from.len())])
        }
    }
}

/// A token key as it is, which its own debug form hides.
fn revealed(key: Option<TokenKey>) -> Option<Vec<u8>> {
    key.map(|key| key.reveal().to_vec())
}

/// Everything that was ever made, gone or not, so that operations also meet what is gone.
struct Run {
    stores: [Arc<dyn Storage>; 2],
    dice: Dice,
    clock: i64,
    parties: Vec<RelyingParty>,
    users: Vec<User>,
    deleted: Vec<UserId>,
    passkeys: Vec<(CredentialKey, Passkey)>,
    ceremonies: Vec<Ceremony>,
    registrations: Vec<RegistrationAttempt>,
    sign_ins: Vec<SignIn>,
    webhooks: Vec<Webhook>,
    access_keys: Vec<AccessKey>,
    tokens: Vec<TokenId>,
    context: String,
}

/// Runs an expression on both stores and compares what they say; gives the reference's answer.
macro_rules! both {
    ($run:ident, $store:ident => $answer:expr) => {{
        let $store = Arc::clone(&$run.stores[0]);
        let expected = $answer;
        let $store = Arc::clone(&$run.stores[1]);
        let found = $answer;
        $run.compare(stringify!($answer), &expected, &found);
        expected.expect("no fault")
    }};
}

impl Run {
    fn compare(&self, what: &str, expected: &impl Debug, found: &impl Debug) {
        let (expected, found) = (format!("{expected:?}"), format!("{found:?}"));
        assert_eq!(found, expected, "{}: {what}", self.context);
    }

    fn event(&self, kind: AuditKind, rp: RelyingPartyId) -> AuditEvent {
        AuditEvent::new(EventId(key()), kind, rp, at(self.clock), &SOMEBODY)
    }

    /// A user that was made once; not always one of the Relying Party that goes with it.
    fn some_user(&mut self) -> Option<User> {
        self.dice.pick(&self.users).cloned()
    }

    fn some_ceremony(&mut self) -> Option<Ceremony> {
        self.dice.pick(&self.ceremonies).cloned()
    }

    /// Seldom one, or nobody would ever sign in.
    fn some_displaced(&mut self) -> Vec<CeremonyId> {
        match self.dice.roll(10) {
            // When the sweep counts what a deleted user had, a store may have displaced one of theirs or not.
            0 => self
                .some_ceremony()
                .iter()
                .filter(|c| c.user().is_none_or(|user| !self.deleted.contains(&user)))
                .map(Ceremony::id)
                .collect(),
            _ => Vec::new(),
        }
    }

    fn some_attempt(&mut self) -> AttemptId {
        let known: Vec<AttemptId> = self
            .registrations
            .iter()
            .map(|e| e.attempt)
            .chain(self.sign_ins.iter().map(|s| s.attempt))
            .collect();
        match self.dice.roll(3) {
            0 => self.dice.pick(&known).copied().unwrap_or(AttemptId(key())),
            _ => AttemptId(key()),
        }
    }

    fn some_page(&mut self) -> PageRequest {
        let after = match self.dice.roll(3) {
            0 => None,
            1 => self.some_user().map(|u| Position {
                created: u.created,
                key: u.id.0,
            }),
            _ => self.some_ceremony().map(|c| Position {
                created: c.created(),
                key: c.id().0,
            }),
        };
        let order = if self.dice.roll(2) == 0 {
            Order::Ascending
        } else {
            Order::Descending
        };
        PageRequest {
            after,
            limit: u32::try_from(self.dice.roll(5)).unwrap(),
            order,
        }
    }

    async fn step(&mut self) {
        self.clock += i64::try_from(self.dice.roll(3)).unwrap() * 20_000;
        let now = at(self.clock);
        let rp = self.parties[self.dice.roll(self.parties.len())].id;
        let name = NAMES[self.dice.roll(NAMES.len())];
        match self.dice.roll(26) {
            0 => {
                let user = new_user(rp, name, now);
                let event = self.event(AuditKind::UserCreated, rp);
                self.users.push(user.clone());
                both!(self, s => s.create_user(&user, &event).await);
            }
            1..=4 => self.begin_registration(rp, name).await,
            5..=8 => self.finish_registration().await,
            9..=11 => self.begin_authentication(rp).await,
            12..=15 => self.finish_authentication().await,
            16 => {
                let Some(ceremony) = self.some_ceremony() else {
                    return;
                };
                let event = self.event(AuditKind::AuthenticationRefused, ceremony.relying_party());
                let failed = self.some_user().map(|u| u.id);
                let refuse = |event| RefuseCeremony {
                    sealed: None,
                    attempt: AttemptId([1; 16]),
                    relying_party: ceremony.relying_party(),
                    ceremony: ceremony.id(),
                    now,
                    reason: Reason::SignatureInvalid,
                    failed_user: failed,
                    event,
                };
                let attempt = self.some_attempt();
                both!(self, s => {
                    s.refuse_ceremony(RefuseCeremony { attempt, ..refuse(&event) }).await
                });
            }
            17 => {
                let Some(user) = self.some_user() else { return };
                // Seldom, or nothing would ever be left.
                if self.dice.roll(3) == 0 {
                    let event = self.event(AuditKind::UserDeleted, rp);
                    both!(self, s => s.delete_user(rp, user.id, &event).await);
                    self.deleted.push(user.id);
                }
            }
            18 => self.credentials().await,
            19 => {
                let (Some(ceremony), Some(user)) = (self.some_ceremony(), self.some_user()) else {
                    return;
                };
                if self.dice.roll(2) == 0 {
                    both!(self, s => s.rename_registration(rp, user.id, ceremony.id(), name, now).await);
                } else {
                    both!(self, s => s.delete_registration(rp, user.id, ceremony.id()).await);
                }
            }
            20 => self.webhook_steps(rp).await,
            21 => {
                let n = self.dice.roll(self.parties.len());
                let mut party = self.parties[n].clone();
                party.version += self.dice.roll(3) as u64;
                party.name = name.to_owned();
                let rp_id = self.dice.pick(&[Some("a.test"), Some("b.test"), None]);
                let origin = self.dice.pick(&["https://a.test", "https://b.test"]);
                party = configured(party, *rp_id.unwrap(), &[origin.unwrap()]);
                let event = self.event(AuditKind::RelyingPartyUpdated, party.id);
                let update = both!(self, s => s.update_relying_party(&party, &event).await);
                if update == domain::store::Update::Done {
                    self.parties[n] = party;
                } else if self.dice.roll(20) == 0 {
                    both!(self, s => s.delete_relying_party(rp, now).await);
                    let party = new_relying_party(party.account, now);
                    let event = self.event(AuditKind::RelyingPartyCreated, party.id);
                    both!(self, s => s.create_relying_party(&party, &event).await);
                    self.parties.push(party);
                }
            }
            22 => {
                let budget = u32::try_from(self.dice.roll(6)).unwrap();
                let (ceremonies, events) = (at(self.clock - 60_000), at(self.clock - 600_000));
                let answers = at(self.clock);
                both!(self, s => s.sweep(ceremonies, events, answers, budget).await);
            }
            24 => self.answers().await,
            23 => self.tokens(rp).await,
            _ => self.lists(rp, name).await,
        }
    }

    /// A few keys, so that they meet again and again.
    async fn answers(&mut self) {
        let account = self.parties[0].account;
        let name = u8::try_from(self.dice.roll(6)).unwrap();
        let mut call = call(account, name, at(self.clock));
        call.content = [u8::from(self.dice.roll(4) == 0); 32];
        call.max_per_account = 4;
        let reserved = both!(self, s => s.reserve_answer(&call).await);
        match (reserved, self.dice.roll(3)) {
            (Reserved::Yours, 0) => {
                both!(self, s => s.keep_answer(account, call.key, call.attempt, &[name]).await);
            }
            (Reserved::Yours, 1) => {
                both!(self, s => s.release_answer(account, call.key, call.attempt).await);
            }
            _ => {}
        }
    }

    async fn tokens(&mut self, rp: RelyingPartyId) {
        match (
            self.dice.roll(5),
            self.dice.pick(&self.access_keys).cloned(),
        ) {
            (0, Some(access_key)) => {
                let event = self.event(AuditKind::AccessKeyDeleted, rp);
                both!(self, s => s.delete_access_key(rp, access_key.id, &event).await);
            }
            (1, Some(access_key)) => {
                let key = UsedKey::Access(rp, access_key.id);
                let uses = [KeyUse {
                    key,
                    at: at(self.clock),
                }];
                both!(self, s => s.note_key_uses(&uses).await);
                both!(self, s => s.access_key(rp, access_key.id).await);
            }
            (2, _) => {
                let kind = TokenKind::ALL[self.dice.roll(TokenKind::ALL.len())];
                let candidate = token_key(u8::try_from(self.dice.roll(200)).unwrap());
                both!(self, s => s.token_key(rp, kind).await.map(revealed));
                both!(self, s => s.keep_token_key(rp, kind, candidate.clone()).await.map(revealed));
            }
            (3, _) => {
                let token = match self.dice.roll(2) {
                    0 => self.dice.pick(&self.tokens).copied(),
                    _ => None,
                };
                let token = token.unwrap_or_else(|| TokenId(key()));
                let expires = at(self.clock);
                let attempt = AttemptId(key());
                both!(self, s => s.claim_once(rp, token, expires, attempt).await);
                self.tokens.push(token);
            }
            _ => {
                let access_key = access_key(rp, at(self.clock));
                let event = self.event(AuditKind::AccessKeyCreated, rp);
                both!(self, s => s.create_access_key(&access_key, &event).await);
                self.access_keys.push(access_key);
            }
        }
    }

    async fn begin_registration(&mut self, rp: RelyingPartyId, name: &str) {
        let found = self.stores[0].user(rp, UserRef::Name(name)).await.unwrap();
        // Sometimes on the word of an old read.
        let stale = self.dice.roll(8) == 0;
        let (user, new) = match found {
            Some(user) if !stale => (user, false),
            _ => (new_user(rp, name, at(self.clock)), true),
        };
        let ceremony = registration(&user, at(self.clock));
        let events = [self.event(AuditKind::RegistrationStarted, rp)];
        let displaced = self.some_displaced();
        let begin = BeginRegistration {
            ceremony: &ceremony,
            new_user: new.then_some(&user),
            displaced: &displaced,
            events: &events,
        };
        both!(self, s => s.begin_registration(begin.clone()).await);
        let mut passkey = Passkey::new(&user);
        let mut finish = passkey.register(&ceremony, at(self.clock));
        finish.max_credentials = 1 + u32::try_from(self.dice.roll(4)).unwrap();
        self.registrations.push(finish);
        self.passkeys.push((ceremony.id.into(), passkey));
        self.users.push(user);
        self.ceremonies.push(ceremony.into());
    }

    async fn finish_registration(&mut self) {
        let Some(finish) = self.dice.pick(&self.registrations) else {
            return;
        };
        let mut finish = RegistrationAttempt {
            attempt: finish.attempt,
            event: finish.event.clone(),
            ..finish.another_attempt()
        };
        if self.dice.roll(3) == 0 {
            finish = finish.another_attempt();
        }
        finish.now = at(self.clock);
        let outcome = both!(self, s => finish.send(&*s).await);
        // A success has written its event; only the same attempt may bring it again.
        if outcome == FinishedRegistration::Registered {
            self.registrations.push(finish);
        }
    }

    async fn begin_authentication(&mut self, rp: RelyingPartyId) {
        let user = self.some_user().filter(|u| u.relying_party == rp);
        let ceremony = Arc::new(authentication(rp, user.as_ref(), at(self.clock)));
        let displaced = self.some_displaced();
        let survival = match self.dice.roll(4) {
            0 => Survival::Crash,
            _ => Survival::Stop,
        };
        both!(self, s => s.begin_authentication(&ceremony, &displaced, survival).await);
        self.ceremonies.push(Arc::unwrap_or_clone(ceremony).into());
    }

    async fn finish_authentication(&mut self) {
        if self.dice.roll(3) == 0 {
            let again = self.dice.pick(&self.sign_ins).cloned();
            if let Some(again) = again {
                both!(self, s => again.send(&*s).await);
            }
            return;
        }
        let open: Vec<Authentication> = self
            .ceremonies
            .iter()
            .filter_map(|c| c.clone().authentication())
            .collect();
        let Some(ceremony) = self.dice.pick(&open) else {
            return;
        };
        // Any passkey that is registered there; who the ceremony was started for is the domain's business.
        let count = self.passkeys.len();
        let start = self.dice.roll(count.max(1));
        let mut found = None;
        for n in (0..count).map(|i| (start + i) % count) {
            let key = self.passkeys[n].0;
            let read = self.stores[0].credential(ceremony.relying_party, key).await;
            if let Some((record, _)) = read.unwrap() {
                found = Some((n, record));
                break;
            }
        }
        let Some((n, record)) = found else {
            return;
        };
        let passkey = &mut self.passkeys[n].1;
        let count = u32::try_from(self.dice.roll(5)).unwrap();
        let flag = |dice: &mut Dice| Some(dice.roll(2) == 0);
        let synced = self.dice.roll(2) == 0;
        let claims = Claims {
            sign_count: Some(count),
            user_verified: flag(&mut self.dice),
            backup_eligible: Some(true),
            backup_state: Some(synced),
            ..Claims::default()
        };
        let mut sign_in = passkey.sign_in(ceremony, &record, at(self.clock), &claims);
        if self.dice.roll(2) == 0 {
            sign_in.counter = CounterRule::MustIncrease;
        }
        both!(self, s => sign_in.send(&*s).await);
        self.sign_ins.push(sign_in);
    }

    async fn credentials(&mut self) {
        let Some((rp, user, key)) = self.dice.pick(&self.registrations).map(|e| {
            let record = e.credential.record();
            (record.relying_party, record.user, record.key)
        }) else {
            return;
        };
        both!(self, s => s.credential(rp, key).await);
        both!(self, s => s.evidence(rp, key).await);
        if self.dice.roll(2) == 0 {
            let event = self.event(AuditKind::CredentialRenamed, rp);
            both!(self, s => s.rename_credential(rp, user, key, "renamed", &event).await);
        } else {
            let event = self.event(AuditKind::CredentialDeleted, rp);
            both!(self, s => s.delete_credential(rp, user, key, &event).await);
        }
    }

    async fn webhook_steps(&mut self, rp: RelyingPartyId) {
        match (self.dice.roll(3), self.dice.pick(&self.webhooks).cloned()) {
            (1, Some(mut hook)) => {
                hook.enabled = !hook.enabled;
                // A conflict from the second change of a webhook on: the model keeps the one that it created.
                hook.revision += 1;
                both!(self, s => s.update_webhook(&hook, None).await);
            }
            (2, Some(hook)) => {
                let gone = event(AuditKind::WebhookDeleted, rp);
                both!(self, s => s.delete_webhook(rp, hook.id, &gone).await);
            }
            _ => {
                let hook = webhook(rp, at(self.clock));
                both!(self, s => s.create_webhook(&hook, None).await);
                self.webhooks.push(hook);
            }
        }
    }

    async fn lists(&mut self, rp: RelyingPartyId, name: &str) {
        let page = self.some_page();
        let account = self.parties[0].account;
        both!(self, s => s.user_with_credentials(rp, UserRef::Name(name)).await);
        both!(self, s => s.list_users(rp, page).await);
        let beginning: String = name.chars().take(2).collect();
        both!(self, s => s.count_models(rp, page.limit).await);
        both!(self, s => s.users_named(rp, &beginning, page.limit).await);
        if let Some(user) = self.some_user() {
            both!(self, s => s.user_with_credentials(rp, UserRef::Id(user.id)).await);
        }
        both!(self, s => s.find_events(rp, &EventFilter::default(), page.limit).await);
        both!(self, s => s.list_webhooks(rp, page).await);
        both!(self, s => s.list_access_keys(rp, page).await);
        both!(self, s => s.list_relying_parties(account, page).await);
        for host in ["a.test", "b.test"] {
            let (origin, rp_id) = (format!("https://{host}"), RpId::parse(host).unwrap());
            both!(self, s => s.has_origin(&origin).await);
            both!(self, s => s.relying_parties_with_rp_id(&rp_id, page.limit).await);
        }
        let Some(user) = self.some_user() else { return };
        both!(self, s => s.list_credentials(rp, user.id, page).await);
        let standings = [
            None,
            Some(Standing::Pending),
            Some(Standing::Expired),
            Some(Standing::Succeeded),
            Some(Standing::Failed),
        ];
        let filter = AuthenticationFilter {
            standing: standings[self.dice.roll(standings.len())],
            credential: match self.dice.roll(2) {
                0 => None,
                _ => self
                    .dice
                    .pick(&self.registrations)
                    .map(RegistrationAttempt::key),
            },
            now: at(self.clock),
        };
        both!(self, s => s.list_authentications(rp, user.id, filter, page).await);
        both!(self, s => s.list_unfinished_registrations(rp, user.id, page).await);
    }

    async fn compare_content(&self) {
        for rp in self.parties.iter().map(|rp| rp.id) {
            let listed = self.stores[0]
                .list_users(rp, PageRequest::first(1000))
                .await;
            let users: Vec<UserId> = listed.unwrap().items.iter().map(|u| u.id).collect();
            let expected = dump(&*self.stores[0], rp, &users).await;
            let found = dump(&*self.stores[1], rp, &users).await;
            assert_eq!(found, expected, "{}: content", self.context);
        }
        for ceremony in &self.ceremonies {
            let (rp, id) = (ceremony.relying_party(), ceremony.id());
            let expected = self.stores[0].ceremony(rp, id).await;
            assert_eq!(
                self.stores[1].ceremony(rp, id).await,
                expected,
                "{}",
                self.context
            );
        }
    }
}

/// Runs random operations of a seed on a fresh reference store and on a fresh store of another kind.
pub async fn run(seed: u64, reference: Arc<dyn Storage>, other: Arc<dyn Storage>) {
    let account = new_account(NOW);
    let mut run = Run {
        stores: [reference, other],
        dice: Dice(seed),
        clock: 0,
        parties: Vec::new(),
        users: Vec::new(),
        deleted: Vec::new(),
        passkeys: Vec::new(),
        ceremonies: Vec::new(),
        registrations: Vec::new(),
        sign_ins: Vec::new(),
        webhooks: Vec::new(),
        access_keys: Vec::new(),
        tokens: Vec::new(),
        context: format!("seed {seed}"),
    };
    both!(run, s => s.create_first_account(&account).await);
    for _ in 0..2 {
        let party = new_relying_party(account.id, NOW);
        let event = run.event(AuditKind::RelyingPartyCreated, party.id);
        both!(run, s => s.create_relying_party(&party, &event).await);
        run.parties.push(party);
    }
    for step in 0..STEPS {
        run.context = format!("seed {seed}, step {step}");
        run.step().await;
        if step % DUMP_EVERY == DUMP_EVERY - 1 {
            run.compare_content().await;
        }
    }
    // A run in which nobody registers and signs in compares nothing.
    assert!(
        run.sign_ins.len() > 1,
        "{}: only {} sign-ins",
        run.context,
        run.sign_ins.len()
    );
}
