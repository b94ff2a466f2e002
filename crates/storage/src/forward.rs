//! All operations of a store in one list, for stores that stand before another one.

/// Implements every part of [`Storage`](domain::store::Storage) for a type that has a field `inner`, a store.
///
/// Each operation becomes one call of `keep`, `remove` or `once` of the type, with the name of the operation and a closure that sends it
/// to `inner` each time it is called. `keep` gets those whose repeat has the outcome of the first time; `remove` those whose repeat
/// finds nothing to remove, and says `false`; `once` those whose repeat would do more.
macro_rules! forward {
    ($type:ident) => {
        const _: () = {
            use domain::model::access_key::AccessKey;
            use domain::model::account::{Account, ApiKey, Principal, SecretHash};
            use domain::model::audit::AuditEvent;
            use domain::model::ceremony::{Authentication, Ceremony, Registration};
            use domain::model::clock::Timestamp;
            use domain::model::console::{Administrator, ConsoleKind, ConsoleRecord, Session};
            use domain::model::credential::{CredentialRecord, Evidence};
            use domain::model::grant::KeyUse;
            use domain::model::ids::{
                AccessKeyId, AccountId, ApiKeyId, AttemptId, CeremonyId, CredentialKey, DeliveryId, EventId, ImportId, InviteId, NodeId,
                RelyingPartyId, TokenId, UserId, WebhookId,
            };
            use domain::model::import::{Import, Imported, ImportedPlace};
            use domain::model::metadata::{MetadataRecord, MetadataVersion, StoredMetadata};
            use domain::model::notice::Delivery;
            use domain::model::page::{Page, PageRequest};
            use domain::model::relying_party::RelyingParty;
            use domain::model::token::{TokenKey, TokenKind};
            use domain::model::user::{User, UserRef};
            use domain::model::webhook::Webhook;
            use domain::store::{
                AuthenticationFilter, Begin, BeginRegistration, CountedModels, CreateUser, EventFilter, FinishAuthentication,
                FinishRegistration, FinishedAuthentication, FinishedRegistration, FirstAccount, FoundEvents, ClaimDeliveries,
                ImportCredential, ImportUser, ImportedCredential, ImportedParty, ImportedUser,
                LoadedAuthentication, RefuseCeremony, Refused, ReplaceMetadata, Reservation, Reserved, Responds, Survival,
                StoredSecret, Swept, Update,
            };
            use webauthn::credential::CredentialId;
            use webauthn::relying_party::RpId;

        $crate::forward::forward! { $type:
            Accounts {
                create_first_account(account: &Account) -> FirstAccount = keep;
                create_account(account: &Account) -> bool = keep;
                list_accounts(page: PageRequest) -> Page<Account> = keep;
                replace_account_token(account: AccountId, token: SecretHash) -> bool = keep;
                replace_secret(of: Principal, expected: SecretHash, new: SecretHash) -> bool = keep;
                secret(principal: Principal) -> Option<StoredSecret> = keep;
                create_api_key(key: &ApiKey) -> bool = keep;
                list_api_keys(account: AccountId, page: PageRequest) -> Page<ApiKey> = keep;
                delete_api_key(account: AccountId, key: ApiKeyId, event: &AuditEvent) -> bool = remove;
            }
            RelyingParties {
                create_relying_party(rp: &RelyingParty, event: &AuditEvent) -> bool = keep;
                relying_party(id: RelyingPartyId) -> Option<RelyingParty> = keep;
                list_relying_parties(account: AccountId, page: PageRequest) -> Page<RelyingParty> = keep;
                has_origin(origin: &str) -> bool = keep;
                relying_parties_with_rp_id(rp_id: &RpId, limit: u32) -> Vec<RelyingPartyId> = keep;
                update_relying_party(rp: &RelyingParty, event: &AuditEvent) -> Update = keep;
                delete_relying_party(id: RelyingPartyId, at: Timestamp) -> bool = remove;
            }
            Users {
                create_user(user: &User, event: &AuditEvent) -> CreateUser = keep;
                user(rp: RelyingPartyId, user: UserRef<'_>) -> Option<User> = keep;
                user_with_credentials(rp: RelyingPartyId, user: UserRef<'_>)
                    -> Option<Arc<(User, Vec<CredentialRecord>)>> = keep;
                list_users(rp: RelyingPartyId, page: PageRequest) -> Page<User> = keep;
                users_named(rp: RelyingPartyId, beginning: &str, limit: u32) -> Page<User> = keep;
                delete_user(rp: RelyingPartyId, user: UserId, event: &AuditEvent) -> bool = remove;
            }
            Ceremonies {
                begin_registration(begin: BeginRegistration<'_>) -> Begin = keep;
                begin_authentication(ceremony: &Arc<Authentication>, displaced: &[CeremonyId], survival: Survival)
                    -> Begin = keep;
                ceremony(rp: RelyingPartyId, id: CeremonyId) -> Option<Ceremony> = keep;
                load_for_authentication(rp: RelyingPartyId, ceremony: CeremonyId, credential: &CredentialId)
                    -> LoadedAuthentication = keep;
                finish_registration(finish: FinishRegistration<'_>) -> FinishedRegistration = keep;
                finish_authentication(finish: FinishAuthentication<'_>) -> FinishedAuthentication = keep;
                refuse_ceremony(refuse: RefuseCeremony<'_>) -> Refused = keep;
                list_authentications(rp: RelyingPartyId, user: UserId, filter: AuthenticationFilter, page: PageRequest)
                    -> Page<Authentication> = keep;
            }
            Credentials {
                credential(rp: RelyingPartyId, key: CredentialKey) -> Option<(CredentialRecord, User)> = keep;
                evidence(rp: RelyingPartyId, key: CredentialKey) -> Option<Evidence> = keep;
                count_models(rp: RelyingPartyId, users: u32) -> CountedModels = keep;
                list_credentials(rp: RelyingPartyId, user: UserId, page: PageRequest) -> Page<CredentialRecord> = keep;
                rename_credential(rp: RelyingPartyId, user: UserId, key: CredentialKey, name: &str, event: &AuditEvent)
                    -> Option<CredentialRecord> = keep;
                delete_credential(rp: RelyingPartyId, user: UserId, key: CredentialKey, event: &AuditEvent)
                    -> bool = remove;
                list_unfinished_registrations(rp: RelyingPartyId, user: UserId, page: PageRequest)
                    -> Page<Registration> = keep;
                rename_registration(rp: RelyingPartyId, user: UserId, id: CeremonyId, name: &str, now: Timestamp)
                    -> Option<Registration> = keep;
                delete_registration(rp: RelyingPartyId, user: UserId, id: CeremonyId) -> bool = remove;
            }
            Webhooks {
                create_webhook(webhook: &Webhook, event: Option<&AuditEvent>) -> bool = keep;
                webhook(rp: RelyingPartyId, id: WebhookId) -> Option<Webhook> = keep;
                list_webhooks(rp: RelyingPartyId, page: PageRequest) -> Page<Webhook> = keep;
                update_webhook(webhook: &Webhook, event: Option<&AuditEvent>) -> Update = keep;
                delete_webhook(rp: RelyingPartyId, id: WebhookId, event: &AuditEvent) -> bool = remove;
            }
            Deliveries {
                create_delivery(delivery: &Delivery) -> bool = keep;
                delivery(rp: RelyingPartyId, id: DeliveryId) -> Option<Delivery> = keep;
                list_deliveries(rp: RelyingPartyId, webhook: WebhookId, page: PageRequest) -> Page<Delivery> = keep;
                claim_deliveries(claim: ClaimDeliveries<'_>) -> Vec<Delivery> = once;
                replace_delivery(delivery: &Delivery, due: Timestamp) -> bool = keep;
                erase_deliveries(rp: RelyingPartyId, user: UserId, limit: u32) -> u64 = keep;
                oldest_delivery() -> Option<Timestamp> = keep;
                sweep_deliveries(before: Timestamp, budget: u32) -> u64 = once;
            }
            AccessKeys {
                create_access_key(key: &AccessKey, event: &AuditEvent) -> bool = keep;
                access_key(rp: RelyingPartyId, id: AccessKeyId) -> Option<AccessKey> = keep;
                list_access_keys(rp: RelyingPartyId, page: PageRequest) -> Page<AccessKey> = keep;
                delete_access_key(rp: RelyingPartyId, id: AccessKeyId, event: &AuditEvent) -> bool = remove;
            }
            Tokens {
                token_key(rp: RelyingPartyId, kind: TokenKind) -> Option<TokenKey> = keep;
                keep_token_key(rp: RelyingPartyId, kind: TokenKind, candidate: TokenKey) -> Option<TokenKey> = keep;
                replace_token_key(rp: RelyingPartyId, kind: TokenKind, expected: &TokenKey, new: &TokenKey,
                    event: Option<&AuditEvent>) -> bool = keep;
                list_token_keys(after: Option<(RelyingPartyId, TokenKind)>, limit: u32)
                    -> Vec<(RelyingPartyId, TokenKind, TokenKey)> = keep;
                claim_once(rp: RelyingPartyId, token: TokenId, expires: Timestamp, attempt: AttemptId) -> bool = keep;
                is_claimed(rp: RelyingPartyId, token: TokenId) -> bool = keep;
            }
            MetadataBlobs {
                metadata(known: Option<MetadataVersion>) -> Option<MetadataRecord> = keep;
                replace_metadata(new: &StoredMetadata) -> ReplaceMetadata = keep;
                remove_metadata() -> bool = remove;
            }
            Events {
                find_events(rp: RelyingPartyId, filter: &EventFilter, limit: u32) -> FoundEvents = keep;
                record_event(event: &AuditEvent) -> () = keep;
                erase_events(rp: RelyingPartyId, user: UserId, events: &[(Timestamp, EventId)]) -> () = keep;
            }
            Answers {
                reserve_answer(reservation: &Reservation) -> Reserved = keep;
                keep_answer(account: AccountId, key: [u8; 32], attempt: AttemptId, answer: &[u8]) -> bool = keep;
                release_answer(account: AccountId, key: [u8; 32], attempt: AttemptId) -> bool = remove;
            }
            Imports {
                import_relying_party(rp: &RelyingParty) -> ImportedParty = keep;
                import_access_key(key: &AccessKey) -> bool = keep;
                import_user(import: ImportUser<'_>) -> ImportedUser = keep;
                import_credential(import: ImportCredential<'_>) -> ImportedCredential = keep;
                import_event(event: &AuditEvent) -> bool = keep;
                create_import(import: &Import) -> () = keep;
                import(id: ImportId) -> Option<Import> = keep;
                list_imports(page: PageRequest) -> Page<Import> = keep;
                list_imported(id: ImportId, after: Option<ImportedPlace>, limit: u32) -> Vec<Imported> = keep;
                note_imported(id: ImportId, notes: &[Imported]) -> () = keep;
                forget_import(id: ImportId, limit: u32) -> bool = keep;
            }
            Console {
                keep_console_party(rp: &RelyingParty) -> () = keep;
                create_console_record(record: &ConsoleRecord, event: &AuditEvent) -> bool = keep;
                console_record(kind: ConsoleKind, key: [u8; 16]) -> Option<ConsoleRecord> = keep;
                list_console_records(kind: ConsoleKind, owner: Option<[u8; 16]>, page: PageRequest)
                    -> Page<ConsoleRecord> = keep;
                replace_console_record(record: &ConsoleRecord, event: &AuditEvent) -> bool = keep;
                delete_console_record(kind: ConsoleKind, key: [u8; 16], event: &AuditEvent) -> bool = remove;
                accept_invite(invite: InviteId, administrator: &Administrator, event: &AuditEvent) -> bool = keep;
                see_session(session: &Session) -> bool = keep;
                sweep_console(expired_before: Timestamp, budget: u32) -> u64 = once;
            }
            Upkeep {
                shared_secret(candidate: [u8; 32]) -> [u8; 32] = keep;
                store_key() -> Option<Vec<u8>> = keep;
                keep_store_key(candidate: &[u8]) -> Vec<u8> = keep;
                replace_store_key(expected: &[u8], new: &[u8]) -> bool = keep;
                latest_time(now: Timestamp) -> Timestamp = keep;
                note_key_uses(uses: &[KeyUse]) -> () = keep;
                sweep(expired_before: Timestamp, events_before: Timestamp, answers_before: Timestamp, budget: u32)
                    -> Swept = once;
                lease(name: &str, node: NodeId, now: Timestamp, until: Timestamp) -> bool = keep;
                ping() -> Responds = keep;
                close() -> () = keep;
            }
        }
        };
    };
    ($type:ident: $($part:ident {
        $($operation:ident($($name:ident: $of:ty),*) -> $outcome:ty = $how:ident;)+
    })+) => {
        $(
            #[async_trait::async_trait]
            impl domain::store::$part for $type {
                $(
                    async fn $operation(&self, $($name: $of),*) -> Result<$outcome, domain::store::Fault> {
                        let call = || self.inner.$operation($(Clone::clone(&$name)),*);
                        self.$how(stringify!($operation), call).await
                    }
                )+
            }
        )+
    };
}
pub(crate) use forward;
