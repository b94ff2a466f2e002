//! The one suite that every store must pass. It is behind the cargo feature `suite`, so that a store in another crate can
//! run it, and so does `passkeyd store verify`.
//!
//! The crate of the store has this one among its dev-dependencies, with the feature. A test implements [`StoreUnderTest`] and
//! calls [`conformance_tests`](crate::conformance_tests), which makes one test of each case. The list of cases is here, and no
//! store can leave one out. [`Faulty`] runs the same cases while the operations fail and are sent again, and [`model::run`]
//! compares the store with the reference, [`Memory`](crate::Memory), on random operations.
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use domain::store::{Storage, Upkeep};
//! use storage::Memory;
//! use storage::conformance::{End, Faulty, StoreUnderTest};
//!
//! struct InMemory(Arc<Memory>);
//!
//! #[async_trait]
//! impl StoreUnderTest for InMemory {
//!     fn store(&self) -> Arc<dyn Storage> {
//!         Arc::<Memory>::clone(&self.0)
//!     }
//!
//!     async fn reopen(&mut self, end: End) {
//!         if let End::Closed = end {
//!             assert_eq!(self.0.close().await, Ok(()));
//!         }
//!     }
//! }
//!
//! fn in_memory() -> InMemory {
//!     InMemory(Arc::new(Memory::new()))
//! }
//!
//! mod conformance {
//!     storage::conformance_tests!(crate::in_memory);
//! }
//!
//! fn faulty() -> Faulty<InMemory> {
//!     Faulty::new(in_memory())
//! }
//!
//! mod conformance_under_faults {
//!     storage::conformance_tests!(crate::faulty);
//! }
//! # fn main() {}
//! ```

#![expect(
    missing_docs,
    reason = "the name of a case is the sentence that it proves"
)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a case fails by a panic"
)]

use std::pin::Pin;

pub mod accounts;
pub mod answers;
pub mod authentications;
pub mod ceremonies;
pub mod console;
pub mod deletions;
pub mod deliveries;
pub mod device;
pub mod durability;
pub mod events;
pub(crate) mod fixture;
pub mod imports;
mod injector;
pub mod leases;
pub mod metadata;
pub mod model;
pub mod paging;
pub mod registrations;
pub mod relying_parties;
pub mod sealed;
pub mod steps;
pub mod tokens;
pub mod users;

pub use fixture::{End, StoreUnderTest};
pub use injector::Faulty;

/// Runs one case on threads of its own. [`conformance_tests`](crate::conformance_tests) calls it.
pub fn run_case(case: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build()
        .unwrap()
        .block_on(case);
}

/// Makes a test of every case of the [conformance suite](crate::conformance). `$new` makes a
/// [`StoreUnderTest`](crate::conformance::StoreUnderTest) whose store is empty; names in it start with `crate`, because each test
/// is in a module of its own.
#[macro_export]
macro_rules! conformance_tests {
    (@tests $new:expr; $($area:ident: $($case:ident),+;)+) => {
        $(mod $area {
            $(
                #[test]
                fn $case() {
                    let mut under_test = $new();
                    $crate::conformance::run_case($crate::conformance::$area::$case(&mut under_test));
                }
            )+
        })+
    };
    (@table; $($area:ident: $($case:ident),+;)+) => {
        /// Every case.
        pub const CASES: &[Case] = &[$($(Case {
            area: stringify!($area),
            name: stringify!($case),
            run: |under_test| Box::pin($area::$case(under_test)),
        }),+),+];
    };
    (@list $($then:tt)+) => {
        $crate::conformance_tests! { $($then)+;
            accounts:
                only_an_empty_store_takes_a_first_account,
                of_many_first_accounts_at_once_one_is_created,
                a_secret_is_found_by_its_principal,
                an_account_is_created_once_and_listed,
                a_token_is_replaced_in_its_account_only,
                a_hash_is_replaced_where_it_is_the_expected_one,
                an_api_key_belongs_to_an_account,
                what_an_api_key_may_do_is_found_with_its_secret,
                the_last_use_of_a_key_is_shown_with_it,
                the_shared_secret_is_the_first_one_that_was_offered,
                the_store_key_is_the_first_one_that_was_offered_until_it_is_replaced,
                the_latest_time_is_kept;
            deliveries:
                an_event_and_its_deliveries_are_written_together,
                an_update_of_a_webhook_and_its_event_are_written_together,
                erased_deliveries_do_not_tell_who_it_was,
                ceremonies_are_told_as_they_end,
                a_delivery_is_claimed_once_until_its_lease_ends,
                a_relying_party_does_not_take_the_place_of_another,
                a_delivery_is_replaced_by_the_caller_that_has_it;
            relying_parties:
                a_relying_party_needs_its_account_and_reads_back_as_written,
                an_origin_is_found_while_a_relying_party_of_any_account_has_it,
                relying_parties_are_found_by_their_rp_id_in_the_order_of_their_keys,
                an_update_needs_the_version_before_it,
                of_many_updates_of_one_version_one_is_done,
                deleting_a_relying_party_takes_all_that_is_in_it_and_nothing_else,
                a_webhook_lives_in_its_relying_party,
                of_many_updates_of_one_webhook_one_is_done;
            users:
                a_name_is_taken_once_in_a_relying_party_byte_for_byte,
                of_many_users_of_one_name_one_is_created,
                users_are_found_by_the_beginning_of_their_names,
                the_models_of_the_newest_users_are_counted,
                a_user_comes_with_all_credentials_oldest_first,
                deleting_a_user_takes_all_that_is_theirs_and_nothing_else,
                a_credential_is_renamed_and_deleted_by_its_owner_only,
                a_user_is_found_by_name_and_by_key,
                the_last_use_of_a_deleted_credential_stays_with_its_user,
                a_refused_sign_in_is_noted_with_its_user;
            deletions:
                what_was_deleted_is_swept_within_the_budget,
                a_deletion_that_is_not_swept_yet_survives_a_restart,
                the_credential_id_of_a_deleted_user_is_free_before_the_sweep,
                no_credential_follows_an_acknowledged_deletion_of_its_user;
            events:
                events_are_found_by_what_a_filter_says,
                an_event_that_is_written_by_itself_is_found_with_its_details,
                a_search_of_events_goes_on_where_another_stopped,
                erased_events_do_not_tell_who_it_was;
            imports:
                an_imported_credential_keeps_its_handle_and_has_no_evidence,
                an_imported_credential_learns_its_flags_at_its_first_sign_in,
                what_is_there_is_not_replaced_and_a_counter_only_rises,
                an_import_brings_nothing_back_that_was_deleted,
                a_relying_party_and_an_event_are_imported_once,
                an_import_lists_what_it_has_made_and_is_forgotten_in_parts;
            tokens:
                an_access_key_lives_in_its_relying_party,
                a_token_key_is_the_first_one_offered_for_its_relying_party_and_kind,
                of_many_token_keys_offered_at_once_one_is_kept,
                a_token_key_is_replaced_where_it_is_the_expected_one,
                of_many_replacements_of_one_token_key_one_is_done,
                token_keys_are_listed_in_order,
                a_one_time_token_is_used_once_in_its_relying_party,
                of_a_hundred_uses_of_one_token_at_once_one_is_the_first,
                a_use_is_forgotten_only_after_its_token_expired,
                nothing_of_a_relying_party_comes_after_its_acknowledged_deletion;
            paging:
                every_list_is_complete_and_in_order_at_every_page_size,
                a_page_begins_after_a_row_that_is_gone;
            ceremonies:
                a_ceremony_reads_back_as_begun_in_its_own_relying_party,
                a_registration_begins_with_a_new_user_or_an_old_one,
                an_authentication_needs_its_user_and_its_relying_party,
                a_start_removes_the_pending_ceremonies_that_it_displaces,
                a_start_that_is_sent_again_begins_once,
                a_ceremony_is_refused_once,
                a_list_of_ceremonies_shows_what_its_filter_says,
                an_unfinished_registration_is_renamed_and_deleted,
                the_sweep_removes_what_is_old_within_its_budget,
                an_event_reads_back_as_written;
            registrations:
                a_verified_registration_becomes_a_credential,
                a_registration_that_the_store_refuses_is_recorded_as_refused,
                a_registration_is_taken_only_while_it_is_open,
                a_credential_id_is_registered_once_in_a_relying_party,
                a_user_has_at_most_so_many_credentials,
                a_repeated_attempt_has_the_same_outcome_and_writes_nothing,
                of_a_hundred_attempts_at_one_registration_one_wins,
                of_many_registrations_of_one_credential_id_one_wins,
                many_registrations_at_once_stay_within_the_limit;
            authentications:
                a_verified_authentication_is_counted,
                an_authentication_is_taken_only_while_it_is_open,
                the_counter_rule_decides_about_a_counter_that_does_not_grow,
                a_counter_that_fell_is_remembered_until_it_passes_the_highest,
                eligibility_is_lost_only_where_the_policy_accepts_that,
                an_authentication_that_the_store_refuses_is_recorded_as_refused,
                what_a_credential_gained_is_not_lost,
                a_credential_that_is_gone_ends_the_ceremony,
                a_repeated_attempt_has_the_same_outcome_and_writes_nothing,
                of_a_hundred_attempts_at_one_authentication_one_wins,
                a_success_and_a_refusal_at_once_leave_one_of_them,
                the_stored_counter_never_decreases_in_whatever_order_sign_ins_arrive,
                no_success_follows_an_acknowledged_deletion_of_the_credential,
                no_success_follows_an_acknowledged_deletion_of_the_user,
                no_success_follows_an_acknowledged_deletion_of_the_relying_party;
            sealed:
                a_sealed_authentication_is_begun_by_its_end,
                a_sealed_authentication_is_refused_once,
                of_a_hundred_attempts_at_one_sealed_authentication_one_wins,
                a_sealed_authentication_goes_with_its_owner,
                a_sealed_authentication_stays_taken_after_a_restart;
            leases:
                a_lease_is_one_nodes_until_its_time_is_over,
                of_many_nodes_one_gets_the_lease,
                a_lease_outlives_the_process_that_took_it;
            metadata:
                metadata_is_replaced_by_a_greater_number_only,
                of_many_imports_at_once_the_greatest_number_stays,
                removed_metadata_refuses_no_number,
                every_reader_of_the_metadata_notices_a_removal,
                metadata_is_there_after_a_restart_and_refuses_a_smaller_number;
            console:
                the_consoles_relying_party_is_kept_and_no_account_lists_it,
                a_record_of_the_console_reads_back_and_is_replaced,
                an_owner_is_left_whatever_owners_do_to_each_other,
                the_event_of_an_enrolment_link_is_in_the_trail_of_its_relying_party,
                an_administrator_goes_with_all_sessions,
                an_invite_brings_in_one_administrator,
                of_many_who_accept_one_invite_one_comes_in,
                expired_records_of_the_console_are_swept;
            answers:
                a_call_that_is_sent_again_gets_the_answer_of_the_first,
                a_call_that_was_given_up_is_done_by_another_attempt,
                a_released_key_is_free_and_an_answer_is_not_released,
                of_a_hundred_calls_with_one_key_at_once_one_is_done,
                an_account_keeps_at_most_so_many_answers,
                answers_are_swept_when_their_time_is_over,
                answers_are_there_after_a_restart;
            durability:
                everything_is_there_after_a_close,
                everything_is_there_after_a_drop,
                a_ceremony_taken_before_a_restart_stays_taken;
        }
    };
    ($new:expr) => {
        $crate::conformance_tests! { @list @tests $new }
    };
}

/// A case.
pub struct Case {
    /// What it is about.
    pub area: &'static str,
    /// The sentence that it proves, with underscores.
    pub name: &'static str,
    /// Runs it on a store that is empty. It fails by a panic.
    pub run: for<'a> fn(&'a mut dyn StoreUnderTest) -> Run<'a>,
}

/// A case that runs.
pub type Run<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

conformance_tests! { @list @table }
