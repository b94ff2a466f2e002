//! The one suite that every store must pass. A store brings a [`Bed`] and gets one test per case; the list of
//! cases is here, and no store can leave one out.

pub(crate) mod accounts;
pub(crate) mod answers;
pub(crate) mod authentications;
pub(crate) mod ceremonies;
pub(crate) mod deletions;
pub(crate) mod durability;
pub(crate) mod events;
pub(crate) mod fixture;
pub(crate) mod injector;
pub(crate) mod leases;
pub(crate) mod metadata;
pub(crate) mod model;
pub(crate) mod paging;
pub(crate) mod registrations;
pub(crate) mod relying_parties;
pub(crate) mod tokens;
pub(crate) mod users;

pub(crate) use fixture::{Bed, End};

/// Makes a test of each named case.
macro_rules! cases {
    ($bed:path; $($area:ident: $($case:ident),+;)+) => {
        $(mod $area {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $case() {
                    let mut bed = $bed();
                    $crate::conformance::$area::$case(&mut bed).await;
                }
            )+
        })+
    };
}
pub(crate) use cases;

/// Makes a test of every case for the store whose bed `$bed` lays.
macro_rules! every_case {
    ($bed:path) => {
        $crate::conformance::cases! { $bed;
            accounts:
                only_an_empty_store_takes_a_first_account,
                of_many_first_accounts_at_once_one_is_created,
                a_secret_is_found_by_its_principal,
                an_account_is_created_once_and_listed,
                a_token_is_replaced_in_its_account_only,
                an_api_key_belongs_to_an_account,
                the_shared_secret_is_the_first_one_that_was_offered;
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
                events_are_found_by_what_a_filter_says;
            tokens:
                an_access_key_lives_in_its_relying_party,
                a_token_key_is_the_first_one_offered_for_its_relying_party_and_kind,
                of_many_token_keys_offered_at_once_one_is_kept,
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
            leases:
                a_lease_is_one_nodes_until_its_time_is_over,
                of_many_nodes_one_gets_the_lease,
                a_lease_outlives_the_process_that_took_it;
            metadata:
                metadata_give_way_to_a_greater_number_only,
                of_many_imports_at_once_the_greatest_number_stays,
                metadata_that_were_removed_are_in_nobodys_way,
                a_removal_is_news_to_every_reader_of_the_metadata,
                metadata_are_there_after_a_restart_and_still_in_the_way;
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
}
pub(crate) use every_case;
